//! What has to do with filters that programs put on themselves.

use anyclave_sys::bpf::{ARCH_X86_64, Action, BuildError, Builder, Field, Program, Test, Wide};

use super::{Reason, number};

/// What stands before a filter of a program's own, in place of whose last instruction that filter begins: system
/// calls of our code, in the page at `code`, and `int 0x80` for CPUID are the tracer's.
///
/// # Errors
/// Only if this file has a mistake.
pub(crate) fn before(code: u64) -> Result<Program, BuildError> {
    /// The part of an address that is the place in its page.
    const IN_PAGE: u64 = 0xfff;
    let mut filter = Builder::new();
    let [ours, elsewhere, theirs] = [(); 3].map(|()| filter.label());
    filter.jump_if_wide_in(Wide::Ip, code..code + IN_PAGE + 1, ours).jump(elsewhere);
    filter.bind(ours).ret(Reason::OurCode.action());
    filter.bind(elsewhere).load(Field::Arch).jump_if(Test::Eq(ARCH_X86_64), theirs);
    filter.load(Field::IpHigh).jump_if(Test::Eq(0), theirs).ret(Reason::Int80.action());
    filter.bind(theirs).ret(Action::Allow);
    filter.build()
}

/// SECCOMP_SET_MODE_STRICT, which a process that has filters already cannot have from Linux.
///
/// # Errors
/// Only if this file has a mistake.
pub(crate) fn strict() -> Result<Program, BuildError> {
    const NATIVE: [i64; 4] = [libc::SYS_read, libc::SYS_write, libc::SYS_exit, libc::SYS_rt_sigreturn];
    /// read, write, exit and sigreturn of 32-bit programs.
    const OLD: [u32; 4] = [3, 4, 1, 119];
    let mut filter = Builder::new();
    let native = filter.label();
    filter.load(Field::Arch).jump_if(Test::Eq(ARCH_X86_64), native);
    filter.load(Field::Nr);
    for call in OLD {
        filter.ret_if(Test::Eq(call), Action::Allow);
    }
    filter.ret(Reason::Strict.action());
    filter.bind(native).load(Field::Nr);
    for call in NATIVE {
        filter.ret_if(Test::Eq(number(call)), Action::Allow);
    }
    filter.ret(Reason::Strict.action());
    filter.build()
}
