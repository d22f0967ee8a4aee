use anyclave_arch::ssa::GprSgx;
use anyclave_arch::{
    Enclu, EpcAddr, Flags, Linear, MiscSelect, PageType, Pfec, SecInfo, SecInfoFlags, Vector,
};
use anyclave_trace::cause::EenterCause as Cause;

use crate::aex::Event;
use crate::exit::{Completion, Fault};
use crate::locks::Lock;
use crate::processor::EnclaveMode;
use crate::space::Access;
use crate::ssa::SsaFrame;
use crate::state::rflags;
use crate::testing::{
    AEP, ENCLU_LENGTH, ENCLU_RIP, EnclaveSpec, Machine, PageSpec, SSA, Scene, TCS, config, enclu_refusals,
};
use crate::xsave::XsaveLayout;

/// Changes ATTRIBUTES.FLAGS in the SECS.
fn attributes(scene: &mut Scene, flags: Flags) {
    let secs = scene.enclave.secs;
    scene.machine.poke(EpcAddr(secs.0 + 48), &flags.bits());
}

#[test]
fn every_check_refuses_with_its_cause() {
    enclu_refusals(
        Cause::ALL,
        Enclu::Eenter,
        Scene::new,
        &[
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
                s.machine.package.config.attributes |= Flags::AEXNOTIFY;
                s.poke(8, &2_u64);
            }),
            (Cause::CssaNotBelowNssa, |s| s.poke(24, &2_u32)),
            (Cause::CssaNotBelowNssa, |s| s.poke(28, &0_u32)),
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
            (Cause::EntryNotCanonical, |s| s.poke(32, &(1_u64 << 47))),
            (Cause::FsbaseNotCanonical, |s| s.poke(48, &(1_u64 << 47))),
            (Cause::GsbaseNotCanonical, |s| s.poke(56, &(1_u64 << 47))),
            (Cause::TcsActive, |s| s.poke(0, &1_u64)),
        ],
    );
}

#[test]
fn entry_loads_what_the_tcs_says_and_passes_the_rest_through() {
    let mut scene = Scene::new();
    scene.poke(48, &0x4000_u64);
    scene.poke(56, &0x5000_u64);
    let before = scene.state.clone();
    scene.enter();
    let mut expected = before.clone();
    expected.gprs.rax = 0;
    expected.gprs.rcx = ENCLU_RIP + ENCLU_LENGTH;
    expected.gprs.rip = scene.enclave.at(0x1000).0;
    expected.fs_base = scene.enclave.at(0x4000).0;
    expected.gs_base = scene.enclave.at(0x5000).0;
    assert_eq!(scene.state, expected);
    let tcs = scene.tcs();
    assert_eq!((tcs.state.get(), tcs.cssa.get(), tcs.aep.get()), (1, 0, AEP));
    let gprsgx: GprSgx = scene.gprsgx(0);
    assert_eq!((gprsgx.ursp.get(), gprsgx.urbp.get()), (before.gprs.rsp, before.gprs.rbp));
}

#[test]
fn entry_leaves_the_processor_in_enclave_mode() {
    let mut scene = Scene::new();
    scene.enter();
    let page = scene.enclave.page(SSA);
    let eid = scene.machine.secs(scene.enclave.secs).eid.get();
    assert_eq!(scene.machine.package.slots.inside(eid), 1);
    let mode = scene.machine.processor.mode.clone().expect("inside");
    assert!(mode.contains(scene.enclave.at(0xffff)) && !mode.contains(scene.enclave.at(0x1_0000)));
    let expected = EnclaveMode {
        secs: scene.enclave.secs,
        eid,
        slot: 0,
        base: scene.enclave.base,
        size: 0x1_0000,
        xfrm: 7,
        miscselect: MiscSelect::EXINFO,
        tcs: scene.enclave.page(TCS),
        tcs_address: scene.enclave.at(TCS),
        aep: Linear(AEP),
        frame: SsaFrame { xsave: vec![page], gprsgx: page },
        debug_opt_in: false,
        saved_fs_base: 0x7f00_0000_0000,
        saved_gs_base: 0x7f00_0000_1000,
        saved_tf: false,
    };
    assert_eq!(mode, expected);
}

#[test]
fn thread_and_enclave_agree_on_aex_notify_unless_a_debugger_says_otherwise() {
    let notify = Flags::INIT | Flags::MODE64BIT | Flags::AEXNOTIFY;
    for flags in 0..4_u64 {
        for enclave in [notify, notify - Flags::AEXNOTIFY] {
            let mut scene = Scene::new();
            scene.machine.package.config.attributes |= Flags::AEXNOTIFY;
            attributes(&mut scene, enclave);
            scene.poke(8, &flags);
            if flags & 1 != 0 || (flags & 2 != 0) == (enclave == notify) {
                scene.enter();
            } else {
                scene.assert_refused(Enclu::Eenter, Cause::AexnotifyMismatch);
            }
        }
    }
}

#[test]
fn an_aep_inside_the_enclave_is_legal() {
    let mut scene = Scene::new();
    scene.state.gprs.rcx = scene.enclave.at(0x1000).0;
    assert_eq!(scene.enclu(Enclu::Eenter), Ok(Completion::Done));
}

#[test]
fn a_thread_uses_its_second_frame_in_a_handler_and_has_no_third() {
    let mut scene = Scene::inside();
    scene.aex(Event::INTERRUPT);
    scene.enter();
    assert_eq!(scene.state.gprs.rax, 1, "CSSA");
    let frame = scene.machine.processor.mode.as_ref().map(|mode| mode.frame.gprsgx);
    assert_eq!(frame, Some(scene.enclave.page(0x3000)));
    scene.aex(Event::INTERRUPT);
    scene.aim();
    scene.assert_refused(Enclu::Eenter, Cause::CssaNotBelowNssa);
}

#[test]
fn tf_is_hidden_from_a_thread_that_did_not_opt_in() {
    for (flags, inside) in [(0_u64, 0), (1, rflags::TF)] {
        let mut scene = Scene::new();
        scene.poke(8, &flags);
        scene.state.gprs.rflags |= rflags::TF;
        scene.enter();
        assert_eq!(scene.state.gprs.rflags & rflags::TF, inside);
        scene.enclu(Enclu::Eexit).expect("EEXIT");
        assert_eq!(scene.state.gprs.rflags & rflags::TF, rflags::TF);
    }
}

#[test]
fn ordinary_paging_comes_before_the_epcm() {
    for (offset, address) in [(TCS, 0), (SSA, SSA)] {
        let mut scene = Scene::new();
        scene.entry(offset, |entry| entry.valid = false);
        let at = scene.enclave.at(offset);
        scene.machine.space.set_fault(at, Access::Write, Pfec::P | Pfec::W);
        let code = (Pfec::P | Pfec::W | Pfec::U).bits();
        let address = Some(scene.enclave.at(address));
        let fault = Fault { vector: Vector::Pf, code, address, refusal: None };
        assert_eq!(scene.enclu(Enclu::Eenter), Err(fault));
    }
}

/// Frames of three pages, whose XSAVE area reaches into the second.
fn large_frames() -> Scene {
    let xsave = XsaveLayout::new(vec![(0, 0), (0, 0), (4000, 256)]);
    let mut spec = EnclaveSpec::default();
    spec.secs.ssaframesize = 3.into();
    for offset in [0x6000, 0x7000] {
        let secinfo = SecInfo::new(PageType::Reg, SecInfoFlags::R | SecInfoFlags::W);
        spec.pages.push(PageSpec { offset, secinfo, data: Box::new([0; 4096]) });
    }
    Scene::with(Machine::with(crate::Config { xsave, ..config() }), &spec)
}

#[test]
fn all_pages_that_an_exit_writes_are_checked_and_no_others() {
    for (offset, address) in [(0x2000, 0x2000), (0x3000, 0x3000), (0x4000, 0x4f48)] {
        let mut scene = large_frames();
        scene.entry(offset, |entry| entry.rights = SecInfoFlags::R);
        let fault = scene.enclu(Enclu::Eenter).expect_err("refused");
        assert_eq!(fault.refusal.map(|refusal| refusal.cause), Some(Cause::SsaRights.into()));
        assert_eq!(fault.address, Some(scene.enclave.at(address)));
    }
    // the second frame: pages 5, 6 and 7 of the enclave, of which 6 holds the end of the XSAVE area
    let mut scene = large_frames();
    scene.poke(24, &1_u32);
    scene.enter();
    let mode = scene.machine.processor.mode.clone().expect("inside");
    let [first, second, last] = [0x5000, 0x6000, 0x7000].map(|offset| scene.enclave.page(offset));
    assert_eq!(mode.frame, SsaFrame { xsave: vec![first, second], gprsgx: last });
}

#[test]
fn an_exit_and_eresume_work_across_the_pages_of_a_frame() {
    let mut scene = large_frames();
    scene.state.xsave.0 = vec![0x5a; 4256];
    scene.state.xsave.0[512..576].fill(0);
    scene.state.xsave.0[512] = 7;
    scene.state.xsave.0[24..28].copy_from_slice(&0x1fa0_u32.to_le_bytes());
    scene.enter();
    let inside = scene.state.clone();
    scene.aex(Event::INTERRUPT);
    assert_eq!(scene.state.xsave.0[4000..4256], [0; 256]);
    assert_eq!(scene.peek::<[u8; 96]>(0x2000 + 4000), [0x5a; 96]);
    assert_eq!(scene.peek::<[u8; 160]>(0x3000), [0x5a; 160]);
    assert_eq!(scene.peek::<u8>(0x3000 + 160), 0);
    scene.resume();
    assert_eq!(scene.state, inside);
}
