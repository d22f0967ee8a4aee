use anyclave_arch::Encls;

use super::*;
use crate::frames::Place;
use crate::testing::{Enclave, EnclaveSpec, EnclsScene, Executed, Machine, SRCPGE, flat, refusals};
use crate::tracking::Slot;

struct Remove {
    machine: Machine,
    enclave: Enclave,
    rcx: Linear,
}

impl Remove {
    fn new() -> Self {
        let mut machine = Machine::new();
        let enclave = machine.launch(&EnclaveSpec::default());
        let rcx = flat(enclave.page(0x4000));
        Self { machine, enclave, rcx }
    }

    fn remove(&mut self, page: EpcAddr) -> Executed {
        self.machine.encls(Encls::Eremove, [0, flat(page).0, 0])
    }

    fn eid(&mut self) -> u64 {
        self.machine.secs(self.enclave.secs).eid.get()
    }

    fn children(&mut self) -> u64 {
        self.machine.secs(self.enclave.secs).child_count.get()
    }

    /// A logical processor is inside the enclave.
    fn enter(&mut self) {
        let eid = self.eid();
        self.machine.package.slots.enter(Slot { eid, epoch: 0 });
    }

    /// Changes an entry as leaves of SGX2 would.
    fn retype(&mut self, page: EpcAddr, modified: bool) {
        let entry = self.machine.package.epcm_entry(page);
        let entry = EpcmEntry { page_type: PageType::Trim, modified, ..entry };
        self.machine.package.set_entry(page, entry);
    }
}

impl EnclsScene for Remove {
    fn machine(&mut self) -> &mut Machine {
        &mut self.machine
    }

    fn place(&mut self) {}

    fn execute(&mut self) -> Executed {
        self.machine.encls(Encls::Eremove, [0, self.rcx.0, 0])
    }
}

#[test]
fn every_check_refuses_and_changes_nothing() {
    refusals::<Cause, Remove>(
        Cause::ALL,
        Remove::new,
        &[
            (Cause::RcxUnaligned, |s| s.rcx.0 += 8),
            (Cause::RcxNotEpc, |s| s.rcx = SRCPGE),
            (Cause::PageConflict, |s| s.machine.hold(s.rcx, Lock::SHARED)),
            (Cause::ChildPresent, |s| s.rcx = flat(s.enclave.secs)),
            (Cause::VirtualChildPresent, |s| {
                let secs = s.machine.ecreate(&EnclaveSpec::default().secs);
                s.machine.package.with_secs(secs, |secs| secs.virtchild_count.set(1));
                s.machine.processor.epc_virtualization = true;
                s.rcx = flat(secs);
            }),
            (Cause::EnclaveActive, Remove::enter),
            (Cause::EnclaveActive, |s| {
                s.retype(s.enclave.page(0x4000), true);
                s.enter();
            }),
        ],
    );
}

#[test]
fn pages_go_then_the_secs() {
    let mut scene = Remove::new();
    let pages: Vec<_> = scene.enclave.pages.values().copied().collect();
    let eid = scene.eid();
    let secs = scene.enclave.secs;
    for (page, left) in pages.into_iter().zip((0..6).rev()) {
        scene.remove(secs).assert_refused(Cause::ChildPresent);
        scene.remove(page).assert_success();
        assert_eq!(scene.machine.package.epcm_entry(page), EpcmEntry::INVALID);
        assert_eq!(scene.children(), left);
    }
    scene.remove(secs).assert_success();
    assert_eq!(scene.machine.package.epcm_entry(secs), EpcmEntry::INVALID);
    assert!(!scene.machine.package.frames.living().contains_key(&eid));
}

#[test]
fn nothing_is_left_of_a_page_that_was_removed() {
    let mut scene = Remove::new();
    let va = scene.machine.free_page();
    scene.machine.encls(Encls::Epa, [3, flat(va).0, 0]).assert_done();
    // in a fresh enclave the pages of the SSA hold only zeros
    for page in [va, scene.enclave.page(0x2000), scene.enclave.page(0x3000)] {
        scene.machine.poke(page, &1_u64);
    }
    let secs = scene.enclave.secs;
    // pages of a home, of the store, and last the SECS
    let pages: Vec<_> = scene.enclave.pages.values().copied().chain([va, secs]).collect();
    for page in pages {
        assert_ne!(*scene.machine.package.frames.page(page), [0; 4096], "{page} held something");
        scene.remove(page).assert_success();
        assert_eq!(*scene.machine.package.frames.page(page), [0; 4096], "{page}");
        assert_eq!(scene.machine.package.frames.place(page), Place::Store);
    }
}

#[test]
fn a_free_page_stays_free() {
    let mut scene = Remove::new();
    let free = scene.machine.free_page();
    let before = scene.machine.snapshot();
    scene.remove(free).assert_success();
    assert!(before == scene.machine.snapshot());
}

#[test]
fn a_page_that_was_removed_is_free_for_others() {
    let mut scene = Remove::new();
    let page = scene.enclave.page(0x4000);
    scene.remove(page).assert_success();
    scene.machine.encls(Encls::Epa, [3, flat(page).0, 0]).assert_done();
}

#[test]
fn a_version_array_goes_while_enclaves_run() {
    let mut scene = Remove::new();
    let va = scene.machine.free_page();
    scene.machine.encls(Encls::Epa, [3, flat(va).0, 0]).assert_done();
    scene.enter();
    scene.remove(va).assert_success();
    assert!(!scene.machine.package.epcm_entry(va).valid);
    assert_eq!(scene.children(), 6);
}

#[test]
fn a_page_whose_trimming_was_accepted_goes_while_the_enclave_runs() {
    let mut scene = Remove::new();
    let page = scene.enclave.page(0x4000);
    scene.retype(page, false);
    scene.enter();
    scene.remove(page).assert_success();
    assert!(!scene.machine.package.epcm_entry(page).valid);
    assert_eq!(scene.children(), 5);
}

#[test]
fn processors_in_another_enclave_do_not_matter() {
    let mut scene = Remove::new();
    let other = scene.machine.build(&EnclaveSpec::default());
    scene.enter();
    scene.remove(other.page(0x4000)).assert_success();
}

#[test]
fn virtual_children_do_not_matter_without_the_virtualization_of_the_epc() {
    let mut scene = Remove::new();
    let secs = scene.enclave.secs;
    for page in scene.enclave.pages.clone().into_values() {
        scene.remove(page).assert_success();
    }
    scene.machine.package.with_secs(secs, |secs| secs.virtchild_count.set(1));
    scene.remove(secs).assert_success();
}
