//! Sending signals, and knowing when children changed state.

use crate::ptrace::SigInfo;
use crate::{Errno, Pid, Result};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};

/// Sends `signal` (0: only asks whether it could) to a process.
///
/// # Errors
/// `ESRCH`: none. `EPERM`. `EINVAL`: no such signal.
pub fn kill(pid: Pid, signal: i32) -> Result<()> {
    // SAFETY: the call takes numbers only.
    Errno::result(unsafe { libc::kill(pid.as_raw(), signal) }).map(drop)
}

/// Sends `signal` to the thread `tid` of the process `tgid`.
///
/// # Errors
/// `ESRCH`: no such thread in it. `EPERM`. `EINVAL`: no such signal.
pub fn tgkill(tgid: Pid, tid: Pid, signal: i32) -> Result<()> {
    // SAFETY: the call takes numbers only.
    let done = unsafe { libc::syscall(libc::SYS_tgkill, tgid.as_raw(), tid.as_raw(), signal) };
    Errno::result(done).map(drop)
}

/// Sends `signal` to the thread `tid`, whatever process it belongs to.
///
/// # Errors
/// `ESRCH`: no such thread. `EPERM`. `EINVAL`: no such signal.
pub fn tkill(tid: Pid, signal: i32) -> Result<()> {
    // SAFETY: the call takes numbers only.
    let done = unsafe { libc::syscall(libc::SYS_tkill, tid.as_raw(), signal) };
    Errno::result(done).map(drop)
}

/// Sends `signal` with this information to the thread `tid` of the process `tgid`.
///
/// # Errors
/// `EPERM`: to another process only codes below 0 may be sent (`SI_QUEUE` and the like, not `SI_TKILL`).
/// `ESRCH`, `EINVAL`, `EAGAIN`: too many queued.
pub fn rt_tgsigqueueinfo(tgid: Pid, tid: Pid, signal: i32, info: &SigInfo) -> Result<()> {
    let info: *const libc::siginfo_t = info.as_raw();
    // SAFETY: the kernel reads one siginfo_t, which outlives the call.
    let done =
        unsafe { libc::syscall(libc::SYS_rt_tgsigqueueinfo, tgid.as_raw(), tid.as_raw(), signal, info) };
    Errno::result(done).map(drop)
}

/// A descriptor of the process `pid`: readable when it has ended, and never another process's.
///
/// # Errors
/// `ESRCH`: none. `EINVAL`: a thread that is no leader.
pub fn pidfd_open(pid: Pid) -> Result<OwnedFd> {
    // SAFETY: the call takes numbers only.
    let fd = Errno::result(unsafe { libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0) })?;
    let fd = i32::try_from(fd).or(Err(Errno::EBADF))?;
    // SAFETY: the call returned a new descriptor, which nobody else knows of.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Signals taken from a descriptor instead of a handler, for a loop that polls.
#[derive(Debug)]
pub struct Signals(SignalFd);

impl Signals {
    /// Blocks these signals in this thread and makes them readable. To be called while there is one
    /// thread: another that does not block them would receive them.
    ///
    /// # Errors
    /// `EINVAL`: a number without a name. `EMFILE`, `ENFILE`, `ENOMEM`.
    pub fn take(signals: &[i32]) -> Result<Self> {
        let mut set = SigSet::empty();
        for &signal in signals {
            set.add(Signal::try_from(signal)?);
        }
        set.thread_block()?;
        Ok(Self(SignalFd::with_flags(&set, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?))
    }

    /// The next signal's number, if one is there. Equal ones may be told once only, so after a SIGCHLD
    /// wait until there is nothing to report.
    ///
    /// # Errors
    /// What read(2) says.
    pub fn next(&self) -> Result<Option<i32>> {
        let info = self.0.read_signal()?;
        info.map(|info| i32::try_from(info.ssi_signo).or(Err(Errno::EINVAL))).transpose()
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
