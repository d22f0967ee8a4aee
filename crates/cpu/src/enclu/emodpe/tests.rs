use anyclave_arch::{Enclu, EpcAddr, Linear, PageType, Pfec, SecInfo, SecInfoFlags, Vector};
use anyclave_trace::cause::EmodpeCause as Cause;

use crate::exit::Completion;
use crate::locks::Lock;
use crate::space::Access;
use crate::testing::{DATA, DATA2, ENCLU_LENGTH, Scene, enclu_refusals};

/// A page that may only be read is to be writable.
fn scene() -> Scene {
    let mut scene = Scene::inside_newer();
    scene.entry(DATA2, |entry| entry.rights = SecInfoFlags::R);
    scene.poke(DATA, &SecInfo::new(PageType::Secs, SecInfoFlags::R | SecInfoFlags::W));
    scene.state.gprs.rbx = scene.enclave.at(DATA).0;
    scene.state.gprs.rcx = scene.enclave.at(DATA2).0;
    scene
}

#[test]
fn every_check_refuses_with_its_cause() {
    enclu_refusals(
        Cause::ALL,
        Enclu::Emodpe,
        scene,
        &[
            (Cause::SecinfoUnaligned, |s| s.state.gprs.rbx += 32),
            (Cause::PageUnaligned, |s| s.state.gprs.rcx += 64),
            (Cause::SecinfoOutside, |s| s.state.gprs.rbx = s.enclave.at(0x1_0000).0),
            (Cause::PageOutside, |s| s.state.gprs.rcx = s.enclave.base.0 - 0x1000),
            (Cause::SecinfoNotEpc, |s| s.make_ordinary(DATA)),
            (Cause::PageNotEpc, |s| s.make_ordinary(DATA2)),
            (Cause::SecinfoInvalid, |s| s.entry(DATA, |e| e.valid = false)),
            (Cause::SecinfoBlocked, |s| s.entry(DATA, |e| e.blocked = true)),
            (Cause::SecinfoNotReg, |s| s.entry(DATA, |e| e.page_type = PageType::Tcs)),
            (Cause::SecinfoForeign, |s| s.entry(DATA, |e| e.secs = EpcAddr(0))),
            (Cause::SecinfoPending, |s| s.entry(DATA, |e| e.pending = true)),
            (Cause::SecinfoModified, |s| s.entry(DATA, |e| e.modified = true)),
            (Cause::SecinfoAddress, |s| s.entry(DATA, |e| e.address = Linear(0x1000))),
            (Cause::SecinfoRights, |s| s.entry(DATA, |e| e.rights = SecInfoFlags::W)),
            (Cause::SecinfoReserved, |s| s.poke(DATA, &0x43_u64)),
            (Cause::SecinfoReserved, |s| s.poke(DATA + 63, &1_u8)),
            (Cause::PageInvalid, |s| s.entry(DATA2, |e| e.valid = false)),
            (Cause::PageBlocked, |s| s.entry(DATA2, |e| e.blocked = true)),
            (Cause::PageNotReg, |s| s.entry(DATA2, |e| e.page_type = PageType::Tcs)),
            (Cause::PageForeign, |s| s.entry(DATA2, |e| e.secs = EpcAddr(0))),
            (Cause::PagePending, |s| s.entry(DATA2, |e| e.pending = true)),
            (Cause::PageModified, |s| s.entry(DATA2, |e| e.modified = true)),
            (Cause::PageAddress, |s| s.entry(DATA2, |e| e.address = Linear(0x1000))),
            (Cause::PageConflict, |s| s.machine.package.hold(s.enclave.page(DATA2), Lock::SGX2)),
            (Cause::WriteWithoutRead, |s| {
                s.poke(DATA, &2_u64);
                s.entry(DATA2, |e| e.rights = SecInfoFlags::empty());
            }),
        ],
    );
}

#[test]
fn rights_are_added_and_nothing_else_changes() {
    for page in 0..8 {
        for more in 0..8 {
            let (before, asked) =
                (SecInfoFlags::from_bits_retain(page), SecInfoFlags::from_bits_retain(more));
            let mut scene = scene();
            scene.entry(DATA2, |entry| entry.rights = before);
            scene.poke(DATA, &SecInfo::new(PageType::Reg, asked));
            let at = scene.enclave.page(DATA2);
            let (mut entry, mut state) = (scene.machine.package.epcm_entry(at), scene.state.clone());
            let result = scene.enclu(Enclu::Emodpe);
            if (before | asked).contains(SecInfoFlags::R) || !asked.contains(SecInfoFlags::W) {
                assert_eq!(result, Ok(Completion::Done));
                entry.rights = before | asked;
                state.gprs.rip += ENCLU_LENGTH;
            } else {
                let refusal = result.expect_err("W without R").refusal.expect("a check");
                assert_eq!(refusal.cause, Cause::WriteWithoutRead.into());
            }
            state.gprs.rax = 6;
            assert_eq!(scene.state, state, "RAX and flags stay");
            assert_eq!(scene.machine.package.epcm_entry(at), entry);
        }
    }
}

#[test]
fn type_and_state_bits_of_secinfo_do_not_matter() {
    let mut scene = scene();
    scene.poke(DATA, &0x43b_u64);
    let at = scene.enclave.page(DATA2);
    scene.entry(DATA2, |entry| {
        entry.pr = true;
        entry.mark = Some(3);
    });
    let before = scene.machine.package.epcm_entry(at);
    assert_eq!(scene.enclu(Enclu::Emodpe), Ok(Completion::Done));
    let rights = SecInfoFlags::R | SecInfoFlags::W;
    assert_eq!(scene.machine.package.epcm_entry(at), crate::EpcmEntry { rights, ..before });
}

#[test]
fn the_page_itself_is_only_read() {
    let mut scene = scene();
    let at = scene.enclave.at(DATA2);
    scene.machine.space.set_fault(at, Access::Write, Pfec::P | Pfec::W);
    assert_eq!(scene.enclu(Enclu::Emodpe), Ok(Completion::Done));
    scene.machine.space.set_fault(at, Access::Read, Pfec::empty());
    let fault = scene.enclu(Enclu::Emodpe).expect_err("not there");
    assert_eq!((fault.vector, fault.code, fault.address), (Vector::Pf, Pfec::U.bits(), Some(at)));
}

#[test]
fn a_leaf_that_only_looks_at_the_page_does_not_exclude_it() {
    let mut scene = scene();
    scene.machine.package.hold(scene.enclave.page(DATA2), Lock::EXCLUSIVE);
    assert_eq!(scene.enclu(Enclu::Emodpe), Ok(Completion::Done));
}
