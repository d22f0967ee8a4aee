use anyclave_arch::Encls;

use super::*;
use crate::inject::split_mix;
use crate::testing::{EnclaveSpec, Executed, Machine, PAGEINFO, SIGSTRUCT, SRCPGE, TOKEN, flat};

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
    use Encls::{Eaug, Eldbc, Elduc, Emodpr, Emodt, Erdinfo, Etrackc, Eupdatesvn};
    let absent = [Eaug, Emodpr, Emodt, Erdinfo, Etrackc, Eldbc, Elduc, Eupdatesvn];
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

/// Numbers without a pattern, the same in every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        split_mix(&mut self.0)
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        let index = self.next() % u64::try_from(from.len()).unwrap();
        from[usize::try_from(index).unwrap()]
    }
}

/// Operands that are nearly right, in any order of leaves: no leaf panics, and the frames' contract holds.
#[test]
fn hostile_operands_are_survived() {
    let mut numbers = Numbers(1);
    let mut machine = Machine::full();
    let (built, launched) = (machine.build(&EnclaveSpec::default()), machine.launch(&EnclaveSpec::default()));
    let pages = built.pages.values().chain(launched.pages.values()).chain([&built.secs, &launched.secs]);
    let mut addresses: Vec<u64> = pages.map(|page| flat(*page).0).collect();
    addresses.extend((0..4).map(|_| flat(machine.free_page()).0));
    addresses.extend([
        PAGEINFO.0,
        SRCPGE.0,
        SIGSTRUCT.0,
        TOKEN.0,
        0,
        3,
        u64::MAX,
        built.base.0,
        launched.base.0,
    ]);

    for _ in 0..20_000 {
        // one operand of some structure changes
        let at = numbers.pick(&[PAGEINFO, SRCPGE, SIGSTRUCT, TOKEN]).offset(numbers.next() % 64 * 8);
        let value = match numbers.next() % 4 {
            0 => numbers.next(),
            1 => 1 << (numbers.next() % 64),
            _ => numbers.pick(&addresses),
        };
        machine.space.put(at, &value);
        let leaf = numbers.pick(&Encls::ALL);
        let offset = numbers.pick(&[0, 0, 0, 8, 256, 1]);
        let operands = [
            numbers.pick(&addresses),
            numbers.pick(&addresses).wrapping_add(offset),
            numbers.pick(&addresses),
        ];
        let executed = machine.encls(leaf, operands);
        if executed.result.is_err() {
            assert_eq!(executed.after, executed.before);
        }
    }
}

mod paging;
mod sequences;
