use anyclave_arch::{Enclu, EpcAddr, Linear, PageType, Pfec, SecInfo, SecInfoFlags};
use anyclave_trace::cause::EacceptcopyCause as Cause;

use crate::epcm::EpcmEntry;
use crate::exit::Completion;
use crate::frames::Place;
use crate::locks::Lock;
use crate::space::Access;
use crate::state::rflags;
use crate::testing::{DATA, DATA2, ENCLU_LENGTH, Scene, enclu_refusals};

/// Where the contents come from.
const SOURCE: u64 = 0x3000;

/// EAUG has added a page, which is to get contents.
fn scene() -> Scene {
    let mut scene = Scene::inside_newer();
    scene.entry(DATA2, |entry| entry.pending = true);
    scene.poke(DATA, &SecInfo::new(PageType::Reg, SecInfoFlags::R | SecInfoFlags::X));
    scene.poke(SOURCE, &[0x5a_u8; 4096]);
    scene.state.gprs.rbx = scene.enclave.at(DATA).0;
    scene.state.gprs.rcx = scene.enclave.at(DATA2).0;
    scene.state.gprs.rdx = scene.enclave.at(SOURCE).0;
    scene
}

#[test]
fn every_check_refuses_with_its_cause() {
    enclu_refusals(
        Cause::ALL,
        Enclu::Eacceptcopy,
        scene,
        &[
            (Cause::SecinfoUnaligned, |s| s.state.gprs.rbx += 32),
            (Cause::TargetUnaligned, |s| s.state.gprs.rcx += 64),
            (Cause::SourceUnaligned, |s| s.state.gprs.rdx += 64),
            (Cause::SecinfoOutside, |s| s.state.gprs.rbx = s.enclave.at(0x1_0000).0),
            (Cause::TargetOutside, |s| s.state.gprs.rcx = s.enclave.base.0 - 0x1000),
            (Cause::SourceOutside, |s| s.state.gprs.rdx = s.enclave.at(0x1_0000).0),
            (Cause::SecinfoNotEpc, |s| s.make_ordinary(DATA)),
            (Cause::TargetNotEpc, |s| s.make_ordinary(DATA2)),
            (Cause::SourceNotEpc, |s| s.make_ordinary(SOURCE)),
            (Cause::SecinfoInvalid, |s| s.entry(DATA, |e| e.valid = false)),
            (Cause::SecinfoBlocked, |s| s.entry(DATA, |e| e.blocked = true)),
            (Cause::SecinfoNotReg, |s| s.entry(DATA, |e| e.page_type = PageType::Tcs)),
            (Cause::SecinfoForeign, |s| s.entry(DATA, |e| e.secs = EpcAddr(0))),
            (Cause::SecinfoPending, |s| s.entry(DATA, |e| e.pending = true)),
            (Cause::SecinfoModified, |s| s.entry(DATA, |e| e.modified = true)),
            (Cause::SecinfoAddress, |s| s.entry(DATA, |e| e.address = Linear(0x1000))),
            (Cause::SecinfoRights, |s| s.entry(DATA, |e| e.rights = SecInfoFlags::W)),
            (Cause::SecinfoReserved, |s| s.poke(DATA, &0x283_u64)),
            (Cause::SecinfoReserved, |s| s.poke(DATA + 8, &1_u8)),
            (Cause::WriteWithoutRead, |s| s.poke(DATA, &0x202_u64)),
            (Cause::SecinfoTypeNotReg, |s| s.poke(DATA, &0x103_u64)),
            (Cause::SourceInvalid, |s| s.entry(SOURCE, |e| e.valid = false)),
            (Cause::SourceBlocked, |s| s.entry(SOURCE, |e| e.blocked = true)),
            (Cause::SourceNotReg, |s| s.entry(SOURCE, |e| e.page_type = PageType::Trim)),
            (Cause::SourceForeign, |s| s.entry(SOURCE, |e| e.secs = EpcAddr(0))),
            (Cause::SourcePending, |s| s.entry(SOURCE, |e| e.pending = true)),
            (Cause::SourceModified, |s| s.entry(SOURCE, |e| e.modified = true)),
            (Cause::SourceAddress, |s| s.entry(SOURCE, |e| e.address = Linear(0x1000))),
            (Cause::SourceRights, |s| s.entry(SOURCE, |e| e.rights = SecInfoFlags::X)),
            (Cause::TargetInvalid, |s| s.entry(DATA2, |e| e.valid = false)),
            (Cause::TargetNotPending, |s| s.entry(DATA2, |e| e.pending = false)),
            (Cause::TargetModified, |s| s.entry(DATA2, |e| e.modified = true)),
            (Cause::TargetBlocked, |s| s.entry(DATA2, |e| e.blocked = true)),
            (Cause::TargetNotReg, |s| s.entry(DATA2, |e| e.page_type = PageType::Trim)),
            (Cause::TargetForeign, |s| s.entry(DATA2, |e| e.secs = EpcAddr(0))),
            (Cause::TargetConflict, |s| s.machine.package.hold(s.enclave.page(DATA2), Lock::SGX2)),
            (Cause::TargetNotReadable, |s| s.entry(DATA2, |e| e.rights = SecInfoFlags::W)),
            (Cause::TargetNotWritable, |s| s.entry(DATA2, |e| e.rights = SecInfoFlags::R)),
            (Cause::TargetExecutable, |s| s.entry(DATA2, |e| e.rights = SecInfoFlags::RWX)),
            (Cause::TargetAddress, |s| s.entry(DATA2, |e| e.address = Linear(0x1000))),
        ],
    );
}

#[test]
fn the_page_gets_contents_and_rights_and_comes_within_reach() {
    let mut scene = scene();
    let page = scene.enclave.page(DATA2);
    let (entry, mut state) = (scene.machine.package.epcm_entry(page), scene.state.clone());
    assert_eq!(scene.enclu(Enclu::Eacceptcopy), Ok(Completion::Done));
    state.gprs.rax = 0;
    state.gprs.rflags &= !rflags::STATUS;
    state.gprs.rip += ENCLU_LENGTH;
    assert_eq!(scene.state, state);
    let rights = SecInfoFlags::R | SecInfoFlags::X;
    let accepted = EpcmEntry { rights, pending: false, ..entry };
    assert_eq!(scene.machine.package.epcm_entry(page), accepted);
    assert_eq!(scene.peek::<[u8; 4096]>(DATA2), [0x5a; 4096]);
    let eid = scene.machine.secs(scene.enclave.secs).eid.get();
    assert_eq!(scene.machine.package.frames.place(page), Place::Home { eid, page: 5 });
    scene.assert_refused(Enclu::Eacceptcopy, Cause::TargetNotPending);
}

#[test]
fn state_bits_of_secinfo_do_not_matter() {
    let mut scene = scene();
    scene.poke(DATA, &0x23b_u64);
    assert_eq!(scene.enclu(Enclu::Eacceptcopy), Ok(Completion::Done));
    let entry = scene.machine.package.epcm_entry(scene.enclave.page(DATA2));
    assert_eq!(entry.rights, SecInfoFlags::R | SecInfoFlags::W);
    assert!(!entry.pending && !entry.modified && !entry.pr);
}

#[test]
fn paging_has_to_let_a_write_through_to_the_new_page_only() {
    let write = (Access::Write, Pfec::P | Pfec::W);
    for (offset, faults) in [(DATA, false), (DATA2, true), (SOURCE, false)] {
        let mut scene = scene();
        scene.machine.space.set_fault(scene.enclave.at(offset), write.0, write.1);
        assert_eq!(scene.enclu(Enclu::Eacceptcopy).is_err(), faults, "{offset:#x}");
        let mut scene = self::scene();
        scene.machine.space.set_fault(scene.enclave.at(offset), Access::Read, Pfec::P);
        assert_eq!(scene.enclu(Enclu::Eacceptcopy).is_err(), !faults, "{offset:#x}");
    }
}
