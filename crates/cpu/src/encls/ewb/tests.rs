use std::collections::HashSet;

use anyclave_arch::{Encls, Pfec, SecInfo, SecInfoFlags, Vector};
use anyclave_crypto::Gcm;

use super::*;
use crate::encls::EnclsRegisters;
use crate::frames::Place;
use crate::space::Target;
use crate::testing::{
    Enclave, EnclaveSpec, EnclsScene, Executed, Machine, PAGEINFO, PCMD, SRCPGE, TestSpace, flat, output,
    refusals_but, slot,
};

struct Evict {
    machine: Machine,
    enclave: Enclave,
    array: EpcAddr,
    pageinfo: PageInfo,
    rbx: Linear,
    rcx: Linear,
    rdx: Linear,
}

impl Evict {
    /// The page at 4000H, ready to go.
    fn new() -> Self {
        let mut scene = Self::of(0x4000);
        let page = scene.page();
        scene.machine.block(page);
        scene
    }

    /// The page at an offset, which is not blocked.
    fn of(offset: u64) -> Self {
        let mut machine = Machine::new();
        let enclave = machine.build(&EnclaveSpec::default());
        let array = machine.epa();
        let (rcx, rdx) = (flat(enclave.page(offset)), flat(slot(array, 3)));
        Self { machine, enclave, array, pageinfo: output(), rbx: PAGEINFO, rcx, rdx }
    }

    fn page(&self) -> EpcAddr {
        self.enclave.page(0x4000)
    }

    fn edit(&mut self, edit: impl FnOnce(&mut EpcmEntry)) {
        let page = self.page();
        self.machine.edit(page, edit);
    }

    fn run(&mut self) -> Executed {
        self.place();
        self.execute()
    }

    fn track(&mut self) -> Executed {
        self.machine.encls(Encls::Etrack, [0, flat(self.enclave.secs).0, 0])
    }

    fn version(&mut self) -> u64 {
        self.machine.package.read_epc::<U64>(slot(self.array, 3)).get()
    }
}

impl EnclsScene for Evict {
    fn machine(&mut self) -> &mut Machine {
        &mut self.machine
    }

    fn place(&mut self) {
        self.machine.space.put(PAGEINFO, &self.pageinfo);
        self.machine.space.put(PCMD, &[0xee_u8; 128]);
        self.machine.space.put(SRCPGE, &[0xee_u8; 4096]);
    }

    fn execute(&mut self) -> Executed {
        self.machine.encls(Encls::Ewb, [self.rbx.0, self.rcx.0, self.rdx.0])
    }
}

/// All causes of failure: the last of the enum is no failure.
fn failures() -> &'static [Cause] {
    let (last, failures) = Cause::ALL.split_last().unwrap();
    assert_eq!(*last, Cause::SlotOccupied);
    failures
}

#[test]
fn every_check_refuses_and_changes_nothing() {
    refusals_but::<Cause, Evict>(
        failures(),
        Evict::new,
        &[
            (Cause::RbxUnaligned, |s| s.rbx.0 += 16),
            (Cause::RcxUnaligned, |s| s.rcx.0 += 8),
            (Cause::RcxNotEpc, |s| s.rcx = SRCPGE),
            (Cause::RdxUnaligned, |s| s.rdx.0 += 4),
            (Cause::RdxNotEpc, |s| s.rdx = SRCPGE),
            (Cause::SlotInPage, |s| s.rdx = s.rcx.offset(8)),
            (Cause::LinaddrNonZero, |s| s.pageinfo.linaddr.set(0x1000)),
            (Cause::SecsNonZero, |s| s.pageinfo.secs.set(flat(s.enclave.secs).0)),
            (Cause::PcmdUnaligned, |s| s.pageinfo.secinfo += 64),
            (Cause::SrcpgeUnaligned, |s| s.pageinfo.srcpge += 128),
            (Cause::PageConflict, |s| s.machine.hold(s.rcx, Lock::SHARED)),
            (Cause::VaConflict, |s| s.machine.hold(s.rdx, Lock::EXCLUSIVE)),
            (Cause::PageInvalid, |s| s.rcx = flat(s.machine.free_page())),
            (Cause::VaInvalid, |s| s.rdx = flat(s.machine.free_page())),
            (Cause::VaNotVa, |s| s.rdx = flat(s.enclave.page(0x5000))),
            (Cause::PageNotBlocked, |s| s.edit(|entry| entry.blocked = false)),
            (Cause::NotTracked, |s| s.edit(|entry| entry.mark = Some(1))),
            (Cause::ChildPresent, |s| s.rcx = flat(s.enclave.secs)),
            (Cause::VirtualChildPresent, |s| {
                let secs = s.machine.ecreate(&EnclaveSpec::default().secs);
                s.machine.package.with_secs(secs, |secs| secs.virtchild_count.set(1));
                s.machine.processor.epc_virtualization = true;
                s.rcx = flat(secs);
            }),
            (Cause::SrcpgeInEpc, |s| s.pageinfo.srcpge.set(flat(s.machine.free_page()).0)),
            (Cause::PcmdInEpc, |s| s.pageinfo.secinfo.set(flat(s.machine.free_page()).0)),
        ],
        // only pages of enclaves are tracked, only a SECS has children
        &[Cause::NotTracked],
    );
}

#[test]
fn memory_that_cannot_be_written_faults_before_anything_changes() {
    for (at, next) in [(SRCPGE, Some(PCMD)), (PCMD, Some(PAGEINFO)), (PAGEINFO, None)] {
        let mut scene = Evict::new();
        scene.place();
        for at in [Some(at), next].into_iter().flatten() {
            scene.machine.space.set_fault(at, Access::Write, Pfec::P | Pfec::W);
        }
        let before = scene.machine.snapshot();
        let executed = scene.execute();
        let fault = executed.result.unwrap_err();
        assert_eq!((fault.vector, fault.code, fault.refusal), (Vector::Pf, 3, None));
        assert_eq!(fault.address, Some(at));
        assert_eq!(executed.after, executed.before);
        assert!(before == scene.machine.snapshot(), "{at}");
    }
}

/// Memory that is taken away between the look at it and a write.
struct Fickle<'a> {
    space: &'a mut TestSpace,
    writes: u32,
}

impl AddressSpace for Fickle<'_> {
    fn translate(&mut self, at: Linear, access: Access) -> Result<Target, PageFault> {
        self.space.translate(at, access)
    }

    fn read(&mut self, at: Linear, into: &mut [u8]) -> Result<(), PageFault> {
        self.space.read(at, into)
    }

    fn write(&mut self, at: Linear, from: &[u8]) -> Result<(), PageFault> {
        let left = self.writes.checked_sub(1).ok_or(PageFault { address: at, code: Pfec::W })?;
        self.writes = left;
        self.space.write(at, from)
    }
}

#[test]
fn a_page_stays_as_it_was_when_its_destination_goes_away() {
    for (writes, address) in [(0, SRCPGE), (1, PCMD), (2, PAGEINFO)] {
        let mut scene = Evict::new();
        scene.place();
        let page = scene.page();
        let before = (scene.machine.package.epcm_entry(page), *scene.machine.package.frames.page(page));
        let Machine { package, processor, space, .. } = &mut scene.machine;
        let mut registers = EnclsRegisters {
            rax: Encls::Ewb as u64,
            rbx: scene.rbx.0,
            rcx: scene.rcx.0,
            rdx: scene.rdx.0,
            rflags: 2,
        };
        let result = package.encls(processor, &mut Fickle { space, writes }, &mut registers);
        assert_eq!(result.unwrap_err().address, Some(address));
        let after = (scene.machine.package.epcm_entry(page), *scene.machine.package.frames.page(page));
        assert!(before == after, "{writes} writes");
        assert_eq!(scene.version(), 0);
        scene.run().assert_success();
    }
}

#[test]
fn a_page_leaves_encrypted_with_its_state_and_frees_its_place() {
    let mut scene = Evict::new();
    let (page, secs) = (scene.page(), scene.enclave.secs);
    scene.edit(|entry| {
        entry.pr = true;
        entry.modified = true;
    });
    scene.run().assert_success();

    let outside = scene.machine.outside();
    let flags = SecInfoFlags::R | SecInfoFlags::W | SecInfoFlags::PR | SecInfoFlags::MODIFIED;
    assert_eq!(outside.pcmd.secinfo, SecInfo::new(PageType::Reg, flags));
    let eid = scene.machine.secs(secs).eid.get();
    assert_eq!((outside.pcmd.enclaveid.get(), outside.pcmd.reserved), (eid, [0; 40]));
    assert_eq!(outside.linaddr, scene.enclave.at(0x4000).0);

    assert_eq!(scene.machine.package.epcm_entry(page), EpcmEntry::INVALID);
    assert_eq!(scene.machine.package.frames.page(page), &[0; 4096]);
    assert_eq!(scene.machine.package.frames.place(page), Place::Store);
    assert_eq!(scene.machine.secs(secs).child_count.get(), 5);
    assert_eq!(scene.version(), 1);
}

#[test]
fn the_bytes_outside_are_those_of_the_manuals_cipher() {
    let mut scene = Evict::new();
    scene.run().assert_success();
    let outside = scene.machine.outside();

    // the key that the machine drew behind CR_REPORT_KEYID, version 1
    let key = Gcm::new(&core::array::from_fn(|i| u8::try_from(33 + i).unwrap()));
    let mut header = [0; 128];
    header[0] = 3;
    header[1] = 2;
    header[64] = 1;
    header[72..80].copy_from_slice(&0x7000_0000_4000_u64.to_le_bytes());
    let mut page = [4; 4096];
    let mac = key.encrypt(&[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], &header, &mut page);
    assert_eq!(outside.pcmd.mac, mac);
    assert!(*outside.contents == page);
}

#[test]
fn a_slot_in_use_is_told_and_overwritten() {
    let mut scene = Evict::new();
    let (page, at) = (scene.page(), slot(scene.array, 3));
    scene.machine.poke(at, &77_u64);
    let executed = scene.run();
    executed.assert_refused(Cause::SlotOccupied);
    assert_eq!(executed.refusal().and_then(|refusal| refusal.found), Some(77));
    assert_eq!(scene.version(), 1);
    assert!(!scene.machine.package.epcm_entry(page).valid);
    // it is out in earnest
    let (outside, secs) = (scene.machine.outside(), scene.enclave.secs);
    scene.machine.load(Encls::Eldu, page, &outside, Some(secs), at).assert_success();
    assert_eq!(scene.machine.package.frames.page(page), &[4; 4096]);
}

#[test]
fn a_page_goes_when_whoever_was_inside_has_left() {
    let mut scene = Evict::of(0x4000);
    let secs = scene.enclave.secs;
    let old = scene.machine.enter(secs);
    scene.run().assert_refused(Cause::PageNotBlocked);
    let page = scene.page();
    scene.machine.encls(Encls::Eblock, [0, flat(page).0, 0]).assert_success();
    scene.run().assert_refused(Cause::NotTracked);
    scene.track().assert_success();
    scene.run().assert_refused(Cause::NotTracked);
    // whoever enters now cannot have a translation of a blocked page
    scene.machine.enter(secs);
    scene.machine.package.slots.leave(old);
    scene.run().assert_success();
}

#[test]
fn an_epoch_has_to_begin_even_if_nobody_is_inside() {
    let mut scene = Evict::of(0x4000);
    let page = scene.page();
    scene.machine.encls(Encls::Eblock, [0, flat(page).0, 0]).assert_success();
    scene.run().assert_refused(Cause::NotTracked);
    scene.track().assert_success();
    scene.run().assert_success();
}

#[test]
fn threads_go_as_other_pages_do() {
    let mut scene = Evict::of(0);
    let page = scene.enclave.page(0);
    scene.run().assert_refused(Cause::PageNotBlocked);
    scene.machine.block(page);
    scene.run().assert_success();
    assert_eq!(scene.machine.outside().pcmd.secinfo, SecInfo::new(PageType::Tcs, SecInfoFlags::empty()));
}

#[test]
fn a_secs_without_children_goes_without_being_blocked() {
    let mut scene = Evict::of(0x4000);
    let secs = scene.machine.ecreate(&EnclaveSpec::default().secs);
    let eid = scene.machine.secs(secs).eid.get();
    // outside of virtual machines virtual children do not keep it
    scene.machine.package.with_secs(secs, |secs| secs.virtchild_count.set(1));
    scene.rcx = flat(secs);
    scene.run().assert_success();
    let outside = scene.machine.outside();
    assert_eq!(outside.pcmd.secinfo, SecInfo::new(PageType::Secs, SecInfoFlags::empty()));
    assert_eq!((outside.pcmd.enclaveid.get(), outside.linaddr), (eid, 0));
    assert!(!scene.machine.package.epcm_entry(secs).valid);
    assert!(scene.machine.package.frames.living().contains_key(&eid), "its home stays");
}

#[test]
fn a_version_array_goes_into_another() {
    let mut scene = Evict::of(0x4000);
    let array = scene.machine.epa();
    scene.rcx = flat(array);
    scene.run().assert_success();
    let outside = scene.machine.outside();
    assert_eq!(outside.pcmd.secinfo, SecInfo::new(PageType::Va, SecInfoFlags::empty()));
    assert_eq!((outside.pcmd.enclaveid.get(), outside.linaddr), (0, 0));
    assert!(!scene.machine.package.epcm_entry(array).valid);
}

#[test]
fn no_version_comes_twice() {
    let mut scene = Evict::of(0x4000);
    let (page, at, secs) = (scene.page(), slot(scene.array, 3), scene.enclave.secs);
    let mut seen = HashSet::from([0]);
    for round in 0..20 {
        let outside = scene.machine.evict(page, at);
        assert!(seen.insert(scene.version()), "round {round}");
        scene.machine.load(Encls::Eldu, page, &outside, Some(secs), at).assert_success();
        if round == 10 {
            scene.machine.package.renew_paging_key();
        }
    }
}

#[test]
fn others_may_use_the_version_array_meanwhile() {
    let mut scene = Evict::new();
    scene.machine.hold(scene.rdx, Lock::SHARED);
    scene.run().assert_success();
}
