use anyclave_arch::Encls;
use anyclave_arch::key::{KeyName, KeyRequest};
use anyclave_trace::cause::ElduCause;
use zerocopy::FromZeros;

use super::*;
use crate::inject::{Inject, Injector, Odds};
use crate::keys;
use crate::locks::Lock;
use crate::secs::SecsPage;
use crate::testing::{EnclsScene, Executed, Machine, Outside, flat, refusals};

/// Versions of test machines, and newer ones.
const OLD: [u8; 16] = [2; 16];
const NEW: [u8; 16] = [3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 9];

struct Update(Machine);

impl Update {
    /// Newer microcode was loaded.
    fn new() -> Self {
        let mut machine = Machine::full();
        assert!(machine.package.load_microcode(NEW));
        Self(machine)
    }

    fn cpusvn(&self) -> [u8; 16] {
        self.0.package.config().cpusvn
    }
}

impl EnclsScene for Update {
    fn machine(&mut self) -> &mut Machine {
        &mut self.0
    }

    fn place(&mut self) {}

    fn execute(&mut self) -> Executed {
        self.0.encls(Encls::Eupdatesvn, [1, 2, 3])
    }
}

#[test]
fn every_check_refuses_and_changes_nothing() {
    refusals::<Cause, Update>(
        Cause::ALL,
        Update::new,
        &[
            (Cause::EpcConflict, |s| {
                let page = s.0.free_page();
                s.0.package.hold(page, Lock::SHARED);
            }),
            (Cause::PageInUse, |s| {
                s.0.epa();
            }),
            (Cause::EntropyMissing, |s| {
                s.0.package.injector = Injector::new(Inject { entropy: Odds(1), ..Inject::default() });
            }),
            (Cause::CpusvnUnchanged, |s| *s = Update(Machine::full())),
        ],
    );
}

#[test]
fn a_refusal_keeps_the_version() {
    let mut scene = Update::new();
    let page = scene.0.epa();
    scene.execute().assert_refused(Cause::PageInUse);
    assert_eq!(scene.cpusvn(), OLD);
    scene.0.encls(Encls::Eremove, [0, flat(page).0, 0]).assert_success();
    scene.execute().assert_success();
    assert_eq!(scene.cpusvn(), NEW);
    scene.execute().assert_refused(Cause::CpusvnUnchanged);
    assert_eq!(scene.cpusvn(), NEW);
}

#[test]
fn a_conflict_is_met_on_purpose() {
    let mut scene = Update::new();
    scene.0.package.injector = Injector::new(Inject { conflict: Odds(1), ..Inject::default() });
    scene.execute().assert_refused(Cause::EpcConflict);
}

#[test]
fn microcode_never_goes_back() {
    let mut scene = Update::new();
    let mut mixed = NEW;
    (mixed[0], mixed[15]) = (200, 8);
    for older in [OLD, [0; 16], mixed] {
        assert!(!scene.0.package.load_microcode(older));
    }
    scene.execute().assert_success();
    assert_eq!(scene.cpusvn(), NEW);
    assert!(scene.0.package.load_microcode(NEW));
    scene.execute().assert_refused(Cause::CpusvnUnchanged);
}

#[test]
fn seals_of_the_older_version_open_and_reports_are_of_the_newer() {
    let mut scene = Update::new();
    let secs = SecsPage::new_zeroed();
    let request = |cpusvn| KeyRequest {
        keyname: (KeyName::Seal as u16).into(),
        keypolicy: 2.into(),
        cpusvn,
        ..KeyRequest::new_zeroed()
    };
    let config = |scene: &Update| scene.0.package.config().clone();
    let before = config(&scene);
    assert!(!keys::cpusvn_reached(&before, &NEW));
    let sealed = keys::seal_key(&before, &secs, &request(OLD));
    let reported = keys::report_key(&before, &keys::target_of(&secs), &[0; 32]);

    scene.execute().assert_success();
    let after = config(&scene);
    assert!(keys::cpusvn_reached(&after, &NEW) && keys::cpusvn_reached(&after, &OLD));
    assert_eq!(keys::seal_key(&after, &secs, &request(OLD)), sealed);
    assert_ne!(keys::seal_key(&after, &secs, &request(NEW)), sealed);
    let reported_after = keys::report_key(&after, &keys::target_of(&secs), &[0; 32]);
    assert_ne!(reported_after, reported);

    // nothing to update: no key of an enclave changes
    scene.execute().assert_refused(Cause::CpusvnUnchanged);
    assert_eq!(keys::report_key(&config(&scene), &keys::target_of(&secs), &[0; 32]), reported_after);
}

#[test]
fn pages_that_are_out_do_not_come_back_whether_the_version_changes_or_not() {
    for mut scene in [Update::new(), Update(Machine::full())] {
        let (array, page) = (scene.0.epa(), scene.0.epa());
        let outside = scene.0.send_out(page, array);
        let version: u64 = zerocopy::transmute!(scene.0.package.read_epc::<[u8; 8]>(array));
        let remove = [0, flat(array).0, 0];
        scene.0.encls(Encls::Eremove, remove).assert_success();

        // a version array that holds what the one that is gone has held
        let load = |machine: &mut Machine, outside: &Outside| {
            machine.encls(Encls::Epa, [3, flat(array).0, 0]).assert_done();
            machine.poke(array, &version);
            let loaded = machine.load(Encls::Eldu, page, outside, None, array);
            machine.encls(Encls::Eremove, [0, flat(page).0, 0]).assert_success();
            machine.encls(Encls::Eremove, remove).assert_success();
            loaded
        };
        load(&mut scene.0, &outside).assert_success();
        let updated = scene.execute();
        assert!(updated.result.is_ok());
        load(&mut scene.0, &outside).assert_refused(ElduCause::MacMismatch);
    }
}
