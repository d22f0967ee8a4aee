use anyclave_arch::{Encls, EpcAddr};

use super::*;
use crate::frames::Place;
use crate::testing::{
    Enclave, EnclaveSpec, EnclsScene, Executed, Machine, PAGEINFO, SRCPGE, flat, refusals_but,
};

struct Restrict {
    machine: Machine,
    enclave: Enclave,
    secinfo: SecInfo,
    rbx: Linear,
    rcx: Linear,
}

impl Restrict {
    /// The data page of an enclave, which is to lose W.
    fn new() -> Self {
        Self::of(Machine::launch)
    }

    fn of(make: fn(&mut Machine, &EnclaveSpec) -> Enclave) -> Self {
        let mut machine = Machine::full();
        machine.space.put(SRCPGE, &0_u64);
        let enclave = make(&mut machine, &EnclaveSpec::default());
        let rcx = flat(enclave.page(0x4000));
        // the manual does not look at the page type
        let secinfo = SecInfo::new(PageType::Secs, SecInfoFlags::R);
        Self { machine, enclave, secinfo, rbx: PAGEINFO, rcx }
    }

    fn page(&self) -> EpcAddr {
        self.enclave.page(0x4000)
    }

    fn edit(&mut self, edit: impl FnOnce(&mut EpcmEntry)) {
        let mut entry = self.machine.package.epcm_entry(self.page());
        edit(&mut entry);
        self.machine.package.set_entry(self.page(), entry);
    }

    fn run(&mut self) -> Executed {
        self.place();
        self.execute()
    }
}

impl EnclsScene for Restrict {
    fn machine(&mut self) -> &mut Machine {
        &mut self.machine
    }

    fn place(&mut self) {
        self.machine.space.put(PAGEINFO, &self.secinfo);
    }

    fn execute(&mut self) -> Executed {
        self.machine.encls(Encls::Emodpr, [self.rbx.0, self.rcx.0, 0])
    }
}

#[test]
fn every_check_refuses_and_changes_nothing() {
    refusals_but::<Cause, Restrict>(
        Cause::ALL,
        Restrict::new,
        &[
            (Cause::RbxUnaligned, |s| s.rbx.0 += 32),
            (Cause::RcxUnaligned, |s| s.rcx.0 += 64),
            (Cause::RcxNotEpc, |s| s.rcx = SRCPGE),
            (Cause::SecinfoReserved, |s| s.secinfo.flags |= 1 << 6),
            (Cause::SecinfoReserved, |s| s.secinfo.flags |= 1 << 16),
            (Cause::SecinfoReserved, |s| s.secinfo.reserved[0] = 1),
            (Cause::WriteWithoutRead, |s| s.secinfo.flags.set(2)),
            (Cause::WriteWithoutRead, |s| s.secinfo.flags.set(6)),
            (Cause::PageConflict, |s| s.machine.hold(s.rcx, Lock::EXCLUSIVE)),
            (Cause::PageInvalid, |s| s.rcx = flat(s.machine.free_page())),
            (Cause::Sgx2Conflict, |s| s.machine.hold(s.rcx, Lock::SGX2)),
            (Cause::PageNotModifiable, |s| s.edit(|entry| entry.pending = true)),
            (Cause::PageNotModifiable, |s| s.edit(|entry| entry.modified = true)),
            (Cause::PageTypeInvalid, |s| s.edit(|entry| entry.page_type = PageType::Trim)),
            (Cause::PageTypeInvalid, |s| s.rcx = flat(s.enclave.page(0))),
            (Cause::PageTypeInvalid, |s| s.rcx = flat(s.enclave.secs)),
            (Cause::NotInitialised, |s| *s = Restrict::of(Machine::build)),
        ],
        &[Cause::PageInvalid, Cause::PageTypeInvalid],
    );
}

#[test]
fn rights_are_taken_and_never_given() {
    let all = [0, 1, 3, 4, 5, 7].map(SecInfoFlags::from_bits_retain);
    for had in all {
        for left in all {
            let mut scene = Restrict::new();
            scene.edit(|entry| entry.rights = had);
            // state bits of the SECINFO do not matter
            let state = SecInfoFlags::PENDING | SecInfoFlags::MODIFIED | SecInfoFlags::PR;
            scene.secinfo = SecInfo::new(PageType::Reg, left | state);
            scene.run().assert_success();
            let entry = scene.machine.package.epcm_entry(scene.page());
            assert_eq!((entry.rights, entry.pr), (had & left, true), "{had:?} {left:?}");
            assert!(!entry.pending && !entry.modified && !entry.blocked);
        }
    }
}

#[test]
fn the_page_stays_where_it_is_and_has_the_mark_of_the_epoch() {
    let mut scene = Restrict::new();
    let secs = scene.enclave.secs;
    scene.machine.package.with_secs(secs, |secs| secs.epoch.set(9));
    scene.run().assert_success();
    assert_eq!(scene.machine.package.epcm_entry(scene.page()).mark, Some(9));
    assert_eq!(scene.machine.package.frames.place(scene.page()), Place::Home { eid: 1, page: 4 });
    assert_eq!(scene.machine.package.frames.page(scene.page()), &[4; 4096]);
    // again, before the enclave has accepted
    scene.machine.package.with_secs(secs, |secs| secs.epoch.set(10));
    scene.secinfo.flags.set(0);
    scene.run().assert_success();
    let entry = scene.machine.package.epcm_entry(scene.page());
    assert_eq!((entry.rights, entry.pr, entry.mark), (SecInfoFlags::empty(), true, Some(10)));
}

#[test]
fn a_blocked_page_stays_blocked() {
    let mut scene = Restrict::new();
    scene.edit(|entry| entry.blocked = true);
    scene.run().assert_success();
    let entry = scene.machine.package.epcm_entry(scene.page());
    assert!(entry.blocked && entry.pr);
}
