use super::super::{ARCH_X86_64, SeccompData};
use super::*;

const fn call(nr: u32) -> SeccompData {
    SeccompData { nr, arch: ARCH_X86_64, instruction_pointer: 0, args: [0; 6] }
}

#[test]
fn a_branch_beyond_255_instructions_still_arrives() {
    for gap in [0, 1, 254, 255, 256, 600] {
        let mut b = Builder::new();
        let (far, never) = (b.label(), b.label());
        b.load(Field::Nr).jump_if(Test::Eq(7), far).jump_unless(Test::Ge(5), never);
        for _ in 0..gap {
            b.and(u32::MAX);
        }
        b.ret(Action::Allow).bind(far).ret(Action::UserNotif).bind(never).ret(Action::Trace(3));
        let program = b.build().unwrap();
        assert_eq!(program.run(&call(7)), Action::UserNotif, "gap {gap}");
        assert_eq!(program.run(&call(6)), Action::Allow, "gap {gap}");
        assert_eq!(program.run(&call(4)), Action::Trace(3), "gap {gap}");
    }
}

#[test]
fn a_wide_range_is_exact_at_both_ends() {
    let edges = [0, 1, 0xFFFF_FFFF, 0x1_0000_0000, 0x1_0000_0001, 0x7FFF_1234_5678, u64::MAX];
    for start in edges {
        for end in edges {
            let mut b = Builder::new();
            let hit = b.label();
            b.jump_if_wide_in(Wide::Ip, start..end, hit).ret(Action::Allow).bind(hit).ret(Action::UserNotif);
            let program = b.build().unwrap();
            for ip in edges.into_iter().flat_map(|e| [e.wrapping_sub(1), e, e.wrapping_add(1)]) {
                let data = SeccompData { instruction_pointer: ip, ..call(0) };
                let inside = program.run(&data) == Action::UserNotif;
                assert_eq!(inside, (start..end).contains(&ip), "{ip:#x} in {start:#x}..{end:#x}");
            }
        }
    }
}

#[test]
fn a_wide_equality_looks_at_both_halves() {
    let value = 0x1122_3344_5566_7788;
    let mut b = Builder::new();
    let hit = b.label();
    b.jump_if_wide_eq(Wide::Arg(5), value, hit).ret(Action::Allow).bind(hit).ret(Action::Errno(13));
    let program = b.build().unwrap();
    let with = |arg| program.run(&SeccompData { args: [0, 0, 0, 0, 0, arg], ..call(0) });
    assert_eq!(with(value), Action::Errno(13));
    assert_eq!(with(value ^ 1), Action::Allow);
    assert_eq!(with(value ^ (1 << 40)), Action::Allow);
}

#[test]
fn bits_are_masked_and_tested() {
    let mut b = Builder::new();
    b.load(Field::ArgLow(2)).ret_if(Test::AnySet(0x6), Action::Trace(1));
    b.and(0xF0).ret_if(Test::Eq(0x30), Action::Trace(2)).ret_if(Test::Gt(0x80), Action::Trace(3));
    b.ret(Action::Allow);
    let program = b.build().unwrap();
    let with = |arg| program.run(&SeccompData { args: [0, 0, arg, 0, 0, 0], ..call(0) });
    assert_eq!(with(0x4), Action::Trace(1));
    assert_eq!(with(0x139), Action::Trace(2));
    assert_eq!(with(0x90), Action::Trace(3));
    assert_eq!(with(0x80), Action::Allow);
}

#[test]
fn programs_that_the_kernel_would_refuse_are_not_built() {
    let mut b = Builder::new();
    assert_eq!(b.build(), Err(BuildError::NoReturn));
    b.load(Field::Nr);
    assert_eq!(b.build(), Err(BuildError::NoReturn));

    let mut b = Builder::new();
    let unbound = b.label();
    b.jump(unbound).ret(Action::Allow);
    assert_eq!(b.build(), Err(BuildError::LabelNotAhead));

    let mut b = Builder::new();
    let back = b.label();
    b.bind(back).load(Field::Nr).jump_if(Test::Eq(0), back).ret(Action::Allow);
    assert_eq!(b.build(), Err(BuildError::LabelNotAhead));

    let mut b = Builder::new();
    b.load(Field::ArgHigh(6)).ret(Action::Allow);
    assert_eq!(b.build(), Err(BuildError::NoSuchArgument));

    let mut b = Builder::new();
    for _ in 0..4096 {
        b.load(Field::Nr);
    }
    b.ret(Action::Allow);
    assert_eq!(b.build(), Err(BuildError::TooLong));
}
