//! Descriptors: copies, closing, waiting, and sending them to another process.

use crate::{Errno, Result};
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout};
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, recvmsg, sendmsg,
};
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// Two connected sockets that keep the bounds of messages, closed on exec.
///
/// # Errors
/// `EMFILE`, `ENFILE`.
pub fn socketpair() -> Result<(OwnedFd, OwnedFd)> {
    nix::sys::socket::socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)
}

/// Sends a message, not empty, with one descriptor or none.
///
/// # Errors
/// `EPIPE`: the other end is closed (no SIGPIPE is raised). `EMSGSIZE`.
pub fn send_fd(socket: BorrowedFd<'_>, message: &[u8], fd: Option<BorrowedFd<'_>>) -> Result<()> {
    let fds = fd.map(|fd| [fd.as_raw_fd()]);
    let rights = fds.as_ref().map(|fds| ControlMessage::ScmRights(fds));
    let control = rights.as_slice();
    let iov = [IoSlice::new(message)];
    sendmsg::<()>(socket.as_raw_fd(), &iov, control, MsgFlags::MSG_NOSIGNAL, None).map(drop)
}

/// Receives a message of up to `buf.len()` bytes, waiting for it: its length, 0 when the other end is
/// closed, and its descriptor, which is closed on exec.
///
/// # Errors
/// `EMSGSIZE`: longer than the buffer. `EINTR`, `ECONNRESET`.
pub fn recv_fd(socket: BorrowedFd<'_>, buf: &mut [u8]) -> Result<(usize, Option<OwnedFd>)> {
    let mut control = nix::cmsg_space!(RawFd);
    let mut iov = [IoSliceMut::new(buf)];
    let flags = MsgFlags::MSG_CMSG_CLOEXEC;
    let message = recvmsg::<()>(socket.as_raw_fd(), &mut iov, Some(&mut control), flags)?;
    let mut received = None;
    for item in message.cmsgs()? {
        let ControlMessageOwned::ScmRights(fds) = item else { continue };
        for fd in fds {
            // SAFETY: the kernel has just made this descriptor for us, and each one is told once.
            received = Some(unsafe { OwnedFd::from_raw_fd(fd) });
        }
    }
    if message.flags.contains(MsgFlags::MSG_TRUNC) {
        return Err(Errno::EMSGSIZE);
    }
    Ok((message.bytes, received))
}

/// Waits until one of the descriptors can be read or is hung up, for at most `timeout_ms` (`None`: for
/// ever). For each descriptor whether it is so.
///
/// # Errors
/// `EINTR`.
pub fn wait_readable(fds: &[BorrowedFd<'_>], timeout_ms: Option<u16>) -> Result<Vec<bool>> {
    let mut polls: Vec<_> = fds.iter().map(|fd| PollFd::new(*fd, PollFlags::POLLIN)).collect();
    nix::poll::poll(&mut polls, timeout_ms.map_or(PollTimeout::NONE, PollTimeout::from))?;
    Ok(polls.iter().map(|poll| poll.any().unwrap_or(true)).collect())
}

/// A copy of `fd` at the lowest free number from `lowest` on, closed on exec.
///
/// # Errors
/// `EINVAL`, `EMFILE`: no number there.
pub fn dup_from(fd: BorrowedFd<'_>, lowest: RawFd) -> Result<OwnedFd> {
    let copy = fcntl(fd, FcntlArg::F_DUPFD_CLOEXEC(lowest))?;
    // SAFETY: the call returned a new descriptor, which nobody else knows of.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

/// Whether the descriptor is closed on exec.
///
/// # Errors
/// `EBADF`.
pub fn set_cloexec(fd: BorrowedFd<'_>, cloexec: bool) -> Result<()> {
    let flags = if cloexec { FdFlag::FD_CLOEXEC } else { FdFlag::empty() };
    fcntl(fd, FcntlArg::F_SETFD(flags)).map(drop)
}

/// Makes standard input, output and error (the `which` of them) be /dev/null.
///
/// # Errors
/// What open(2) says of /dev/null.
pub fn redirect_to_null(which: &[RawFd]) -> Result<()> {
    let null = nix::fcntl::open("/dev/null", nix::fcntl::OFlag::O_RDWR, nix::sys::stat::Mode::empty())?;
    for &fd in which.iter().filter(|fd| (0..=2).contains(*fd)) {
        // SAFETY: the standard three are shared by convention and owned by nobody, so what they stand for
        // may change.
        Errno::result(unsafe { libc::dup2(null.as_raw_fd(), fd) })?;
    }
    if null.as_raw_fd() <= 2 {
        // It took the place of one that was closed, where it is to stay.
        std::mem::forget(null);
    }
    Ok(())
}

/// Closes all descriptors but the standard three and those in `keep`: for a process that has just been
/// forked and is to hold on to nothing of its parent.
///
/// # Safety
/// No `OwnedFd`, `File` or the like of a closed descriptor is used or dropped afterwards.
///
/// # Errors
/// `ENOSYS`: a kernel before 5.9.
pub unsafe fn close_all_but(keep: &[BorrowedFd<'_>]) -> Result<()> {
    let mut kept: Vec<u32> = keep.iter().map(|fd| fd.as_fd().as_raw_fd().cast_unsigned()).collect();
    kept.sort_unstable();
    let mut first = 3;
    for fd in kept {
        if fd > first {
            // SAFETY: the caller vouches that nobody uses these descriptors any more.
            unsafe { close_range(first, fd - 1) }?;
        }
        first = first.max(fd + 1);
    }
    // SAFETY: as above.
    unsafe { close_range(first, u32::MAX) }
}

/// # Safety
/// Nobody uses the descriptors from `first` to `last` afterwards.
unsafe fn close_range(first: u32, last: u32) -> Result<()> {
    // SAFETY: the caller vouches for the descriptors; the call takes numbers only.
    let done = unsafe { libc::syscall(libc::SYS_close_range, u64::from(first), u64::from(last), 0_u64) };
    Errno::result(done).map(drop)
}
