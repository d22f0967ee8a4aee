//! ptrace(2): becoming a tracer, waiting for tracees, and acting on a stopped one.
//!
//! Only `PTRACE_SEIZE` is offered, so a group-stop, a signal and an interruption are always told apart by
//! the wait status ([`Stop`]) and never guessed.

mod dispatch;
mod raw;
mod siginfo;
mod stop;
mod tracee;
mod wait;

pub use self::siginfo::SigInfo;
pub use self::stop::{Event, Stop, WaitEvent};
pub use self::tracee::{Regs, SyscallOp, Tracee};
pub use self::wait::{put_back, wait_any, wait_any_nohang, wait_one};
pub use crate::prctl::{set_no_new_privs, set_ptracer};

use crate::{Pid, Result};

/// What a tracer asks to be told beyond signals: the `PTRACE_O_*` bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options(libc::c_int);

impl Options {
    /// No option.
    pub const NONE: Self = Self(0);
    /// System-call stops carry `SIGTRAP | 0x80`; without it [`Stop::Syscall`] never appears.
    pub const TRACESYSGOOD: Self = Self(libc::PTRACE_O_TRACESYSGOOD);
    /// Stop at fork(2) and trace the child.
    pub const TRACEFORK: Self = Self(libc::PTRACE_O_TRACEFORK);
    /// Stop at vfork(2) and trace the child.
    pub const TRACEVFORK: Self = Self(libc::PTRACE_O_TRACEVFORK);
    /// Stop at clone(2) and trace the child.
    pub const TRACECLONE: Self = Self(libc::PTRACE_O_TRACECLONE);
    /// Stop at execve(2), in the new program.
    pub const TRACEEXEC: Self = Self(libc::PTRACE_O_TRACEEXEC);
    /// Stop when the child of a vfork(2) let its parent go.
    pub const TRACEVFORKDONE: Self = Self(libc::PTRACE_O_TRACEVFORKDONE);
    /// Stop at the beginning of a thread's death, its registers still there.
    pub const TRACEEXIT: Self = Self(libc::PTRACE_O_TRACEEXIT);
    /// Stop where a seccomp filter answers `RET_TRACE`.
    pub const TRACESECCOMP: Self = Self(libc::PTRACE_O_TRACESECCOMP);
    /// Kill the tracees when the tracer dies.
    pub const EXITKILL: Self = Self(libc::PTRACE_O_EXITKILL);

    /// Both sets together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The word the kernel takes.
    #[must_use]
    pub const fn bits(self) -> u64 {
        // PTRACE_O_* are small positive numbers.
        self.0.unsigned_abs() as u64
    }
}

impl std::ops::BitOr for Options {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.with(other)
    }
}

/// Becomes the tracer of the thread `tid` without stopping it (`PTRACE_SEIZE`).
///
/// # Errors
/// `EPERM`: not allowed, or traced already. `ESRCH`: no such thread.
pub fn seize(tid: Pid, options: Options) -> Result<()> {
    raw::request(libc::PTRACE_SEIZE, tid, 0, options.bits())
}

/// Stops a running tracee: it will report [`Stop::Interrupted`] (`PTRACE_INTERRUPT`), or, when it is about to
/// stop for another reason, only that. The one request a running tracee obeys.
///
/// # Errors
/// `ESRCH`: not a tracee of this thread.
pub fn interrupt(tid: Pid) -> Result<()> {
    raw::request(libc::PTRACE_INTERRUPT, tid, 0, 0)
}

#[cfg(test)]
mod tests;
