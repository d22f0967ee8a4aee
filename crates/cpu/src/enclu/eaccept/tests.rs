use anyclave_arch::{Enclu, EpcAddr, Linear, PageType, Pfec, SecInfo, SecInfoFlags, Tcs, Vector};
use anyclave_trace::cause::EacceptCause as Cause;
use zerocopy::FromZeros;

use crate::epcm::EpcmEntry;
use crate::exit::Completion;
use crate::frames::Place;
use crate::locks::Lock;
use crate::space::Access;
use crate::state::rflags;
use crate::testing::{DATA, DATA2, ENCLU_LENGTH, EncluRow, Scene, enclu_refusals};

const RW: SecInfoFlags = SecInfoFlags::R.union(SecInfoFlags::W);

/// EAUG has added a page, which is to be accepted.
fn added() -> Scene {
    let mut scene = Scene::inside_newer();
    scene.entry(DATA2, |entry| entry.pending = true);
    scene.poke(DATA, &SecInfo::new(PageType::Reg, RW | SecInfoFlags::PENDING));
    aim(&mut scene);
    scene
}

/// EMODT has changed the type of a page, which is to be accepted.
fn retyped(page_type: PageType) -> Scene {
    let mut scene = Scene::inside_newer();
    scene.entry(DATA2, |entry| {
        (entry.page_type, entry.modified, entry.rights) = (page_type, true, SecInfoFlags::empty());
    });
    let tcs = Tcs { nssa: 1.into(), ..Tcs::new_zeroed() };
    scene.poke(DATA2, &tcs);
    scene.poke(DATA, &SecInfo::new(page_type, SecInfoFlags::MODIFIED));
    aim(&mut scene);
    scene
}

fn aim(scene: &mut Scene) {
    scene.state.gprs.rbx = scene.enclave.at(DATA).0;
    scene.state.gprs.rcx = scene.enclave.at(DATA2).0;
}

/// Makes a TCS of the page and of the request, and damages it.
fn tcs(scene: &mut Scene, offset: u64, bytes: &[u8]) {
    *scene = retyped(PageType::Tcs);
    scene.poke(DATA2 + offset, bytes);
}

#[test]
fn every_check_refuses_with_its_cause() {
    enclu_refusals(Cause::ALL, Enclu::Eaccept, added, &[ROWS, TCS_ROWS].concat());
}

const ROWS: &[EncluRow<Cause>] = &[
    (Cause::SecinfoUnaligned, |s| s.state.gprs.rbx += 32),
    (Cause::SecinfoOutside, |s| s.state.gprs.rbx = s.enclave.at(0x1_0000).0),
    (Cause::SecinfoNotEpc, |s| s.make_ordinary(DATA)),
    (Cause::SecinfoInvalid, |s| s.entry(DATA, |e| e.valid = false)),
    (Cause::SecinfoBlocked, |s| s.entry(DATA, |e| e.blocked = true)),
    (Cause::SecinfoNotReg, |s| s.entry(DATA, |e| e.page_type = PageType::Tcs)),
    (Cause::SecinfoForeign, |s| s.entry(DATA, |e| e.secs = EpcAddr(0))),
    (Cause::SecinfoPending, |s| s.entry(DATA, |e| e.pending = true)),
    (Cause::SecinfoModified, |s| s.entry(DATA, |e| e.modified = true)),
    (Cause::SecinfoAddress, |s| s.entry(DATA, |e| e.address = Linear(0x1000))),
    (Cause::SecinfoRights, |s| s.entry(DATA, |e| e.rights = SecInfoFlags::W)),
    (Cause::SecinfoReserved, |s| s.poke(DATA, &0x24b_u64)),
    (Cause::SecinfoReserved, |s| s.poke(DATA + 8, &1_u8)),
    (Cause::PageUnaligned, |s| s.state.gprs.rcx += 64),
    (Cause::PageOutside, |s| s.state.gprs.rcx = s.enclave.base.0 - 0x1000),
    (Cause::PageNotEpc, |s| s.make_ordinary(DATA2)),
    (Cause::RequestIllegal, |s| s.poke(DATA, &0x203_u64)),
    (Cause::PageInvalid, |s| s.entry(DATA2, |e| e.valid = false)),
    (Cause::PageBlocked, |s| s.entry(DATA2, |e| e.blocked = true)),
    (Cause::PageTypeInvalid, |s| s.entry(DATA2, |e| e.page_type = PageType::Va)),
    (Cause::PageForeign, |s| s.entry(DATA2, |e| e.secs = EpcAddr(0))),
    (Cause::PageConflict, |s| s.machine.package.hold(s.enclave.page(DATA2), Lock::EXCLUSIVE)),
    (Cause::Sgx2Conflict, |s| s.machine.package.hold(s.enclave.page(DATA2), Lock::SGX2)),
    (Cause::AddressMismatch, |s| s.entry(DATA2, |e| e.address = Linear(0x1000))),
    (Cause::PendingMismatch, |s| s.entry(DATA2, |e| e.pending = false)),
    (Cause::ModifiedMismatch, |s| s.entry(DATA2, |e| e.modified = true)),
    (Cause::ReadMismatch, |s| s.entry(DATA2, |e| e.rights = SecInfoFlags::W)),
    (Cause::WriteMismatch, |s| s.entry(DATA2, |e| e.rights = SecInfoFlags::R)),
    (Cause::ExecuteMismatch, |s| s.entry(DATA2, |e| e.rights = SecInfoFlags::RWX)),
    (Cause::TypeMismatch, |s| s.entry(DATA2, |e| e.page_type = PageType::Trim)),
    (Cause::NotTracked, |s| s.entry(DATA2, |e| e.mark = Some(0))),
];

const TCS_ROWS: &[EncluRow<Cause>] = &[
    (Cause::TcsReserved, |s| tcs(s, 72, &[1])),
    (Cause::TcsReserved, |s| tcs(s, 4095, &[1])),
    (Cause::TcsDbgoptin, |s| tcs(s, 8, &[1])),
    (Cause::TcsCssaNotBelowNssa, |s| tcs(s, 24, &[1])),
    (Cause::TcsCssaNotBelowNssa, |s| tcs(s, 28, &[0])),
    (Cause::TcsAepNonZero, |s| tcs(s, 47, &[0x80])),
    (Cause::TcsActive, |s| tcs(s, 0, &[1])),
];

/// EACCEPT succeeds and leaves the page accepted, with all else as it was.
#[track_caller]
fn accepts(scene: &mut Scene) -> EpcmEntry {
    let page = scene.enclave.page(DATA2);
    let before = scene.machine.package.epcm_entry(page);
    let mut state = scene.state.clone();
    assert_eq!(scene.enclu(Enclu::Eaccept), Ok(Completion::Done));
    state.gprs.rax = 0;
    state.gprs.rflags &= !rflags::STATUS;
    state.gprs.rip += ENCLU_LENGTH;
    assert_eq!(scene.state, state);
    let accepted = EpcmEntry { pending: false, modified: false, pr: false, mark: None, ..before };
    let after = scene.machine.package.epcm_entry(page);
    assert_eq!(after, accepted);
    after
}

#[test]
fn an_added_page_comes_within_reach() {
    let mut scene = added();
    accepts(&mut scene);
    let eid = scene.machine.secs(scene.enclave.secs).eid.get();
    let place = scene.machine.package.frames.place(scene.enclave.page(DATA2));
    assert_eq!(place, Place::Home { eid, page: 5 });
}

#[test]
fn what_is_accepted_cannot_be_accepted_again() {
    let mut scene = added();
    accepts(&mut scene);
    scene.assert_refused(Enclu::Eaccept, Cause::PendingMismatch);
    let mut scene = retyped(PageType::Trim);
    accepts(&mut scene);
    scene.assert_refused(Enclu::Eaccept, Cause::ModifiedMismatch);
}

#[test]
fn a_page_with_a_new_type_stays_out_of_reach() {
    for page_type in [PageType::Tcs, PageType::Trim] {
        let mut scene = retyped(page_type);
        accepts(&mut scene);
        assert_eq!(scene.machine.package.frames.place(scene.enclave.page(DATA2)), Place::Store);
    }
}

#[test]
fn a_new_tcs_may_have_flags_that_eenter_refuses_and_aex_notify() {
    let mut scene = retyped(PageType::Tcs);
    scene.poke(DATA2 + 8, &0xf2_u64);
    accepts(&mut scene);
}

#[test]
fn pr_is_not_compared() {
    // a restriction that never was, and one that was not asked for
    for (pr, request) in [(false, SecInfoFlags::PR), (true, SecInfoFlags::PENDING)] {
        let mut scene = Scene::inside_newer();
        scene.entry(DATA2, |entry| {
            (entry.pr, entry.pending) = (pr, request == SecInfoFlags::PENDING);
        });
        scene.poke(DATA, &SecInfo::new(PageType::Reg, RW | request));
        aim(&mut scene);
        accepts(&mut scene);
    }
}

#[test]
fn requests_are_what_a_kernel_can_have_done() {
    let legal = |flags: u64| {
        let (bits, page_type) = (flags & 0x38, flags >> 8);
        match page_type {
            2 => bits & 0x28 != 0 && bits & 0x10 == 0,
            1 | 4 => bits == 0x10,
            _ => false,
        }
    };
    let mut scene = added();
    scene.entry(DATA2, |entry| entry.rights = SecInfoFlags::empty());
    let (page, entry) =
        (scene.enclave.page(DATA2), scene.machine.package.epcm_entry(scene.enclave.page(DATA2)));
    for flags in (0..0x800_u64).filter(|flags| flags & 0xc0 == 0) {
        scene.machine.package.epcm.set(page, entry);
        scene.poke(DATA, &flags);
        let result = scene.enclu(Enclu::Eaccept);
        let refusal = match result {
            Ok(Completion::Done) => None,
            Ok(Completion::Code(refusal)) => Some(refusal),
            Err(fault) => fault.refusal,
        };
        let illegal = refusal.is_some_and(|refusal| refusal.cause == Cause::RequestIllegal.into());
        assert_eq!(illegal, !legal(flags), "{flags:#x}");
    }
}

#[test]
fn a_change_is_accepted_once_all_who_knew_the_page_before_have_left() {
    let mut scene = Scene::inside_newer();
    scene.entry(DATA2, |entry| {
        (entry.pr, entry.rights, entry.mark) = (true, SecInfoFlags::R, Some(0));
    });
    scene.poke(DATA, &SecInfo::new(PageType::Reg, SecInfoFlags::R | SecInfoFlags::PR));
    aim(&mut scene);
    scene.assert_refused(Enclu::Eaccept, Cause::NotTracked);
    // a new epoch has begun, but this thread entered before it
    let secs = scene.enclave.secs;
    let epoch = EpcAddr(secs.0 + core::mem::offset_of!(crate::SecsPage, epoch) as u64);
    scene.machine.poke(epoch, &1_u64);
    scene.assert_refused(Enclu::Eaccept, Cause::NotTracked);
    scene.enclu(Enclu::Eexit).expect("EEXIT");
    scene.enter();
    aim(&mut scene);
    accepts(&mut scene);
}

#[test]
fn the_page_itself_is_only_read() {
    let mut scene = added();
    let at = scene.enclave.at(DATA2);
    scene.machine.space.set_fault(at, Access::Read, Pfec::empty());
    let fault = scene.enclu(Enclu::Eaccept).expect_err("not there");
    assert_eq!((fault.vector, fault.code, fault.address), (Vector::Pf, Pfec::U.bits(), Some(at)));
    let mut scene = added();
    scene.machine.space.set_fault(at, Access::Write, Pfec::P | Pfec::W);
    accepts(&mut scene);
}
