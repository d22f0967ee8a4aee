use anyclave_arch::{Enclu, EpcAddr, Linear, PageType, SecInfoFlags};
use anyclave_trace::cause::EdeccssaCause as Cause;

use crate::aex::Event;
use crate::exit::Completion;
use crate::locks::Lock;
use crate::testing::{ENCLU_LENGTH, SSA, Scene, TCS, enclu_refusals};

/// In a handler, above an interrupted frame.
fn handler() -> Scene {
    let mut scene = Scene::inside_newer();
    scene.aex(Event::INTERRUPT);
    scene.enter();
    scene
}

#[test]
fn every_check_refuses_with_its_cause() {
    enclu_refusals(
        Cause::ALL,
        Enclu::Edeccssa,
        handler,
        &[
            (Cause::TcsConflict, |s| s.machine.package.hold(s.enclave.page(TCS), Lock::EXCLUSIVE)),
            (Cause::CssaZero, |s| s.poke(24, &0_u32)),
            (Cause::SsaNotCanonical, |s| s.poke(16, &(1_u64 << 47))),
            (Cause::SsaNotEpc, |s| s.make_ordinary(SSA)),
            (Cause::SsaInvalid, |s| s.entry(SSA, |e| e.valid = false)),
            (Cause::SsaBlocked, |s| s.entry(SSA, |e| e.blocked = true)),
            (Cause::SsaNotReg, |s| s.entry(SSA, |e| e.page_type = PageType::Tcs)),
            (Cause::SsaForeign, |s| s.entry(SSA, |e| e.secs = EpcAddr(0))),
            (Cause::SsaPending, |s| s.entry(SSA, |e| e.pending = true)),
            (Cause::SsaModified, |s| s.entry(SSA, |e| e.modified = true)),
            (Cause::SsaAddress, |s| s.entry(SSA, |e| e.address = Linear(0x1000))),
            (Cause::SsaRights, |s| s.entry(SSA, |e| e.rights = SecInfoFlags::R)),
            (Cause::SsaRights, |s| s.entry(SSA, |e| e.rights = SecInfoFlags::W)),
        ],
    );
}

#[test]
fn only_cssa_and_the_frame_of_the_next_exit_change() {
    let mut scene = handler();
    let (registers, first, second) = (scene.state.clone(), scene.gprsgx(0), scene.gprsgx(1));
    let mut mode = scene.machine.processor.mode.clone().expect("inside");
    assert_eq!(scene.enclu(Enclu::Edeccssa), Ok(Completion::Done));
    let mut expected = registers;
    expected.gprs.rax = 9;
    expected.gprs.rip += ENCLU_LENGTH;
    assert_eq!(scene.state, expected, "flags and RAX stay as they are");
    assert_eq!((scene.gprsgx(0), scene.gprsgx(1)), (first, second));
    let tcs = scene.tcs();
    assert_eq!((tcs.cssa.get(), tcs.state.get()), (0, 1));
    let page = scene.enclave.page(SSA);
    (mode.frame.xsave, mode.frame.gprsgx) = (vec![page], page);
    assert_eq!(scene.machine.processor.mode, Some(mode));
}

#[test]
fn the_next_exit_fills_the_frame_that_was_interrupted() {
    let mut scene = handler();
    let second = scene.gprsgx(1);
    scene.enclu(Enclu::Edeccssa).expect("EDECCSSA");
    scene.state.gprs.r15 = 0x0eac_0eac;
    scene.aex(Event::INTERRUPT);
    assert_eq!(scene.tcs().cssa.get(), 1);
    assert_eq!(scene.gprsgx(0).r15.get(), 0x0eac_0eac);
    assert_eq!(scene.gprsgx(1), second);
    let ursp = scene.gprsgx(0).ursp.get();
    assert_eq!(scene.state.gprs.rsp, ursp, "RSP of the entry that was interrupted");
    scene.resume();
    assert_eq!((scene.state.gprs.r15, scene.tcs().cssa.get()), (0x0eac_0eac, 0));
}

#[test]
fn below_the_first_frame_there_is_nothing() {
    let mut scene = handler();
    scene.enclu(Enclu::Edeccssa).expect("EDECCSSA");
    scene.assert_refused(Enclu::Edeccssa, Cause::CssaZero);
}
