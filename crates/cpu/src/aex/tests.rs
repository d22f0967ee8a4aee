use anyclave_arch::{Enclu, Flags};

use super::*;
use crate::ssa::GPRSGX;
use crate::testing::{AEP, EnclaveSpec, Machine, SSA, Scene, registers};

/// Offset of EXINFO in the first SSA frame, and of EXITINFO.
const EXINFO_AT: u64 = SSA + 4096 - 184 - 16;
const EXITINFO_AT: u64 = SSA + 4096 - 184 + 160;

/// Every exception there is.
const VECTORS: [Vector; 19] = [
    Vector::De,
    Vector::Db,
    Vector::Bp,
    Vector::Of,
    Vector::Br,
    Vector::Ud,
    Vector::Nm,
    Vector::Df,
    Vector::Ts,
    Vector::Np,
    Vector::Ss,
    Vector::Gp,
    Vector::Pf,
    Vector::Mf,
    Vector::Ac,
    Vector::Mc,
    Vector::Xm,
    Vector::Ve,
    Vector::Cp,
];

const READ: u32 = Pfec::P.union(Pfec::U).union(Pfec::SGX).bits();

fn page_fault(code: u32) -> Event {
    Event { vector: Some(Vector::Pf), error_code: code, address: Linear(0x7000_0000_4567) }
}

/// Inside an enclave with or without EXINFO.
fn inside(exinfo: bool) -> Scene {
    let mut spec = EnclaveSpec::default();
    let miscselect = if exinfo { MiscSelect::EXINFO } else { MiscSelect::empty() };
    spec.secs.miscselect = miscselect.bits().into();
    let mut scene = Scene::with(Machine::new(), &spec);
    scene.enter();
    // what an earlier exit may have left
    scene.poke(EXITINFO_AT, &u32::MAX);
    scene.poke(EXINFO_AT, &[0xcc_u8; 16]);
    scene
}

#[test]
fn all_registers_go_to_the_frame() {
    let mut scene = Scene::inside();
    scene.state = State { fs_base: 0x1111, gs_base: 0x2222, ..registers() };
    scene.state.gprs.rflags |= rflags::DF | rflags::TF;
    let before = scene.state.clone();
    let old = scene.gprsgx(0);
    scene.aex(Event::INTERRUPT);
    let rflags = before.gprs.rflags & !rflags::TF;
    let expected = GprSgx {
        fsbase: 0x1111.into(),
        gsbase: 0x2222.into(),
        ursp: old.ursp,
        urbp: old.urbp,
        ..Gprs { rflags, ..before.gprs }.to_ssa()
    };
    assert_eq!(scene.gprsgx(0), expected);
}

#[test]
fn the_outside_sees_a_synthetic_state() {
    let mut scene = Scene::new();
    let outside = scene.state.clone();
    scene.enter();
    scene.state = State { fs_base: 0x1111, gs_base: 0x2222, ..registers() };
    scene.state.gprs.rsp = 0xdead;
    scene.state.gprs.rflags |= rflags::RF | rflags::DF;
    scene.aex(Event::INTERRUPT);
    let expected = Gprs {
        rax: 3,
        rbx: scene.enclave.at(0).0,
        rcx: AEP,
        rip: AEP,
        rsp: outside.gprs.rsp,
        rbp: outside.gprs.rbp,
        rflags: rflags::IF | rflags::DF | 2,
        ..Gprs::default()
    };
    assert_eq!(scene.state.gprs, expected);
    assert_eq!((scene.state.fs_base, scene.state.gs_base), (outside.fs_base, outside.gs_base));
    let tcs = scene.tcs();
    assert_eq!((tcs.state.get(), tcs.cssa.get()), (0, 1));
    assert!(!scene.machine.processor.inside());
    assert!(scene.machine.package.slots().iter().count() == 0);
}

#[test]
fn extended_state_becomes_initial_but_for_control_registers() {
    for (vector, fcw, fsw, mxcsr) in [
        (None, 0x37f_u16, 0_u16, 0x1fb0_u32),
        (Some(Vector::Ud), 0x37f, 0, 0x1fb0),
        (Some(Vector::Mf), 0x37e, 0x8081, 0x1fb0),
        (Some(Vector::Xm), 0x37f, 0, 0x1f01),
    ] {
        let mut scene = Scene::inside();
        scene.state.xsave = registers().xsave;
        scene.aex(Event { vector, ..Event::default() });
        let xsave = &scene.state.xsave;
        assert_eq!(xsave.0[..4], [fcw.to_le_bytes(), fsw.to_le_bytes()].concat(), "{vector:?}");
        assert_eq!(xsave.mxcsr(), mxcsr, "{vector:?}");
        assert_eq!(xsave.0[4..24], [0; 20]);
        assert_eq!(xsave.0[32..416], [0; 384]);
        assert_eq!(xsave.0[576..], [0; 256]);
        // x87 only where it is not initial, SSE always for MXCSR
        assert_eq!(xsave.xstate_bv(), if fsw == 0 { 2 } else { 3 }, "{vector:?}");
    }
}

#[test]
fn the_frame_gets_the_components_of_xfrm_and_nothing_of_the_host() {
    let mut scene = Scene::inside();
    let mut image = registers().xsave;
    image.0[416..512].fill(0x99); // Linux keeps XCR0 here
    image.0[520..576].fill(0x99);
    image.0[513] = 2; // a component that XFRM lacks
    scene.state.xsave = image.clone();
    scene.poke(SSA + 512, &[0x66_u8; 64]);
    scene.aex(Event::INTERRUPT);
    assert_eq!(scene.peek::<[u8; 416]>(SSA)[..], image.0[..416]);
    assert_eq!(scene.peek::<[u8; 96]>(SSA + 416), [0; 96]);
    let mut header = [0x66; 64];
    header[..24].fill(0);
    header[0] = 7;
    assert_eq!(scene.peek::<[u8; 64]>(SSA + 512), header);
    assert_eq!(scene.peek::<[u8; 256]>(SSA + 576)[..], image.0[576..]);
}

#[test]
fn exitinfo_tells_the_vectors_of_the_manual() {
    for vector in VECTORS {
        for exinfo in [false, true] {
            let mut scene = inside(exinfo);
            scene.aex(Event { vector: Some(vector), error_code: READ, address: Linear(0x1234) });
            let expected = match vector.number() {
                3 => 0x8000_0603,
                number @ (0 | 1 | 5 | 6 | 16 | 17 | 19) => 0x8000_0300 | u32::from(number),
                number @ (13 | 14) if exinfo => 0x8000_0300 | u32::from(number),
                _ => 0,
            };
            assert_eq!(scene.gprsgx(0).exitinfo.get(), expected, "{vector:?}, EXINFO {exinfo}");
        }
    }
    let mut scene = inside(true);
    scene.aex(Event::INTERRUPT);
    assert_eq!(scene.gprsgx(0).exitinfo.get(), 0);
}

#[test]
fn exinfo_tells_address_and_error_code_where_the_enclave_asked() {
    let untouched = [0xcc; 16];
    let report = |exinfo, event| {
        let mut scene = inside(exinfo);
        scene.aex(event);
        scene.peek::<[u8; 16]>(EXINFO_AT)
    };
    let mut expected = [0; 16];
    expected[..8].copy_from_slice(&0x7000_0000_4567_u64.to_le_bytes());
    expected[8..12].copy_from_slice(&READ.to_le_bytes());
    assert_eq!(report(true, page_fault(READ)), expected);
    assert_eq!(report(false, page_fault(READ)), untouched);
    let gp = Event { vector: Some(Vector::Gp), error_code: 0x18, address: Linear(0x9999) };
    let mut expected = [0; 16];
    expected[8] = 0x18;
    assert_eq!(report(true, gp), expected);
    assert_eq!(report(false, gp), untouched);
    assert_eq!(report(true, Event { vector: Some(Vector::Ud), ..gp }), untouched);
    assert_eq!(report(true, Event::INTERRUPT), untouched);
}

#[test]
fn a_page_fault_of_the_supervisor_is_not_reported() {
    let mut scene = inside(true);
    scene.aex(page_fault((Pfec::P | Pfec::W).bits()));
    assert_eq!(scene.gprsgx(0).exitinfo.get(), 0);
    assert_eq!(scene.peek::<[u8; 16]>(EXINFO_AT), [0xcc; 16]);
}

#[test]
fn the_operating_system_learns_the_page_of_a_fault_only() {
    let delivered = Scene::inside().aex(page_fault(READ));
    assert_eq!(delivered, Event { address: Linear(0x7000_0000_4000), ..page_fault(READ) });
    let gp = Event { vector: Some(Vector::Gp), error_code: 8, address: Linear(0) };
    assert_eq!(Scene::inside().aex(gp), gp);
}

#[test]
fn faults_are_saved_with_rf_and_interrupts_as_they_are() {
    for (vector, given, saved) in [
        (Some(Vector::Ud), 0, rflags::RF),
        (Some(Vector::Pf), 0, rflags::RF),
        (None, 0, 0),
        (None, rflags::RF, rflags::RF),
        (Some(Vector::Db), 0, 0),
    ] {
        let mut scene = Scene::inside();
        scene.state.gprs.rflags = given | 2;
        scene.aex(Event { vector, ..Event::default() });
        assert_eq!(scene.gprsgx(0).rflags.get(), saved | 2, "{vector:?}");
    }
}

#[test]
fn tf_of_the_outside_comes_back() {
    let mut scene = Scene::new();
    scene.state.gprs.rflags |= rflags::TF;
    scene.enter();
    scene.state.gprs.rflags &= !rflags::TF;
    scene.aex(Event::INTERRUPT);
    assert_eq!(scene.state.gprs.rflags & rflags::TF, rflags::TF);
}

#[test]
fn an_exit_uses_the_frame_of_cssa_and_then_counts() {
    let mut scene = Scene::inside();
    scene.state.gprs.r12 = 0x1111;
    scene.exception(Vector::Ud);
    scene.enter();
    scene.state.gprs.r12 = 0x2222;
    scene.exception(Vector::De);
    assert_eq!((scene.gprsgx(0).r12.get(), scene.gprsgx(1).r12.get()), (0x1111, 0x2222));
    assert_eq!((scene.gprsgx(0).exitinfo.get(), scene.gprsgx(1).exitinfo.get()), (0x8000_0306, 0x8000_0300));
    assert_eq!(scene.tcs().cssa.get(), 2);
}

#[test]
fn rsp_and_rbp_come_from_the_frame_which_the_enclave_may_write() {
    let mut scene = Scene::inside();
    scene.poke(SSA + u64::try_from(GPRSGX).unwrap() + 144, &[0x1111_u64, 0x2222]);
    scene.aex(Event::INTERRUPT);
    assert_eq!((scene.state.gprs.rsp, scene.state.gprs.rbp), (0x1111, 0x2222));
}

#[test]
fn outside_enclave_mode_an_event_is_delivered_as_it_is() {
    let mut scene = Scene::new();
    let (state, machine) = (scene.state.clone(), scene.machine.snapshot());
    assert_eq!(scene.aex(page_fault(READ)), page_fault(READ));
    assert_eq!(scene.state, state);
    assert!(scene.machine.snapshot() == machine);
}

#[test]
fn a_refused_leaf_inside_becomes_the_event_of_its_fault() {
    let mut scene = inside(true);
    scene.state.gprs.rbx = scene.enclave.at(0x4001).0;
    let fault = scene.enclu(Enclu::Ereport).expect_err("unaligned");
    scene.aex(fault.into());
    assert_eq!(scene.gprsgx(0).exitinfo.get(), 0x8000_030d);
    assert_eq!(scene.gprsgx(0).rax.get(), 0);
}

#[test]
fn an_abandoned_thread_frees_its_tcs_and_keeps_its_frame() {
    let mut scene = Scene::inside();
    let frame = scene.gprsgx(0);
    scene.machine.package.abandon(&mut scene.machine.processor);
    let tcs = scene.tcs();
    assert_eq!((tcs.state.get(), tcs.cssa.get()), (0, 1));
    assert_eq!(scene.gprsgx(0), frame);
    assert!(scene.machine.package.slots().iter().count() == 0);
    // the next thread enters at the second frame
    scene.enter();
    assert_eq!(scene.state.gprs.rax, 1);
    // and nothing happens to a thread that is outside
    scene.aex(Event::INTERRUPT);
    let machine = scene.machine.snapshot();
    scene.machine.package.abandon(&mut scene.machine.processor);
    assert!(scene.machine.snapshot() == machine);
}

#[test]
fn a_production_enclave_tells_its_kernel_no_more_and_no_less() {
    let mut spec = EnclaveSpec::default();
    spec.secs.attributes.flags = Flags::MODE64BIT.bits().into();
    let mut scene = Scene::with(Machine::new(), &spec);
    scene.enter();
    scene.state = registers();
    scene.exception(Vector::Ud);
    assert_eq!(scene.gprsgx(0).exitinfo.get(), 0x8000_0306);
    assert_eq!(scene.state.gprs.r15, 0);
}

mod property;
