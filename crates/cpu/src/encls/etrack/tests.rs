use anyclave_arch::Encls;

use super::*;
use crate::testing::{Enclave, EnclaveSpec, EnclsScene, Executed, Machine, SRCPGE, flat, refusals};

struct Track {
    machine: Machine,
    enclave: Enclave,
    rcx: Linear,
}

impl Track {
    fn new() -> Self {
        let mut machine = Machine::new();
        let enclave = machine.build(&EnclaveSpec::default());
        let rcx = flat(enclave.secs);
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
        self.machine.encls(Encls::Etrack, [0, self.rcx.0, 0])
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
            (Cause::SecsConflict, |s| s.machine.hold(s.rcx, Lock::EXCLUSIVE)),
            (Cause::TrackingConflict, |s| s.machine.hold(s.rcx, Lock::TRACKING)),
            (Cause::TrackingConflict, |s| s.machine.hold(s.rcx, Lock::EPOCH)),
            (Cause::SecsInvalid, |s| s.rcx = flat(s.machine.free_page())),
            (Cause::SecsNotSecs, |s| s.rcx = flat(s.enclave.page(0))),
            (Cause::SecsNotSecs, |s| s.rcx = flat(s.machine.epa())),
            (Cause::PreviousIncomplete, |s| {
                s.machine.enter(s.enclave.secs);
                s.execute().assert_success();
            }),
        ],
    );
}

#[test]
fn epochs_follow_one_another_while_nobody_is_inside() {
    let mut scene = Track::new();
    for epoch in 1..5 {
        scene.execute().assert_success();
        assert_eq!(scene.epoch(), epoch);
    }
}

#[test]
fn the_epoch_before_has_to_be_over() {
    let mut scene = Track::new();
    let secs = scene.enclave.secs;
    let old = scene.machine.enter(secs);
    scene.execute().assert_success();
    let young = scene.machine.enter(secs);
    scene.execute().assert_refused(Cause::PreviousIncomplete);
    assert_eq!(scene.execute().refusal().and_then(|refusal| refusal.found), Some(1));
    scene.machine.package.slots.leave(old);
    // the young one has entered in the epoch that now ends, so this one succeeds and the next does not
    scene.execute().assert_success();
    scene.execute().assert_refused(Cause::PreviousIncomplete);
    scene.machine.package.slots.leave(young);
    scene.execute().assert_success();
    assert_eq!(scene.epoch(), 3);
}

#[test]
fn enclaves_have_epochs_of_their_own() {
    let mut scene = Track::new();
    let other = scene.machine.build(&EnclaveSpec::default());
    scene.machine.enter(other.secs);
    scene.execute().assert_success();
    scene.execute().assert_success();
    assert_eq!(scene.machine.secs(other.secs).epoch.get(), 0);
}
