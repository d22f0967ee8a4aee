//! Where a program's own seccomp filter would decide, and ours stopped the thread first.

use anyclave_sys::bpf::{ARCH_I386, ARCH_X86_64, Action, SeccompData};
use anyclave_sys::ptrace::{Regs, SigInfo};
use anyclave_sys::remote::skip_syscall;
use anyclave_sys::{Errno, Result, signal};

use super::deliver::Raised;
use super::{Thread, Tracer};

/// si_code of SIGSYS for a filter's decision.
const SYS_SECCOMP: i32 = 1;

/// A 64-bit system call as a filter sees it.
pub(super) fn native_call(regs: &Regs) -> SeccompData {
    let [a, b, c, d, ..] = regs.orig_rax.to_le_bytes();
    SeccompData {
        nr: u32::from_le_bytes([a, b, c, d]),
        arch: ARCH_X86_64,
        instruction_pointer: regs.rip,
        args: [regs.rdi, regs.rsi, regs.rdx, regs.r10, regs.r8, regs.r9],
    }
}

/// The same for `int 0x80`.
fn old_call(regs: &Regs) -> SeccompData {
    let low = |register: u64| register & u64::from(u32::MAX);
    let args = [regs.rbx, regs.rcx, regs.rdx, regs.rsi, regs.rdi, regs.rbp].map(low);
    SeccompData { arch: ARCH_I386, args, ..native_call(regs) }
}

impl Tracer {
    /// A system call from our code that we did not make: the program has jumped there.
    pub(super) fn on_call_from_our_code(&mut self, thread: &mut Thread) -> Result<()> {
        let call = native_call(&thread.tracee.regs()?);
        // The program has gone astray into our code, past the other filters.
        thread.process.trust_nothing();
        self.decide_by_own(thread, &call)
    }

    /// `int 0x80` that is one: the filters of the program have not seen it yet.
    pub(super) fn on_old_call(&mut self, thread: &mut Thread, regs: &Regs) -> Result<()> {
        let call = old_call(regs);
        self.decide_by_own(thread, &call)
    }

    /// Does what the program's own filters decide of a call that it stands before.
    fn decide_by_own(&mut self, thread: &mut Thread, call: &SeccompData) -> Result<()> {
        match thread.process.own_filters.decide(call) {
            Action::Allow | Action::Log => thread.tracee.cont(0),
            Action::Errno(errno) => refuse(thread, Errno::from_raw(errno.into())),
            Action::Trace(_) | Action::UserNotif => refuse(thread, Errno::ENOSYS),
            Action::Trap(_) | Action::KillThread | Action::KillProcess => {
                skip_syscall(thread.tracee, 0)?;
                let info = SigInfo::fault(libc::SIGSYS, SYS_SECCOMP, call.instruction_pointer);
                self.die_of(thread, Raised::without_frame(info))
            }
        }
    }

    /// A call of the strict mode that it does not have. Linux ends the thread by SIGKILL, we its process.
    pub(super) fn on_strict(&mut self, thread: &Thread) -> Result<()> {
        signal::kill(thread.process.tgid, libc::SIGKILL)
    }
}

/// The program's own filter wanted a tracer, which it does not have: Linux says there is no such call.
pub(super) fn without_tracer(thread: &Thread) -> Result<()> {
    refuse(thread, Errno::ENOSYS)
}

fn refuse(thread: &Thread, error: Errno) -> Result<()> {
    skip_syscall(thread.tracee, -i64::from(error as i32))?;
    thread.tracee.cont(0)
}
