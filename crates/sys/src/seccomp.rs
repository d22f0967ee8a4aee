//! seccomp(2): putting a filter on this process.

use crate::bpf::Program;
use crate::{Errno, Result};
use std::os::fd::{FromRawFd, OwnedFd};

/// `SECCOMP_FILTER_FLAG_*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags(u64);

impl Flags {
    /// This thread only, no listener.
    pub const NONE: Self = Self(0);
    /// Give a listener for [`Action::UserNotif`](crate::bpf::Action::UserNotif).
    pub const NEW_LISTENER: Self = Self(libc::SECCOMP_FILTER_FLAG_NEW_LISTENER);
    /// Once the listener has received a notification only a fatal signal interrupts the call (Linux 5.19).
    pub const WAIT_KILLABLE_RECV: Self = Self(libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
    /// All threads of the process; one that cannot take the filter is `ESRCH`.
    pub const TSYNC: Self = Self(libc::SECCOMP_FILTER_FLAG_TSYNC | libc::SECCOMP_FILTER_FLAG_TSYNC_ESRCH);

    /// Both sets together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The word the kernel takes.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }

    const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl std::ops::BitOr for Flags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.with(other)
    }
}

/// Puts the filter on this thread (with `TSYNC`: process), for ever and for all its children. The
/// listener, if asked for, has close-on-exec set.
///
/// # Errors
/// `EACCES`: neither `no_new_privs` nor `CAP_SYS_ADMIN`. `EINVAL`: a flag the kernel does not know.
/// `EBUSY`: a listener was asked for and there is one. `ENOMEM`: too many filters. `ESRCH`: see
/// [`Flags::TSYNC`].
pub fn install(program: &Program, flags: Flags) -> Result<Option<OwnedFd>> {
    let insns = program.insns();
    let fprog = libc::sock_fprog { len: program.len(), filter: insns.as_ptr().cast_mut().cast() };
    // SAFETY: the kernel reads `fprog` and the instructions it points to, both alive here; `Insn` has the
    // layout of `sock_filter`.
    let done = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            u64::from(libc::SECCOMP_SET_MODE_FILTER),
            flags.bits(),
            &raw const fprog,
        )
    };
    let fd = Errno::result(done)?;
    if !flags.has(Flags::NEW_LISTENER) {
        return Ok(None);
    }
    let fd = i32::try_from(fd).or(Err(Errno::EBADF))?;
    // SAFETY: with NEW_LISTENER the call returns a new descriptor, which nobody else knows of.
    Ok(Some(unsafe { OwnedFd::from_raw_fd(fd) }))
}

/// Whether the kernel knows these flags. Nothing is installed.
#[must_use]
pub fn knows(flags: Flags) -> bool {
    // SAFETY: there is no filter at address zero, so the kernel, if it comes to reading one, reads nothing.
    let done = unsafe {
        libc::syscall(libc::SYS_seccomp, u64::from(libc::SECCOMP_SET_MODE_FILTER), flags.bits(), 0_u64)
    };
    Errno::result(done) == Err(Errno::EFAULT)
}

/// The kernel's sizes of the notification and of the response, in bytes.
///
/// # Errors
/// `EINVAL`: a kernel before 5.0.
pub fn notification_sizes() -> Result<(usize, usize)> {
    let mut sizes = libc::seccomp_notif_sizes { seccomp_notif: 0, seccomp_notif_resp: 0, seccomp_data: 0 };
    // SAFETY: the kernel writes one `seccomp_notif_sizes`.
    let done = unsafe {
        libc::syscall(libc::SYS_seccomp, u64::from(libc::SECCOMP_GET_NOTIF_SIZES), 0_u64, &raw mut sizes)
    };
    Errno::result(done)?;
    Ok((usize::from(sizes.seccomp_notif), usize::from(sizes.seccomp_notif_resp)))
}

#[cfg(test)]
mod tests;
