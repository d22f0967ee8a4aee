//! The wait status of a tracee as a closed enum.

use super::raw;
use crate::{Errno, Pid, Result};

/// What a wait reported about one thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitEvent {
    /// It is gone: exit(2) with this code.
    Exited {
        /// The low eight bits of what it passed.
        code: i32,
    },
    /// It is gone: killed by a signal.
    Signaled {
        /// The signal.
        signal: i32,
        /// A core file was written.
        core: bool,
    },
    /// It stands still until it is resumed.
    Stopped(Stop),
}

/// Why a tracee stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Before a signal is delivered; resuming with the number delivers it, with 0 drops it.
    SignalDelivery {
        /// The signal, from 1 to 64.
        signal: i32,
    },
    /// At the entry or the exit of a system call ([`super::Tracee::syscall_op`] says which).
    Syscall,
    /// At one of the events asked for by [`super::Options`].
    Event(Event),
    /// The whole process is being stopped by job control; to keep it so, [`super::Tracee::listen`].
    GroupStop {
        /// SIGSTOP, SIGTSTP, SIGTTIN or SIGTTOU.
        signal: i32,
    },
    /// [`super::interrupt`] took effect, or a new thread traced from birth reports for the first time, or a
    /// group-stop ended while the tracee was listening.
    Interrupted,
}

/// A `PTRACE_EVENT_*` stop with its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Inside clone(2).
    Clone {
        /// The new thread or process, in the tracer's PID namespace.
        child: Pid,
    },
    /// Inside fork(2).
    Fork {
        /// The new process.
        child: Pid,
    },
    /// Inside vfork(2), before the parent begins to wait for the child.
    Vfork {
        /// The new process.
        child: Pid,
    },
    /// Inside vfork(2), the child has let the parent go.
    VforkDone {
        /// The child.
        child: Pid,
    },
    /// Inside a successful execve(2): memory and registers are the new program's, all other threads gone.
    Exec {
        /// The thread that called execve; from now on it bears the thread-group id.
        former: Pid,
    },
    /// Dying, registers and memory still there.
    Exit {
        /// The status it will be waited for with, in waitpid's encoding.
        status: i32,
    },
    /// At the entry of a system call for which a filter said `RET_TRACE`.
    Seccomp {
        /// The filter's `SECCOMP_RET_DATA`.
        data: u16,
    },
}

impl WaitEvent {
    /// Reads a wait status; for an event also its message, which needs `tid` to be still there.
    ///
    /// # Errors
    /// `ESRCH`: killed since, so the message is lost; its death will be reported. `EINVAL`: a status no
    /// kernel we know gives.
    pub(super) fn from_status(tid: Pid, status: i32) -> Result<Self> {
        if libc::WIFEXITED(status) {
            return Ok(Self::Exited { code: libc::WEXITSTATUS(status) });
        }
        if libc::WIFSIGNALED(status) {
            return Ok(Self::Signaled { signal: libc::WTERMSIG(status), core: libc::WCOREDUMP(status) });
        }
        if !libc::WIFSTOPPED(status) {
            return Err(Errno::EINVAL);
        }
        Stop::from_status(tid, status).map(Self::Stopped)
    }

    /// The thread no longer exists.
    #[must_use]
    pub fn is_death(&self) -> bool {
        matches!(self, Self::Exited { .. } | Self::Signaled { .. })
    }
}

impl Stop {
    fn from_status(tid: Pid, status: i32) -> Result<Self> {
        let signal = libc::WSTOPSIG(status);
        match status >> 16 {
            0 if signal == libc::SIGTRAP | 0x80 => Ok(Self::Syscall),
            0 => Ok(Self::SignalDelivery { signal }),
            libc::PTRACE_EVENT_STOP if signal == libc::SIGTRAP => Ok(Self::Interrupted),
            libc::PTRACE_EVENT_STOP => Ok(Self::GroupStop { signal }),
            event => Event::read(tid, event).map(Self::Event),
        }
    }
}

impl Event {
    fn read(tid: Pid, event: i32) -> Result<Self> {
        let mut message: libc::c_ulong = 0;
        // SAFETY: the kernel writes one unsigned long.
        unsafe { raw::with_value(libc::PTRACE_GETEVENTMSG, tid, 0, &mut message) }?;
        let pid = || libc::pid_t::try_from(message).map(Pid::from_raw).or(Err(Errno::EINVAL));
        Ok(match event {
            libc::PTRACE_EVENT_CLONE => Self::Clone { child: pid()? },
            libc::PTRACE_EVENT_FORK => Self::Fork { child: pid()? },
            libc::PTRACE_EVENT_VFORK => Self::Vfork { child: pid()? },
            libc::PTRACE_EVENT_VFORK_DONE => Self::VforkDone { child: pid()? },
            libc::PTRACE_EVENT_EXEC => Self::Exec { former: pid()? },
            libc::PTRACE_EVENT_EXIT => Self::Exit { status: i32::try_from(message).or(Err(Errno::EINVAL))? },
            libc::PTRACE_EVENT_SECCOMP => {
                Self::Seccomp { data: u16::try_from(message).or(Err(Errno::EINVAL))? }
            }
            _ => return Err(Errno::EINVAL),
        })
    }
}
