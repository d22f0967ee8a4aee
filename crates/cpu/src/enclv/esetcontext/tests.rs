use anyclave_arch::Enclv;

use super::*;
use crate::testing::{
    Enclave, EnclaveSpec, EnclsScene, Executed, Machine, PAGEINFO, SRCPGE, flat, refusals_but,
};

struct Name {
    machine: Machine,
    enclave: Enclave,
    rcx: Linear,
    rdx: Linear,
}

impl Name {
    fn new() -> Self {
        let mut machine = Machine::full();
        let enclave = machine.build(&EnclaveSpec::default());
        let rcx = flat(enclave.secs);
        Self { machine, enclave, rcx, rdx: PAGEINFO.offset(8) }
    }

    fn context(&mut self) -> u64 {
        self.machine.secs(self.enclave.secs).enclavecontext.get()
    }
}

impl EnclsScene for Name {
    fn machine(&mut self) -> &mut Machine {
        &mut self.machine
    }

    fn place(&mut self) {
        self.machine.space.put(PAGEINFO, &[7_u64, 0x1122_3344_5566_7788]);
    }

    fn execute(&mut self) -> Executed {
        self.machine.enclv(Enclv::Esetcontext, [0, self.rcx.0, self.rdx.0])
    }
}

#[test]
fn every_check_refuses_and_changes_nothing() {
    refusals_but::<Cause, Name>(
        Cause::ALL,
        Name::new,
        &[
            (Cause::RcxUnaligned, |s| s.rcx.0 += 8),
            (Cause::RcxNotEpc, |s| s.rcx = SRCPGE),
            (Cause::RdxUnaligned, |s| s.rdx.0 += 4),
            (Cause::PageConflict, |s| s.machine.hold(s.rcx, Lock::EXCLUSIVE)),
            (Cause::PageInvalid, |s| s.rcx = flat(s.machine.free_page())),
            (Cause::PageNotSecs, |s| s.rcx = flat(s.enclave.page(0x4000))),
        ],
        &[Cause::PageInvalid],
    );
}

#[test]
fn an_enclave_is_named_after_its_secs_until_it_gets_another_name() {
    let mut scene = Name::new();
    assert_eq!(scene.context(), scene.enclave.secs.0);
    scene.place();
    scene.execute().assert_success();
    assert_eq!(scene.context(), 0x1122_3344_5566_7788);
}

#[test]
fn a_name_that_cannot_be_read_faults() {
    let mut scene = Name::new();
    scene.rdx = Linear(0x1000);
    let fault = scene.execute().result.unwrap_err();
    assert_eq!((fault.address, fault.refusal), (Some(scene.rdx), None));
    assert_eq!(scene.context(), scene.enclave.secs.0);
}
