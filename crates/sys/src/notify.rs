//! The listener of a seccomp filter: system calls that wait for our answer.

use crate::seccomp::notification_sizes;
use crate::{Errno, Pid, Result};
use std::mem::{offset_of, size_of};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// A system call that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Names it in the answer.
    pub id: u64,
    /// The thread that made it, in our PID namespace (0: not visible from it).
    pub pid: Pid,
    /// Its number.
    pub nr: i64,
    /// Its arguments.
    pub args: [u64; 6],
    /// The address after the `syscall` instruction.
    pub ip: u64,
    /// `AUDIT_ARCH_*`.
    pub arch: u32,
}

/// The answer to a system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Response {
    /// The kernel performs it after all. Its arguments may have changed since we looked at them.
    Continue,
    /// It returns this.
    Return(i64),
    /// It fails.
    Error(Errno),
}

/// A listener; readable (`POLLIN`) when a system call waits, hung up (`POLLHUP`) when nobody is left that
/// has the filter.
#[derive(Debug)]
pub struct Listener {
    fd: OwnedFd,
    /// Words in a receive buffer: the kernel's structure may be longer than ours.
    recv_words: usize,
    /// Words in a send buffer.
    send_words: usize,
}

const _: () = assert!(size_of::<libc::seccomp_notif>() == 80);
const _: () = assert!(offset_of!(libc::seccomp_notif, data) == 16);
const _: () = assert!(size_of::<libc::seccomp_notif_resp>() == 24);
const _: () = assert!(size_of::<libc::seccomp_notif_addfd>() == 24);

/// Zeroed words for a structure as long as the kernel's. It is hardly ever longer than today.
enum Buffer {
    Usual([u64; Self::USUAL]),
    Long(Vec<u64>),
}

impl Buffer {
    const USUAL: usize = 16;

    fn of(words: usize) -> Self {
        if words > Self::USUAL { Self::Long(vec![0; words]) } else { Self::Usual([0; Self::USUAL]) }
    }

    fn as_ptr(&self) -> *const u64 {
        match self {
            Self::Usual(words) => words.as_ptr(),
            Self::Long(words) => words.as_ptr(),
        }
    }

    fn as_mut_ptr(&mut self) -> *mut u64 {
        match self {
            Self::Usual(words) => words.as_mut_ptr(),
            Self::Long(words) => words.as_mut_ptr(),
        }
    }
}

/// `SECCOMP_USER_NOTIF_FLAG_CONTINUE`.
const CONTINUE: u32 = 1;
/// `SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP`.
const SYNC_WAKE_UP: u64 = 1;

impl Listener {
    /// Wraps what [`crate::seccomp::install`] gave, here or in a child.
    ///
    /// # Errors
    /// `EINVAL`: a kernel before 5.0.
    pub fn new(fd: OwnedFd) -> Result<Self> {
        let (recv, send) = notification_sizes()?;
        let words = |kernels: usize, ours: usize| kernels.max(ours).div_ceil(size_of::<u64>());
        Ok(Self {
            fd,
            recv_words: words(recv, size_of::<libc::seccomp_notif>()),
            send_words: words(send, size_of::<libc::seccomp_notif_resp>()),
        })
    }

    /// The next system call, waiting for one.
    ///
    /// # Errors
    /// `ENOENT`: the one that was there was killed meanwhile, or nobody has the filter any more. `EINTR`.
    pub fn recv(&self) -> Result<Notification> {
        // The kernel insists on zeroes.
        let mut buf = Buffer::of(self.recv_words);
        // SAFETY: the kernel writes one `seccomp_notif` of its own size, and the buffer has at least that.
        let done =
            unsafe { libc::ioctl(self.fd.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_RECV, buf.as_mut_ptr()) };
        Errno::result(done)?;
        // SAFETY: the buffer is aligned for u64, at least as long as the structure, and any bytes are one.
        let raw = unsafe { buf.as_ptr().cast::<libc::seccomp_notif>().read() };
        Ok(Notification {
            id: raw.id,
            pid: Pid::from_raw(raw.pid.cast_signed()),
            nr: i64::from(raw.data.nr),
            args: raw.data.args,
            ip: raw.data.instruction_pointer,
            arch: raw.data.arch,
        })
    }

    /// The system call still waits, so what was read of its thread until now is of that thread.
    ///
    /// # Errors
    /// What ioctl(2) says of a bad listener.
    pub fn id_valid(&self, id: u64) -> Result<bool> {
        let mut id = id;
        // SAFETY: the kernel reads one u64.
        let done =
            unsafe { libc::ioctl(self.fd.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_ID_VALID, &raw mut id) };
        match Errno::result(done) {
            Ok(_) => Ok(true),
            Err(Errno::ENOENT) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Answers.
    ///
    /// # Errors
    /// `ENOENT`: it no longer waits. `EINPROGRESS`: answered already.
    pub fn respond(&self, id: u64, response: Response) -> Result<()> {
        let mut buf = Buffer::of(self.send_words);
        let (val, error, flags) = match response {
            Response::Continue => (0, 0, CONTINUE),
            Response::Return(value) => (value, 0, 0),
            Response::Error(errno) => (0, -(errno as i32), 0),
        };
        // SAFETY: the buffer is aligned for u64 and at least as long as the structure.
        unsafe {
            buf.as_mut_ptr().cast::<libc::seccomp_notif_resp>().write(libc::seccomp_notif_resp {
                id,
                val,
                error,
                flags,
            });
        }
        // SAFETY: the kernel reads one `seccomp_notif_resp` of its own size, and the buffer has at least that.
        let done =
            unsafe { libc::ioctl(self.fd.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SEND, buf.as_mut_ptr()) };
        Errno::result(done).map(drop)
    }

    /// Puts a copy of `fd` into the process and makes its number the system call's result, in one step
    /// (Linux 5.14). Returns that number.
    ///
    /// # Errors
    /// `ENOENT`: it no longer waits. `EMFILE`: the process has no number left; the call still waits.
    pub fn add_fd_send(&self, id: u64, fd: BorrowedFd<'_>, cloexec: bool) -> Result<i32> {
        let mut request = libc::seccomp_notif_addfd {
            id,
            flags: u32::try_from(libc::SECCOMP_ADDFD_FLAG_SEND).or(Err(Errno::EINVAL))?,
            srcfd: fd.as_raw_fd().cast_unsigned(),
            newfd: 0,
            newfd_flags: if cloexec { libc::O_CLOEXEC.cast_unsigned() } else { 0 },
        };
        // SAFETY: the kernel reads one `seccomp_notif_addfd`.
        let done =
            unsafe { libc::ioctl(self.fd.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_ADDFD, &raw mut request) };
        Errno::result(done)
    }

    /// Nobody has the filter any more, so no call will ever come.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
        let mut polled = [PollFd::new(self.fd.as_fd(), PollFlags::empty())];
        poll(&mut polled, PollTimeout::ZERO).is_ok()
            && polled.iter().any(|fd| fd.revents().is_some_and(|events| events.contains(PollFlags::POLLHUP)))
    }

    /// Has the caller wait for the answer on the CPU of the listener, as the two never run at once
    /// (Linux 6.6).
    ///
    /// # Errors
    /// `EINVAL` or `ENOTTY`: an older kernel; the listener works all the same.
    pub fn set_sync_wake_up(&self) -> Result<()> {
        // SAFETY: the argument is a number.
        let done =
            unsafe { libc::ioctl(self.fd.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SET_FLAGS, SYNC_WAKE_UP) };
        Errno::result(done).map(drop)
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl From<Listener> for OwnedFd {
    fn from(listener: Listener) -> Self {
        listener.fd
    }
}

#[cfg(test)]
mod tests;
