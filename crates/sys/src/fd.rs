//! Descriptors: copies, closing, waiting, and sending them to another process.

use crate::{Errno, Result};
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout};
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, recvmsg, sendmsg,
};
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memfd::Memfd;
    use crate::procfs::fd_flags;
    use crate::testing::{forking, in_child};
    use std::os::fd::AsFd;

    #[test]
    fn a_descriptor_sent_is_the_same_file_on_the_other_side() {
        let (here, there) = socketpair().unwrap();
        let memfd = Memfd::create(c"sent", 4096).unwrap();
        send_fd(here.as_fd(), b"take", Some(memfd.as_fd())).unwrap();
        let mut buf = [0; 16];
        let (len, fd) = recv_fd(there.as_fd(), &mut buf).unwrap();
        assert_eq!(&buf[..len], b"take");
        let fd = fd.unwrap();
        let this = crate::fork::getpid();
        assert_eq!(crate::procfs::fd_dev_ino(this, fd.as_raw_fd()), memfd.dev_ino());
        assert_ne!(fd_flags(this, fd.as_raw_fd()).unwrap() & libc::O_CLOEXEC, 0);
    }

    #[test]
    fn messages_keep_their_bounds_and_may_come_without_a_descriptor() {
        let _forking = forking();
        let (here, there) = socketpair().unwrap();
        send_fd(here.as_fd(), b"one", None).unwrap();
        send_fd(here.as_fd(), b"three", None).unwrap();
        let mut buf = [0; 4];
        let (len, fd) = recv_fd(there.as_fd(), &mut buf).unwrap();
        assert!(len == 3 && fd.is_none());
        assert_eq!(recv_fd(there.as_fd(), &mut buf).unwrap_err(), Errno::EMSGSIZE);
        assert_eq!(wait_readable(&[there.as_fd()], Some(0)), Ok(vec![false]));
    }

    #[test]
    fn only_the_socket_with_a_message_is_readable() {
        let (a, b) = (socketpair().unwrap(), socketpair().unwrap());
        send_fd(b.0.as_fd(), b"x", None).unwrap();
        assert_eq!(wait_readable(&[a.1.as_fd(), b.1.as_fd()], None), Ok(vec![false, true]));
    }

    #[test]
    fn a_copy_lies_where_it_was_asked_for_and_closes_on_exec() {
        let memfd = Memfd::create(c"copy", 0).unwrap();
        let copy = dup_from(memfd.as_fd(), 500).unwrap();
        assert!(copy.as_raw_fd() >= 500);
        let cloexec = || fd_flags(crate::fork::getpid(), copy.as_raw_fd()).unwrap() & libc::O_CLOEXEC != 0;
        assert!(cloexec());
        set_cloexec(copy.as_fd(), false).unwrap();
        assert!(!cloexec());
    }

    #[test]
    fn standard_input_can_become_null() {
        let status = in_child(|| {
            redirect_to_null(&[0]).unwrap();
            let path = crate::procfs::fd_path(crate::fork::getpid(), 0).unwrap();
            i32::from(path != std::path::Path::new("/dev/null"))
        });
        assert_eq!(status, 0);
    }
}
