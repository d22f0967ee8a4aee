use anyclave_arch::Encls;

use super::*;
use crate::frames::Place;
use crate::testing::{EnclaveSpec, EnclsScene, Executed, Machine, SRCPGE, flat, refusals};

struct Array {
    machine: Machine,
    rbx: u64,
    rcx: Linear,
}

impl Array {
    fn new() -> Self {
        let mut machine = Machine::new();
        machine.space.put(SRCPGE, &0_u64);
        let rcx = flat(machine.free_page());
        Self { machine, rbx: 3, rcx }
    }
}

impl EnclsScene for Array {
    fn machine(&mut self) -> &mut Machine {
        &mut self.machine
    }

    fn place(&mut self) {}

    fn execute(&mut self) -> Executed {
        self.machine.encls(Encls::Epa, [self.rbx, self.rcx.0, 0])
    }
}

#[test]
fn every_check_refuses_and_changes_nothing() {
    refusals::<Cause, Array>(
        Cause::ALL,
        Array::new,
        &[
            (Cause::RbxNotVa, |s| s.rbx = 2),
            (Cause::RbxNotVa, |s| s.rbx = 1 << 32 | 3),
            (Cause::RcxUnaligned, |s| s.rcx.0 += 8),
            (Cause::RcxNotEpc, |s| s.rcx = SRCPGE),
            (Cause::PageConflict, |s| s.machine.hold(s.rcx, Lock::SHARED)),
            (Cause::PageValid, |s| s.rcx = flat(s.machine.ecreate(&EnclaveSpec::default().secs))),
        ],
    );
}

#[test]
fn the_array_is_empty_and_nobodys() {
    let mut scene = Array::new();
    let page = scene.machine.free_page();
    scene.rcx = flat(page);
    scene.execute().assert_done();
    assert_eq!(scene.machine.package.epcm_entry(page), EpcmEntry::new(PageType::Va, EpcAddr(0), Linear(0)));
    assert_eq!(scene.machine.package.frames.page(page), &[0; 4096]);
    assert_eq!(scene.machine.package.frames.place(page), Place::Store);
}
