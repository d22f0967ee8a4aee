use anyclave_arch::{Enclv, PageType};

use super::*;
use crate::epcm::EpcmEntry;
use crate::testing::{Enclave, EnclaveSpec, EnclsScene, Executed, Machine, SRCPGE, flat, refusals_but};

struct Count {
    machine: Machine,
    enclave: Enclave,
    rbx: Linear,
    rcx: Linear,
}

impl Count {
    /// A page of an enclave that has two virtual children.
    fn new() -> Self {
        let mut machine = Machine::full();
        machine.space.put(SRCPGE, &0_u64);
        let enclave = machine.build(&EnclaveSpec::default());
        let (rbx, rcx) = (flat(enclave.page(0x4000)), flat(enclave.secs));
        let mut scene = Self { machine, enclave, rbx, rcx };
        scene.set(2);
        scene
    }

    fn count(&mut self) -> u64 {
        self.machine.secs(self.enclave.secs).virtchild_count.get()
    }

    fn set(&mut self, count: u64) {
        self.machine.package.with_secs(self.enclave.secs, |secs| secs.virtchild_count.set(count));
    }

    fn retype(&mut self, page_type: PageType) {
        let page = self.enclave.page(0x4000);
        let entry = self.machine.package.epcm_entry(page);
        self.machine.package.set_entry(page, EpcmEntry { page_type, ..entry });
    }
}

impl EnclsScene for Count {
    fn machine(&mut self) -> &mut Machine {
        &mut self.machine
    }

    fn place(&mut self) {}

    fn execute(&mut self) -> Executed {
        self.machine.enclv(Enclv::Eincvirtchild, [self.rbx.0, self.rcx.0, 0])
    }
}

#[test]
fn every_check_refuses_and_changes_nothing() {
    refusals_but::<Cause, Count>(
        Cause::ALL,
        Count::new,
        &[
            (Cause::RbxUnaligned, |s| s.rbx.0 += 8),
            (Cause::RbxNotEpc, |s| s.rbx = SRCPGE),
            (Cause::RcxNotEpc, |s| s.rcx = SRCPGE),
            (Cause::PageConflict, |s| s.machine.hold(s.rbx, Lock::EXCLUSIVE)),
            (Cause::PageInvalid, |s| s.rbx = flat(s.machine.free_page())),
            (Cause::PageTypeInvalid, |s| s.retype(PageType::Va)),
            (Cause::PageOfOther, |s| s.rcx = flat(s.machine.build(&EnclaveSpec::default()).secs)),
            (Cause::PageOfOther, |s| s.rcx = s.rbx),
            (Cause::PageOfOther, |s| s.rcx.0 += 8),
        ],
        &[Cause::PageInvalid],
    );
}

#[test]
fn one_is_added_by_way_of_any_page_of_the_enclave() {
    let types = [PageType::Tcs, PageType::Reg, PageType::Trim, PageType::SsFirst, PageType::SsRest];
    for page_type in types {
        let mut scene = Count::new();
        scene.retype(page_type);
        scene.execute().assert_success();
        assert_eq!(scene.count(), 3, "{page_type:?}");
    }
    let mut scene = Count::new();
    scene.rbx = scene.rcx;
    scene.execute().assert_success();
    assert_eq!(scene.count(), 3);
    assert_eq!(scene.machine.secs(scene.enclave.secs).child_count.get(), 6, "the pages in the EPC");
}

#[test]
fn what_was_added_can_be_taken_again() {
    let mut scene = Count::new();
    scene.set(0);
    scene.execute().assert_success();
    scene.machine.enclv(Enclv::Edecvirtchild, [scene.rbx.0, scene.rcx.0, 0]).assert_success();
    assert_eq!(scene.count(), 0);
}
