//! Sending signals, and knowing when children changed state.

use crate::ptrace::SigInfo;
use crate::{Errno, Pid, Result};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
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

/// Lets `signal` end a waiting system call of whichever thread of this process it is sent to, with `EINTR`, and do
/// nothing else. It is unblocked in this thread and in those that it starts.
///
/// # Errors
/// `EINVAL`: no such signal, or one that cannot be caught.
pub fn let_interrupt(signal: i32) -> Result<()> {
    extern "C" fn nothing(_signal: i32) {}
    let action = SigAction::new(SigHandler::Handler(nothing), SaFlags::empty(), SigSet::empty());
    let signal = Signal::try_from(signal)?;
    SigSet::from(signal).thread_unblock()?;
    // SAFETY: the handler does nothing, so it may run at any moment in any thread.
    unsafe { sigaction(signal, &action) }.map(drop)
}

/// Keeps all signals from this thread; those to the process find another.
///
/// # Errors
/// None that is known.
pub fn block_all() -> Result<()> {
    SigSet::all().thread_block()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fd::wait_readable;
    use crate::fork::{Fork, exit_now, fork, getpid, gettid, waitpid};
    use crate::ptrace::{Options, Stop, Tracee, WaitEvent, wait_one};
    use crate::testing::{Traced, forking, in_child};

    #[test]
    fn a_queued_signal_arrives_with_its_information() {
        let traced = Traced::spawn(Options::NONE, || {
            std::thread::park();
            0
        });
        let mut bytes = SigInfo::fault(libc::SIGUSR1, libc::SI_QUEUE, 0).to_bytes();
        bytes[24..28].copy_from_slice(&0x55AA_i32.to_ne_bytes());
        rt_tgsigqueueinfo(traced.tid, traced.tid, libc::SIGUSR1, &SigInfo::from_bytes(bytes)).unwrap();
        let stop = Stop::SignalDelivery { signal: libc::SIGUSR1 };
        assert_eq!(wait_one(traced.tid), Ok(WaitEvent::Stopped(stop)));
        let info = Tracee::new(traced.tid).siginfo().unwrap();
        assert_eq!(info.code(), libc::SI_QUEUE);
        assert_eq!(info.to_bytes()[24..28], 0x55AA_i32.to_ne_bytes());
    }

    #[test]
    fn signals_go_to_processes_and_threads_that_exist() {
        assert_eq!(kill(getpid(), 0), Ok(()));
        assert_eq!(tgkill(getpid(), gettid(), 0), Ok(()));
        assert_eq!(tkill(gettid(), 0), Ok(()));
        assert_eq!(tgkill(Pid::from_raw(1), gettid(), 0), Err(Errno::ESRCH));
        assert_eq!(kill(Pid::from_raw(i32::MAX), 0), Err(Errno::ESRCH));
    }

    #[test]
    fn a_waiting_call_can_be_interrupted() {
        let got = in_child(|| {
            let_interrupt(libc::SIGUSR2).unwrap();
            let waiting = std::thread::spawn(|| (gettid(), wait_readable(&[], None)));
            // The thread's id is not known before it ends, but no other waits.
            while !waiting.is_finished() {
                for thread in std::fs::read_dir("/proc/self/task").unwrap().flatten() {
                    let tid = Pid::from_raw(thread.file_name().to_str().unwrap().parse().unwrap());
                    if tid != gettid() {
                        // It may have ended.
                        let _ = tgkill(getpid(), tid, libc::SIGUSR2);
                    }
                }
                std::thread::yield_now();
            }
            i32::from(waiting.join().unwrap().1 == Err(Errno::EINTR))
        });
        assert_eq!(got, 1);
    }

    #[test]
    fn a_pidfd_is_readable_when_the_process_has_ended() {
        let _forking = forking();
        let Fork::Parent(child) = fork().unwrap() else {
            loop {
                std::thread::park();
            }
        };
        let pidfd = pidfd_open(child).unwrap();
        assert_eq!(wait_readable(&[pidfd.as_fd()], Some(0)), Ok(vec![false]));
        kill(child, libc::SIGKILL).unwrap();
        assert_eq!(wait_readable(&[pidfd.as_fd()], None), Ok(vec![true]));
        waitpid(child).unwrap();
    }

    #[test]
    fn the_end_of_a_child_can_be_polled_for() {
        let got = in_child(|| {
            let signals = Signals::take(&[libc::SIGCHLD]).unwrap();
            assert_eq!(signals.next(), Ok(None));
            if fork().unwrap() == Fork::Child {
                exit_now(0);
            }
            wait_readable(&[signals.as_fd()], None).unwrap();
            signals.next().unwrap().unwrap()
        });
        assert_eq!(got, libc::SIGCHLD);
    }
}
