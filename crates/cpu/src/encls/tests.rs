use anyclave_arch::Encls;

use super::*;
use crate::testing::{Executed, Machine};

fn execute(rax: u64) -> Executed {
    let mut machine = Machine::new();
    let before = EnclsRegisters { rax, rbx: 1, rcx: 2, rdx: 3, rflags: rflags::STATUS };
    let mut after = before;
    let result = machine.package.encls(&mut machine.processor, &mut machine.space, &mut after);
    Executed { result, before, after }
}

#[test]
fn leaves_that_do_not_exist_fault() {
    for number in [0x14, 0x17, 0x19, 0x100, 0x8000_0000, u64::from(u32::MAX)] {
        execute(number).assert_refused(EnclsCause::LeafNotEnumerated);
    }
}

#[test]
fn leaves_that_are_not_announced_fault() {
    use Encls::{
        Eaug, Eblock, Eldb, Eldbc, Eldu, Elduc, Emodpr, Emodt, Erdinfo, Etrack, Etrackc, Eupdatesvn, Ewb,
    };
    let absent =
        [Eldb, Eldu, Eblock, Ewb, Etrack, Eaug, Emodpr, Emodt, Erdinfo, Etrackc, Eldbc, Elduc, Eupdatesvn];
    for leaf in absent {
        execute(leaf as u64).assert_refused(EnclsCause::LeafNotEnumerated);
    }
}

#[test]
fn the_upper_half_of_rax_is_ignored() {
    let plain = execute(Encls::Ecreate as u64).result.unwrap_err();
    let with_upper_half = execute(0xdead_beef_0000_0000 | Encls::Ecreate as u64).result.unwrap_err();
    assert_eq!(plain, with_upper_half);
}
