//! What holds before any leaf of ENCLU runs.

use anyclave_arch::Enclu;
use anyclave_arch::cpuid::SgxFeatures;
use anyclave_trace::cause::EncluCause as Cause;

use crate::exit::Completion;
use crate::state::rflags;
use crate::testing::Scene;

#[test]
fn a_number_that_is_no_leaf_is_refused_inside_and_outside() {
    for mut scene in [Scene::new(), Scene::inside()] {
        for rax in [10, 0xffff_ffff] {
            scene.state.gprs.rax = rax;
            let before = scene.state.clone();
            let machine = &mut scene.machine;
            let result =
                machine.package.enclu(&mut machine.processor, &mut machine.space, &mut scene.state, 3);
            let fault = result.expect_err("no such leaf");
            assert_eq!(fault.refusal.map(|refusal| refusal.cause), Some(Cause::LeafUnknown.into()));
            assert_eq!(scene.state, before);
        }
    }
}

#[test]
fn leaves_that_cpuid_does_not_announce_are_refused() {
    use Enclu::{Eaccept, Eacceptcopy, Edeccssa, Emodpe, Everifyreport2};
    for mut scene in [Scene::new(), Scene::inside()] {
        for leaf in [Eaccept, Emodpe, Eacceptcopy, Everifyreport2, Edeccssa] {
            scene.assert_refused(leaf, Cause::LeafNotEnumerated);
        }
    }
}

#[test]
fn a_bit_of_cpuid_announces_its_leaves_alone() {
    use Enclu::{Eaccept, Eacceptcopy, Edeccssa, Emodpe, Everifyreport2};
    let leaves = [Eaccept, Emodpe, Eacceptcopy, Edeccssa];
    for (bit, announced) in [(SgxFeatures::SGX2, &leaves[..3]), (SgxFeatures::EDECCSSA, &leaves[3..])] {
        let mut scene = Scene::inside_newer();
        scene.machine.package.config.features = SgxFeatures::SGX1 | bit;
        for leaf in leaves {
            let refusal = scene.enclu(leaf).expect_err("no operands").refusal.expect("a check");
            let refused = refusal.cause == Cause::LeafNotEnumerated.into();
            assert_eq!(refused, !announced.contains(&leaf), "{leaf:?}");
        }
        scene.assert_refused(Everifyreport2, Cause::LeafNotEnumerated);
    }
    let mut scene = Scene::inside_newer();
    scene.machine.package.config.features |= SgxFeatures::EVERIFYREPORT2;
    scene.assert_refused(Everifyreport2, Cause::LeafNotEnumerated);
}

#[test]
fn entries_work_outside_only_and_all_else_inside_only() {
    for leaf in [Enclu::Eenter, Enclu::Eresume] {
        Scene::inside().assert_refused(leaf, Cause::EntryInside);
    }
    let mut outside = Scene::inside_newer();
    outside.enclu(Enclu::Eexit).expect("EEXIT");
    for leaf in [
        Enclu::Ereport,
        Enclu::Egetkey,
        Enclu::Eexit,
        Enclu::Eaccept,
        Enclu::Emodpe,
        Enclu::Eacceptcopy,
        Enclu::Edeccssa,
    ] {
        outside.assert_refused(leaf, Cause::NotInside);
    }
}

#[test]
fn the_upper_half_of_rax_does_not_choose_the_leaf() {
    let mut scene = Scene::new();
    scene.state.gprs.rax = 0xdead_beef_0000_0002;
    let machine = &mut scene.machine;
    let result = machine.package.enclu(&mut machine.processor, &mut machine.space, &mut scene.state, 3);
    assert_eq!(result, Ok(Completion::Done));
    assert!(machine.processor.inside());
}

#[test]
fn only_eresume_needs_extended_state() {
    let scene = Scene::new();
    for rax in 0..12 {
        assert_eq!(scene.machine.package.enclu_needs_xsave(rax), rax == 3, "{rax}");
    }
    assert!(scene.machine.package.enclu_needs_xsave(0xffff_ffff_0000_0003));
}

#[test]
fn completion_clears_rf_of_the_trapped_flags() {
    let mut scene = Scene::new();
    scene.state.gprs.rflags |= rflags::RF;
    scene.enter();
    assert_eq!(scene.state.gprs.rflags & rflags::RF, 0);
}

mod consent;
mod sequences;
