use super::super::{ARCH_X86_64, Builder, Field, Test};
use super::*;

fn call(nr: u32, first: u64) -> SeccompData {
    SeccompData { nr, arch: ARCH_X86_64, instruction_pointer: 0x7000_1000_2000, args: [first, 0, 0, 0, 0, 0] }
}

fn foreign(insns: &[(u16, u8, u8, u32)]) -> Foreign {
    let insn =
        |&(code, jump_true, jump_false, k): &(u16, u8, u8, u32)| Insn { code, jump_true, jump_false, k };
    Foreign(insns.iter().map(insn).collect())
}

/// A filter that returns what it computes.
fn computed(insns: &[(u16, u8, u8, u32)]) -> u32 {
    let mut insns = insns.to_vec();
    insns.push((0x16, 0, 0, 0));
    foreign(&insns).value(&call(0, 0)).unwrap()
}

#[test]
fn built_programs_come_back_from_their_bytes_and_run_alike() {
    let mut builder = Builder::new();
    builder.load(Field::Nr).ret_if(Test::Eq(3), Action::Errno(13)).ret_if(Test::Gt(9), Action::KillThread);
    builder.load(Field::ArgLow(0)).and(0xf0).ret_if(Test::AnySet(0x30), Action::Trap(2));
    let program = builder.ret(Action::Allow).build().unwrap();
    let foreign = Foreign::from_bytes(&program.to_bytes());
    assert_eq!(foreign, Foreign::from(&program));
    for nr in [0, 3, 9, 10] {
        for first in [0, 0x10, 0x3f, u64::MAX] {
            assert_eq!(foreign.run(&call(nr, first)), program.run(&call(nr, first)), "{nr} {first:#x}");
        }
    }
}

#[test]
fn a_filter_behind_another_decides_what_the_other_leaves() {
    let mut builder = Builder::new();
    let first =
        builder.load(Field::Nr).ret_if(Test::Eq(3), Action::Trace(9)).ret(Action::Allow).build().unwrap();
    let second =
        foreign(&[(0x20, 0, 0, 0), (0x15, 0, 1, 4), (0x06, 0, 0, 0x5_0001), (0x06, 0, 0, 0x7fff_0000)]);
    let both = Foreign::from(&second.behind(&first).unwrap());
    assert_eq!(both.run(&call(3, 0)), Action::Trace(9));
    assert_eq!(both.run(&call(4, 0)), Action::Errno(1));
    assert_eq!(both.run(&call(5, 0)), Action::Allow);
}

#[test]
fn two_filters_that_are_too_long_together_are_refused() {
    let mut builder = Builder::new();
    let first = builder.load(Field::Nr).ret(Action::Allow).build().unwrap();
    let ret = (0x06, 0, 0, 0);
    assert!(foreign(&[ret; 4095]).behind(&first).is_some());
    assert!(foreign(&[ret; 4096]).behind(&first).is_none());
}

#[test]
fn arithmetic_is_the_kernels() {
    assert_eq!(computed(&[(0x00, 0, 0, 7), (0x04, 0, 0, u32::MAX)]), 6);
    assert_eq!(computed(&[(0x00, 0, 0, 7), (0x14, 0, 0, 8)]), u32::MAX);
    assert_eq!(computed(&[(0x00, 0, 0, 7), (0x24, 0, 0, 3)]), 21);
    assert_eq!(computed(&[(0x00, 0, 0, 7), (0x01, 0, 0, 2), (0x3c, 0, 0, 0)]), 3);
    assert_eq!(computed(&[(0x00, 0, 0, 7), (0x3c, 0, 0, 0)]), 0, "a division by zero ends the filter");
    assert_eq!(computed(&[(0x00, 0, 0, 5), (0x44, 0, 0, 8), (0x54, 0, 0, 12)]), 12);
    assert_eq!(computed(&[(0x00, 0, 0, 5), (0x64, 0, 0, 2), (0x74, 0, 0, 1)]), 10);
    assert_eq!(computed(&[(0x00, 0, 0, 5), (0x84, 0, 0, 0), (0xa4, 0, 0, 1)]), 5_u32.wrapping_neg() ^ 1);
}

#[test]
fn registers_and_scratch_memory_are_kept() {
    assert_eq!(computed(&[(0x00, 0, 0, 9), (0x02, 0, 0, 15), (0x00, 0, 0, 1), (0x60, 0, 0, 15)]), 9);
    assert_eq!(computed(&[(0x01, 0, 0, 6), (0x03, 0, 0, 0), (0x61, 0, 0, 0), (0x87, 0, 0, 0)]), 6);
    assert_eq!(computed(&[(0x00, 0, 0, 4), (0x07, 0, 0, 0), (0x00, 0, 0, 0), (0x87, 0, 0, 0)]), 4);
    assert_eq!(computed(&[(0x80, 0, 0, 0)]), 64);
    assert_eq!(computed(&[(0x81, 0, 0, 0), (0x87, 0, 0, 0)]), 64);
}

#[test]
fn jumps_go_by_x_too() {
    // if (a > x) return 1; else return 2
    let both = |a| foreign(&[(0, 0, 0, a), (1, 0, 0, 5), (0x2d, 0, 1, 0), (6, 0, 0, 1), (6, 0, 0, 2)]);
    assert_eq!(both(6).value(&call(0, 0)), Some(1));
    assert_eq!(both(5).value(&call(0, 0)), Some(2));
}

#[test]
fn what_the_kernel_would_refuse_kills() {
    for insns in
        [&[][..], &[(0x20, 0, 0, 64)], &[(0x05, 0, 0, u32::MAX)], &[(0x60, 0, 0, 16)], &[(0xff, 0, 0, 0)]]
    {
        assert_eq!(foreign(insns).run(&call(0, 0)), Action::KillProcess, "{insns:?}");
    }
}
