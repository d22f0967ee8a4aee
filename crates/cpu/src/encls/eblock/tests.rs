use anyclave_arch::Encls;

use super::*;
use crate::frames::Place;
use crate::testing::{Enclave, EnclaveSpec, EnclsScene, Executed, Machine, SRCPGE, flat, refusals};

struct Block {
    machine: Machine,
    enclave: Enclave,
    rcx: Linear,
}

impl Block {
    fn new() -> Self {
        let mut machine = Machine::new();
        let enclave = machine.build(&EnclaveSpec::default());
        let rcx = flat(enclave.page(0x4000));
        Self { machine, enclave, rcx }
    }

    fn entry(&self, offset: u64) -> EpcmEntry {
        self.machine.package.epcm_entry(self.enclave.page(offset))
    }
}

impl EnclsScene for Block {
    fn machine(&mut self) -> &mut Machine {
        &mut self.machine
    }

    fn place(&mut self) {}

    fn execute(&mut self) -> Executed {
        self.machine.encls(Encls::Eblock, [0, self.rcx.0, 0])
    }
}

#[test]
fn every_check_refuses_and_changes_nothing() {
    refusals::<Cause, Block>(
        Cause::ALL,
        Block::new,
        &[
            (Cause::RcxUnaligned, |s| s.rcx.0 += 8),
            (Cause::RcxNotEpc, |s| s.rcx = SRCPGE),
            (Cause::PageConflict, |s| s.machine.hold(s.rcx, Lock::EXCLUSIVE)),
            (Cause::PageInvalid, |s| s.rcx = flat(s.machine.free_page())),
            (Cause::PageIsSecs, |s| s.rcx = flat(s.enclave.secs)),
            (Cause::PageIsVa, |s| s.rcx = flat(s.machine.epa())),
            (Cause::PageBlocked, |s| s.machine.edit(s.enclave.page(0x4000), |entry| entry.blocked = true)),
            (Cause::TrackingConflict, |s| s.machine.hold(flat(s.enclave.secs), Lock::TRACKING)),
        ],
    );
}

#[test]
fn a_blocked_page_is_out_of_reach_and_bears_the_epoch() {
    let mut scene = Block::new();
    let secs = flat(scene.enclave.secs);
    for _ in 0..2 {
        scene.machine.encls(Encls::Etrack, [0, secs.0, 0]).assert_success();
    }
    let (page, before) = (scene.enclave.page(0x4000), scene.entry(0x4000));
    let contents = *scene.machine.package.frames.page(page);
    assert_eq!(before.mark, None);
    assert_ne!(scene.machine.package.frames.place(page), Place::Store);
    scene.execute().assert_success();
    assert_eq!(scene.entry(0x4000), EpcmEntry { blocked: true, mark: Some(2), ..before });
    assert_eq!(scene.machine.package.frames.place(page), Place::Store);
    assert_eq!(*scene.machine.package.frames.page(page), contents);
}

#[test]
fn a_second_block_does_not_renew_the_mark() {
    let mut scene = Block::new();
    scene.execute().assert_success();
    scene.machine.encls(Encls::Etrack, [0, flat(scene.enclave.secs).0, 0]).assert_success();
    scene.execute().assert_refused(Cause::PageBlocked);
    assert_eq!(scene.entry(0x4000).mark, Some(0));
}

#[test]
fn threads_and_trimmed_pages_are_blocked_too() {
    let mut scene = Block::new();
    scene.rcx = flat(scene.enclave.page(0));
    scene.execute().assert_success();
    scene.rcx = flat(scene.enclave.page(0x5000));
    scene.machine.edit(scene.enclave.page(0x5000), |entry| {
        entry.page_type = PageType::Trim;
        entry.modified = true;
    });
    scene.execute().assert_success();
    assert!(scene.entry(0).blocked && scene.entry(0x5000).blocked && scene.entry(0x5000).modified);
}

#[test]
fn pages_are_blocked_while_others_are() {
    let mut scene = Block::new();
    scene.machine.hold(scene.rcx, Lock::SHARED);
    scene.machine.hold(flat(scene.enclave.secs), Lock::EPOCH);
    scene.execute().assert_success();
}
