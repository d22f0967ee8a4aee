use anyclave_arch::{Encls, EpcAddr, SecInfo};

use super::*;
use crate::frames::Place;
use crate::testing::{
    Enclave, EnclaveSpec, EnclsScene, Executed, Machine, PageOperands, SRCPGE, flat, refusals_but,
};

struct Augment {
    machine: Machine,
    enclave: Enclave,
    page: EpcAddr,
    operands: PageOperands,
}

impl Augment {
    fn new() -> Self {
        let mut machine = Machine::full();
        let enclave = machine.launch(&EnclaveSpec::default());
        let page = machine.free_page();
        let unused = SecInfo::new(PageType::Reg, RIGHTS);
        let mut operands =
            PageOperands::new(page, unused, Box::new([0x77; 4096])).of(enclave.secs, enclave.at(0x8000));
        (operands.pageinfo.srcpge, operands.pageinfo.secinfo) = (0.into(), 0.into());
        Self { machine, enclave, page, operands }
    }

    fn run(&mut self) -> Executed {
        self.place();
        self.execute()
    }

    fn name_secs(&mut self, page: EpcAddr) {
        self.operands.pageinfo.secs.set(flat(page).0);
    }
}

impl EnclsScene for Augment {
    fn machine(&mut self) -> &mut Machine {
        &mut self.machine
    }

    fn place(&mut self) {
        self.machine.put(&self.operands);
    }

    fn execute(&mut self) -> Executed {
        self.machine.encls(Encls::Eaug, [self.operands.rbx.0, self.operands.rcx.0, 0])
    }
}

#[test]
fn every_check_refuses_and_changes_nothing() {
    refusals_but::<Cause, Augment>(
        Cause::ALL,
        Augment::new,
        &[
            (Cause::RbxUnaligned, |s| s.operands.rbx.0 += 16),
            (Cause::RcxUnaligned, |s| s.operands.rcx.0 += 64),
            (Cause::RcxNotEpc, |s| s.operands.rcx = SRCPGE),
            (Cause::SecinfoUnaligned, |s| s.operands.pageinfo.secinfo += 32),
            (Cause::SecsUnaligned, |s| s.operands.pageinfo.secs += 8),
            (Cause::LinaddrUnaligned, |s| s.operands.pageinfo.linaddr += 8),
            (Cause::SrcpgeNonZero, |s| s.operands.pageinfo.srcpge.set(SRCPGE.0)),
            (Cause::SecsNotEpc, |s| s.operands.pageinfo.secs.set(SRCPGE.0)),
            (Cause::PageConflict, |s| s.machine.hold(s.operands.rcx, Lock::SHARED)),
            (Cause::PageValid, |s| s.operands.rcx = flat(s.enclave.secs)),
            (Cause::PageValid, |s| s.operands.rcx = flat(s.enclave.page(0x4000))),
            (Cause::SecinfoNonZero, |s| s.operands.pageinfo.secinfo.set(64)),
            (Cause::SecsConflict, |s| s.machine.package.hold(s.enclave.secs, Lock::EXCLUSIVE)),
            (Cause::SecsInvalid, |s| s.name_secs(s.page)),
            (Cause::SecsNotSecs, |s| s.name_secs(s.enclave.page(0x4000))),
            (Cause::NotInitialised, |s| {
                let built = s.machine.build(&EnclaveSpec::default());
                s.name_secs(built.secs);
            }),
            (Cause::LinaddrOutside, |s| s.operands.pageinfo.linaddr.set(s.enclave.base.0 - 0x1000)),
            (Cause::LinaddrOutside, |s| s.operands.pageinfo.linaddr.set(s.enclave.at(0x1_0000).0)),
        ],
        &[Cause::SecsConflict, Cause::SecsInvalid, Cause::SecsNotSecs],
    );
}

#[test]
fn a_wrong_secs_faults_at_its_own_address() {
    let mut scene = Augment::new();
    for secs in [SRCPGE.0, flat(scene.page).0, flat(scene.enclave.page(0)).0] {
        scene.operands.pageinfo.secs.set(secs);
        assert_eq!(scene.run().result.unwrap_err().address, Some(Linear(secs)));
    }
}

#[test]
fn a_page_of_zeros_waits_for_the_enclave() {
    let mut scene = Augment::new();
    let mrenclave = scene.machine.secs(scene.enclave.secs).mrenclave;
    scene.machine.poke(scene.page, &[1_u8; 4096]);
    scene.run().assert_done();
    let entry = scene.machine.package.epcm_entry(scene.page);
    let expected = EpcmEntry::new(PageType::Reg, scene.enclave.secs, scene.enclave.at(0x8000));
    assert_eq!(entry, EpcmEntry { rights: RIGHTS, pending: true, ..expected });
    assert_eq!(scene.machine.package.frames.page(scene.page), &[0; 4096]);
    assert_eq!(scene.machine.package.frames.place(scene.page), Place::Store);
    let secs = scene.machine.secs(scene.enclave.secs);
    assert_eq!((secs.child_count.get(), secs.mrenclave), (7, mrenclave));
}

#[test]
fn a_page_may_come_where_another_is() {
    let mut scene = Augment::new();
    scene.operands.pageinfo.linaddr.set(scene.enclave.at(0x4000).0);
    scene.run().assert_done();
    assert_eq!(scene.machine.package.epcm_entry(scene.page).address, scene.enclave.at(0x4000));
}

#[test]
fn the_ends_of_the_range_are_inside() {
    for offset in [0, 0xf000] {
        let mut scene = Augment::new();
        scene.operands.pageinfo.linaddr.set(scene.enclave.at(offset).0);
        scene.run().assert_done();
    }
}

#[test]
fn a_page_of_an_enclave_that_is_running_goes_again_only_when_nobody_is_inside() {
    let mut scene = Augment::new();
    scene.run().assert_done();
    let eid = scene.machine.secs(scene.enclave.secs).eid.get();
    let slot = scene.machine.package.slots.enter(crate::Slot { eid, epoch: 0 });
    let remove = [0, flat(scene.page).0, 0];
    let cause = anyclave_trace::cause::EremoveCause::EnclaveActive;
    scene.machine.encls(Encls::Eremove, remove).assert_refused(cause);
    scene.machine.package.slots.leave(slot);
    scene.machine.encls(Encls::Eremove, remove).assert_success();
    assert_eq!(scene.machine.secs(scene.enclave.secs).child_count.get(), 6);
}
