use anyclave_arch::Encls;
use anyclave_arch::cpuid::SgxFeatures;
use anyclave_trace::cause::EnclsCause;

use super::*;
use crate::testing::{Enclave, EnclaveSpec, EnclsScene, Executed, Machine, SRCPGE, flat, refusals};

struct Track {
    machine: Machine,
    enclave: Enclave,
    rcx: Linear,
}

impl Track {
    fn new() -> Self {
        Self::of(SgxFeatures::SGX1 | SgxFeatures::OVERSUB)
    }

    fn of(features: SgxFeatures) -> Self {
        let mut machine = Machine::of(features);
        let enclave = machine.build(&EnclaveSpec::default());
        let rcx = flat(enclave.page(0x4000));
        Self { machine, enclave, rcx }
    }

    fn epoch(&mut self) -> u64 {
        self.machine.secs(self.enclave.secs).epoch.get()
    }
}

impl EnclsScene for Track {
    fn machine(&mut self) -> &mut Machine {
        &mut self.machine
    }

    fn place(&mut self) {}

    fn execute(&mut self) -> Executed {
        self.machine.encls(Encls::Etrackc, [0, self.rcx.0, 0])
    }
}

#[test]
fn every_check_refuses_and_changes_nothing() {
    refusals::<Cause, Track>(
        Cause::ALL,
        Track::new,
        &[
            (Cause::RcxUnaligned, |s| s.rcx.0 += 8),
            (Cause::RcxNotEpc, |s| s.rcx = SRCPGE),
            (Cause::PageConflict, |s| s.machine.hold(s.rcx, Lock::EXCLUSIVE)),
            (Cause::PageInvalid, |s| s.rcx = flat(s.machine.free_page())),
            (Cause::PageIsVa, |s| s.rcx = flat(s.machine.epa())),
            (Cause::TrackingConflict, |s| s.machine.hold(flat(s.enclave.secs), Lock::TRACKING)),
            (Cause::PreviousIncomplete, |s| {
                s.machine.enter(s.enclave.secs);
                s.execute().assert_success();
            }),
        ],
    );
}

#[test]
fn the_leaf_comes_with_oversubscription() {
    Track::of(SgxFeatures::SGX1).execute().assert_refused(EnclsCause::LeafNotEnumerated);
}

#[test]
fn any_page_of_an_enclave_leads_to_its_epochs() {
    let mut scene = Track::new();
    let pages = [scene.enclave.secs, scene.enclave.page(0), scene.enclave.page(0x4000)];
    for (page, epoch) in pages.into_iter().zip(1..) {
        scene.rcx = flat(page);
        scene.execute().assert_success();
        assert_eq!(scene.epoch(), epoch);
    }
    scene.machine.edit(scene.enclave.page(0x5000), |entry| entry.page_type = PageType::Trim);
    scene.rcx = flat(scene.enclave.page(0x5000));
    scene.execute().assert_success();
    assert_eq!(scene.epoch(), 4);
}

#[test]
fn it_begins_the_same_epochs_as_etrack() {
    let mut scene = Track::new();
    let secs = scene.enclave.secs;
    let old = scene.machine.enter(secs);
    scene.machine.encls(Encls::Etrack, [0, flat(secs).0, 0]).assert_success();
    scene.execute().assert_refused(Cause::PreviousIncomplete);
    scene.machine.package.slots.leave(old);
    scene.execute().assert_success();
    assert_eq!(scene.epoch(), 2);
}
