use anyclave_arch::{Enclu, EpcAddr, Flags, Linear, PageType, SecInfoFlags};
use anyclave_trace::cause::EresumeCause as Cause;

use crate::aex::Event;
use crate::exit::Completion;
use crate::locks::Lock;
use crate::state::rflags;
use crate::testing::{AEP, DATA, ENCLU_LENGTH, EncluRow, SSA, Scene, TCS, enclu_refusals, registers};

/// Changes ATTRIBUTES.FLAGS in the SECS.
fn attributes(scene: &mut Scene, flags: Flags) {
    let secs = scene.enclave.secs;
    scene.machine.poke(EpcAddr(secs.0 + 48), &flags.bits());
}

/// Outside after an interrupt, at the AEP.
fn interrupted() -> Scene {
    let mut scene = Scene::inside();
    scene.aex(Event::INTERRUPT);
    scene
}

/// The thread, its enclave and the interrupted frame ask for a notification, and the processor has it.
fn notify(scene: &mut Scene) {
    scene.machine.package.config.attributes |= Flags::AEXNOTIFY;
    attributes(scene, Flags::INIT | Flags::MODE64BIT | Flags::AEXNOTIFY);
    scene.poke(8, &2_u64);
    scene.poke(NOTIFY, &1_u8);
}

/// The page of the handler's frame.
const HANDLER: u64 = SSA + 0x1000;
/// Offset of AEXNOTIFY in the first SSA frame.
const NOTIFY: u64 = SSA + 4096 - 184 + 167;

/// Offset of RFLAGS, RIP, FSBASE and GSBASE in the first SSA frame.
const RFLAGS: u64 = SSA + 4096 - 184 + 128;
const RIP: u64 = RFLAGS + 8;
const FSBASE: u64 = SSA + 4096 - 16;
const GSBASE: u64 = FSBASE + 8;

#[test]
fn every_check_refuses_with_its_cause() {
    enclu_refusals(Cause::ALL, Enclu::Eresume, interrupted, &[FRAME, HANDLER_ROWS, CONTENTS].concat());
}

/// Up to the interrupted frame.
const FRAME: &[EncluRow<Cause>] = &[
    (Cause::RbxUnaligned, |s| s.state.gprs.rbx += 8),
    (Cause::RbxNotCanonical, |s| s.state.gprs.rbx = 1 << 63),
    (Cause::RbxNotEpc, |s| s.make_ordinary(TCS)),
    (Cause::AepNotCanonical, |s| s.state.gprs.rcx = 1 << 47),
    (Cause::TcsConflict, |s| s.machine.package.hold(s.enclave.page(TCS), Lock::EXCLUSIVE)),
    (Cause::TcsInvalid, |s| s.entry(TCS, |e| e.valid = false)),
    (Cause::TcsBlocked, |s| s.entry(TCS, |e| e.blocked = true)),
    (Cause::TcsAddress, |s| s.entry(TCS, |e| e.address = Linear(0x1000))),
    (Cause::TcsNotTcs, |s| s.entry(TCS, |e| e.page_type = PageType::Reg)),
    (Cause::TcsPending, |s| s.entry(TCS, |e| e.pending = true)),
    (Cause::TcsModified, |s| s.entry(TCS, |e| e.modified = true)),
    (Cause::OssaUnaligned, |s| s.poke(16, &0x2010_u64)),
    (Cause::OfsbaseUnaligned, |s| s.poke(48, &0x10_u64)),
    (Cause::OgsbaseUnaligned, |s| s.poke(56, &0x10_u64)),
    (Cause::FlagsReserved, |s| s.poke(8, &2_u64)),
    (Cause::FlagsReserved, |s| s.poke(8, &(1_u64 << 63))),
    (Cause::NotInitialised, |s| attributes(s, Flags::MODE64BIT)),
    (Cause::ModeMismatch, |s| attributes(s, Flags::INIT)),
    (Cause::XfrmNotEnabled, |s| s.machine.package.config.xcr0 = 3),
    (Cause::AexnotifyMismatch, |s| {
        notify(s);
        s.poke(8, &0_u64);
    }),
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
];

/// What is checked of a handler that AEX-Notify enters.
const HANDLER_ROWS: &[EncluRow<Cause>] = &[
    (Cause::HandlerCssaNotBelowNssa, |s| {
        notify(s);
        s.poke(28, &1_u32);
    }),
    (Cause::HandlerSsaNotCanonical, |s| {
        notify(s);
        below_the_hole(s);
    }),
    (Cause::HandlerSsaNotEpc, |s| {
        notify(s);
        s.make_ordinary(HANDLER);
    }),
    (Cause::HandlerSsaInvalid, |s| {
        notify(s);
        s.entry(HANDLER, |e| e.valid = false);
    }),
    (Cause::HandlerSsaBlocked, |s| {
        notify(s);
        s.entry(HANDLER, |e| e.blocked = true);
    }),
    (Cause::HandlerSsaNotReg, |s| {
        notify(s);
        s.entry(HANDLER, |e| e.page_type = PageType::Tcs);
    }),
    (Cause::HandlerSsaForeign, |s| {
        notify(s);
        s.entry(HANDLER, |e| e.secs = EpcAddr(0));
    }),
    (Cause::HandlerSsaPending, |s| {
        notify(s);
        s.entry(HANDLER, |e| e.pending = true);
    }),
    (Cause::HandlerSsaModified, |s| {
        notify(s);
        s.entry(HANDLER, |e| e.modified = true);
    }),
    (Cause::HandlerSsaAddress, |s| {
        notify(s);
        s.entry(HANDLER, |e| e.address = Linear(0x1000));
    }),
    (Cause::HandlerSsaRights, |s| {
        notify(s);
        s.entry(HANDLER, |e| e.rights = SecInfoFlags::R);
    }),
    (Cause::HandlerEntryNotCanonical, |s| {
        notify(s);
        s.poke(32, &(1_u64 << 47));
    }),
    (Cause::HandlerFsbaseNotCanonical, |s| {
        notify(s);
        s.poke(48, &(1_u64 << 47));
    }),
    (Cause::HandlerGsbaseNotCanonical, |s| {
        notify(s);
        s.poke(56, &(1_u64 << 47));
    }),
    (Cause::TcsActive, |s| {
        notify(s);
        s.poke(0, &1_u64);
    }),
];

/// What is checked of the contents of the interrupted frame.
const CONTENTS: &[EncluRow<Cause>] = &[
    (Cause::RipNotCanonical, |s| s.poke(RIP, &(1_u64 << 47))),
    (Cause::FsbaseNotCanonical, |s| s.poke(FSBASE, &(1_u64 << 47))),
    (Cause::GsbaseNotCanonical, |s| s.poke(GSBASE, &(1_u64 << 47))),
    (Cause::TcsActive, |s| s.poke(0, &1_u64)),
    (Cause::XstateBvOutsideXfrm, |s| s.poke(SSA + 512, &(1_u64 << 9))),
    (Cause::XstateBvOutsideXfrm, |s| s.poke(SSA + 512, &(1_u64 << 63))),
    (Cause::XsaveHeaderReserved, |s| s.poke(SSA + 520, &(1_u64 << 63))),
    (Cause::XsaveHeaderReserved, |s| s.poke(SSA + 528, &1_u64)),
    (Cause::MxcsrReserved, |s| s.poke(SSA + 24, &0x1_0000_u32)),
];

/// The first frame is the last page that has a canonical address; the EPCM has nothing against it.
fn below_the_hole(scene: &mut Scene) {
    let at = Linear((1 << 47) - 0x1000);
    let base = scene.enclave.base;
    scene.poke(16, &at.0.wrapping_sub(base.0));
    scene.machine.space.map(at, scene.enclave.page(SSA));
    scene.entry(SSA, |entry| entry.address = at);
}

#[test]
fn it_continues_where_the_exit_interrupted() {
    let mut scene = Scene::inside();
    let inside = crate::State { fs_base: 0x1111, gs_base: 0x2222, ..registers() };
    scene.state = inside.clone();
    let mode = scene.machine.processor.mode.clone();
    scene.aex(Event::INTERRUPT);
    scene.resume();
    assert_eq!(scene.state, inside);
    assert_eq!(scene.machine.processor.mode, mode);
    let tcs = scene.tcs();
    assert_eq!((tcs.state.get(), tcs.cssa.get()), (1, 0));
}

#[test]
fn it_takes_a_new_aep_and_a_new_outside() {
    let mut scene = interrupted();
    scene.state.gprs.rcx = 0x40_5000;
    (scene.state.fs_base, scene.state.gs_base) = (0x3333, 0x4444);
    let ursp = scene.gprsgx(0).ursp;
    scene.state.gprs.rsp = 0x7fff_0000_9000;
    assert_eq!(scene.enclu(Enclu::Eresume), Ok(Completion::Done));
    assert_eq!(scene.tcs().aep.get(), 0x40_5000);
    assert_eq!(scene.gprsgx(0).ursp, ursp, "URSP is EENTER's");
    scene.aex(Event::INTERRUPT);
    assert_eq!((scene.state.gprs.rip, scene.state.gprs.rcx), (0x40_5000, 0x40_5000));
    assert_eq!((scene.state.fs_base, scene.state.gs_base), (0x3333, 0x4444));
}

#[test]
fn of_rflags_only_what_user_mode_may_change_is_loaded() {
    let mut scene = interrupted();
    scene.poke(RFLAGS, &u64::MAX);
    scene.state.gprs.rflags = 2;
    scene.resume();
    assert_eq!(scene.state.gprs.rflags, rflags::RESUMED | 2);

    // IF follows the frame only where user mode may change it
    for (outside, inside) in [(rflags::IF, rflags::IF), (rflags::IF | rflags::IOPL, 0)] {
        let mut scene = interrupted();
        scene.poke(RFLAGS, &0_u64);
        scene.state.gprs.rflags = outside;
        scene.resume();
        assert_eq!(scene.state.gprs.rflags & rflags::IF, inside);
    }
}

#[test]
fn tf_is_hidden_from_a_thread_that_did_not_opt_in() {
    for (flags, inside) in [(0_u64, 0), (1, rflags::TF)] {
        let mut scene = interrupted();
        scene.poke(8, &flags);
        scene.state.gprs.rflags |= rflags::TF;
        scene.resume();
        assert_eq!(scene.state.gprs.rflags & rflags::TF, inside);
        scene.aex(Event::INTERRUPT);
        assert_eq!(scene.state.gprs.rflags & rflags::TF, rflags::TF);
    }
}

#[test]
fn rip_may_lie_outside_the_enclave() {
    let mut scene = interrupted();
    scene.poke(RIP, &0x1234_u64);
    scene.resume();
    assert_eq!(scene.state.gprs.rip, 0x1234);
}

#[test]
fn components_that_the_frame_says_are_initial_become_so() {
    let mut scene = interrupted();
    scene.poke(SSA + 512, &0_u64);
    scene.poke(SSA + 24, &0x1f80_u32);
    scene.state.xsave = registers().xsave;
    scene.resume();
    let xsave = &scene.state.xsave;
    assert_eq!(xsave.xstate_bv() & 7, 0);
    assert_eq!(xsave.0[..4], [0x7f, 3, 0, 0], "FCW, FSW");
    assert_eq!(xsave.0[160..416], [0; 256], "XMM");
    assert_eq!(xsave.0[576..832], [0; 256], "AVX");
}

#[test]
fn components_outside_xfrm_keep_what_the_thread_has() {
    let mut scene = interrupted();
    let mut image = registers().xsave.0;
    image.extend([0x77; 64]);
    image[513] = 2; // PKRU, which the enclave's XFRM lacks
    scene.state.xsave.0 = image;
    scene.resume();
    assert_eq!(scene.state.xsave.0[832..], [0x77; 64]);
    assert_eq!(scene.state.xsave.xstate_bv() >> 8, 2);
    scene.aex(Event::INTERRUPT);
    assert_eq!(scene.state.xsave.0[832..], [0x77; 64]);
    assert_eq!(scene.state.xsave.xstate_bv() >> 8, 2);
}

#[test]
fn nested_interruptions_are_resumed_in_reverse() {
    let mut scene = Scene::inside();
    scene.state.gprs.r15 = 0xaaaa;
    scene.aex(Event::INTERRUPT);
    scene.enter();
    scene.state.gprs.r15 = 0xbbbb;
    scene.aex(Event::INTERRUPT);
    assert_eq!(scene.tcs().cssa.get(), 2);
    scene.resume();
    assert_eq!((scene.state.gprs.r15, scene.tcs().cssa.get()), (0xbbbb, 1));
    assert_eq!(scene.enclu(Enclu::Eexit), Ok(Completion::Done));
    scene.resume();
    assert_eq!((scene.state.gprs.r15, scene.tcs().cssa.get()), (0xaaaa, 0));
}

#[test]
fn a_handler_may_edit_the_frame() {
    let mut scene = interrupted();
    scene.enter();
    let rip = scene.enclave.at(DATA).0;
    scene.poke(RIP, &rip);
    scene.enclu(Enclu::Eexit).expect("EEXIT");
    scene.resume();
    assert_eq!(scene.state.gprs.rip, rip);
}

#[test]
fn a_frame_that_asks_for_it_is_left_to_a_handler() {
    let mut scene = interrupted();
    notify(&mut scene);
    scene.poke(48, &0x4000_u64);
    scene.poke(56, &0x5000_u64);
    let frame = scene.gprsgx(0);
    scene.state.gprs.rcx = 0x40_5000;
    scene.state.gprs.r15 = 0x1515;
    scene.state.gprs.rflags |= rflags::RF;
    let before = scene.state.clone();
    assert_eq!(scene.enclu(Enclu::Eresume), Ok(Completion::Done));
    let mut expected = before.clone();
    expected.gprs.rax = 1;
    expected.gprs.rcx = AEP + ENCLU_LENGTH;
    expected.gprs.rip = scene.enclave.at(0x1000).0;
    expected.gprs.rflags &= !rflags::RF;
    expected.fs_base = scene.enclave.at(0x4000).0;
    expected.gs_base = scene.enclave.at(0x5000).0;
    assert!(scene.state == expected, "extended state passes through, too");
    let tcs = scene.tcs();
    assert_eq!((tcs.state.get(), tcs.cssa.get(), tcs.aep.get()), (1, 1, 0x40_5000));
    assert_eq!(scene.gprsgx(0), frame, "the interrupted frame stays, and with it the wish");
    let handler = scene.gprsgx(1);
    assert_eq!((handler.ursp.get(), handler.urbp.get()), (before.gprs.rsp, before.gprs.rbp));
    let mode = scene.machine.processor.mode.clone().expect("inside");
    assert_eq!(mode.frame.gprsgx, scene.enclave.page(HANDLER));
}

#[test]
fn without_the_bit_of_the_frame_or_of_the_thread_nothing_is_notified() {
    for (flags, bit) in [(2_u64, 0_u8), (2, 0xfe), (1, 1)] {
        let mut scene = interrupted();
        notify(&mut scene);
        scene.poke(8, &flags);
        scene.poke(NOTIFY, &bit);
        scene.resume();
        assert_eq!(scene.tcs().cssa.get(), 0, "flags {flags}, frame {bit:#x}");
    }
}

#[test]
fn a_notification_does_not_look_at_what_it_does_not_load() {
    for damage in [(RIP, 1_u64 << 47), (FSBASE, 1 << 47), (GSBASE, 1 << 47), (SSA + 512, 1 << 63)] {
        let mut scene = interrupted();
        notify(&mut scene);
        scene.poke(damage.0, &damage.1);
        scene.resume();
        assert_eq!(scene.tcs().cssa.get(), 1);
    }
}

#[test]
fn tf_is_hidden_from_a_handler_of_a_thread_that_did_not_opt_in() {
    for (flags, inside) in [(2_u64, 0), (3, rflags::TF)] {
        let mut scene = interrupted();
        notify(&mut scene);
        scene.poke(8, &flags);
        scene.state.gprs.rflags |= rflags::TF;
        scene.resume();
        assert_eq!(scene.state.gprs.rflags & rflags::TF, inside);
        scene.aex(Event::INTERRUPT);
        assert_eq!(scene.state.gprs.rflags & rflags::TF, rflags::TF);
    }
}
