use anyclave_arch::Enclu;
use anyclave_trace::cause::EexitCause as Cause;

use crate::exit::Completion;
use crate::testing::{AEP, Scene, enclu_refusals, registers};

#[test]
fn every_check_refuses_with_its_cause() {
    enclu_refusals(
        Cause::ALL,
        Enclu::Eexit,
        Scene::inside,
        &[(Cause::RbxNotCanonical, |s| {
            s.state.gprs.rbx = 1 << 47;
        })],
    );
}

#[test]
fn it_changes_rip_rcx_and_the_segment_bases_only() {
    let mut scene = Scene::inside();
    let eid = scene.machine.processor.mode.as_ref().map(|mode| mode.eid).expect("inside");
    scene.state = crate::State { fs_base: 0x1111, gs_base: 0x2222, ..registers() };
    scene.state.gprs.rbx = 0x40_3000;
    let mut expected = scene.state.clone();
    assert_eq!(scene.enclu(Enclu::Eexit), Ok(Completion::Done));
    expected.gprs.rax = 4;
    expected.gprs.rip = 0x40_3000;
    expected.gprs.rcx = AEP;
    (expected.fs_base, expected.gs_base) = (0x7f00_0000_0000, 0x7f00_0000_1000);
    assert_eq!(scene.state, expected);
    assert!(!scene.machine.processor.inside());
    assert_eq!(scene.machine.package.slots.inside(eid), 0);
    let tcs = scene.tcs();
    assert_eq!((tcs.state.get(), tcs.cssa.get()), (0, 0));
}

#[test]
fn a_target_inside_the_enclave_is_legal() {
    let mut scene = Scene::inside();
    scene.state.gprs.rbx = scene.enclave.at(0x1000).0;
    assert_eq!(scene.enclu(Enclu::Eexit), Ok(Completion::Done));
}

#[test]
fn the_thread_can_be_entered_again() {
    let mut scene = Scene::inside();
    scene.enclu(Enclu::Eexit).expect("EEXIT");
    scene.enter();
}
