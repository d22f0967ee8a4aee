use anyclave_arch::Encls;

use super::*;
use crate::testing::{Executed, Machine};

/// ENCLV with RAX on a machine with or without it.
fn execute(mut machine: Machine, rax: u64) -> Executed {
    let before = EnclsRegisters { rax, rbx: 1, rcx: 2, rdx: 3, rflags: 2 };
    let mut after = before;
    let result = machine.package.enclv(&mut machine.processor, &mut machine.space, &mut after);
    Executed { result, before, after }
}

#[test]
fn a_processor_that_does_not_announce_it_knows_no_such_instruction() {
    for number in [0, 1, 2, 3, u64::MAX] {
        execute(Machine::new(), number).assert_refused(Cause::NotEnumerated);
    }
}

#[test]
fn there_are_three_leaves() {
    for number in [3, 0xf, 0x10, 0x8000_0000, u64::from(u32::MAX)] {
        execute(Machine::full(), number).assert_refused(Cause::LeafUnknown);
    }
    for leaf in Enclv::ALL {
        let plain = execute(Machine::full(), leaf as u64).result.unwrap_err();
        assert_ne!(plain.refusal.unwrap().cause, Cause::LeafUnknown.into());
        let upper = execute(Machine::full(), 0xdead_beef_0000_0000 | leaf as u64).result.unwrap_err();
        assert_eq!(plain, upper, "the upper half of RAX is ignored");
    }
}

#[test]
fn its_numbers_are_not_those_of_encls() {
    let mut machine = Machine::full();
    let encls = machine.encls(Encls::Ecreate, [1, 2, 3]).result.unwrap_err();
    let enclv = execute(machine, Encls::Ecreate as u64).result.unwrap_err();
    assert_ne!(encls.refusal, enclv.refusal);
}
