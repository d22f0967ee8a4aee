//! Looking at processes of other users.
//!
//! Root without CAP_SYS_PTRACE, as containers have it, may not look at the processes of others as itself, but for
//! the moment of a look a thread can take on the user and the group that files are opened with.

use crate::{Errno, Pid, Result, prctl, procfs};
use std::io;

/// Looks at something of a process in /proc: as ourselves, or where that is refused as the process's own user. Says
/// which.
pub(crate) fn look<T>(pid: Pid, look: impl Fn() -> io::Result<T>) -> io::Result<(T, bool)> {
    match look() {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let Ok(_user) = Borrowed::of(pid) else { return Err(error) };
            look().map(|value| (value, true))
        }
        result => result.map(|value| (value, false)),
    }
}

/// This thread opens files as another user, until it is dropped.
struct Borrowed {
    /// Who it was before.
    user: libc::uid_t,
    group: libc::gid_t,
}

impl Borrowed {
    /// Takes on the user and the group of a process.
    ///
    /// # Errors
    /// `EPERM`: they are ours, the process is of several at once, or we may not.
    fn of(pid: Pid) -> Result<Self> {
        let (user, group) = owner(pid)?;
        // SAFETY: the call takes a number; one that is nobody's changes nothing, and the present one comes back.
        let old_group = unsafe { libc::setfsgid(libc::gid_t::MAX) };
        // SAFETY: as above.
        let old_user = unsafe { libc::setfsuid(libc::uid_t::MAX) };
        let borrowed = Self { user: old_user.cast_unsigned(), group: old_group.cast_unsigned() };
        if (user, group) == (borrowed.user, borrowed.group) {
            return Err(Errno::EPERM);
        }
        set(user, group);
        Ok(borrowed)
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        set(self.user, self.group);
        // Linux takes a change of users for a reason to hide the process, and programs reach files through us.
        let _ = prctl::set_dumpable(true);
    }
}

/// The group first and last: as another user the thread may not change it freely.
fn set(user: libc::uid_t, group: libc::gid_t) {
    // SAFETY: the calls take numbers only, and concern this thread alone.
    unsafe { libc::setfsgid(group) };
    // SAFETY: as above.
    unsafe { libc::setfsuid(user) };
    // SAFETY: as above.
    unsafe { libc::setfsgid(group) };
}

/// User and group of a process, if it is of one of each: real, effective and saved.
fn owner(pid: Pid) -> Result<(libc::uid_t, libc::gid_t)> {
    let text = procfs::read(pid, "status")?;
    let text = String::from_utf8_lossy(&text);
    let same = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        let ids: Vec<u32> = line.split_ascii_whitespace().take(3).filter_map(|id| id.parse().ok()).collect();
        let &[first, second, third] = ids.as_slice() else { return None };
        (first == second && second == third).then_some(first)
    };
    same("Uid:").zip(same("Gid:")).ok_or(Errno::EPERM)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fork::getpid;
    use std::cell::Cell;

    #[test]
    fn who_may_look_looks_as_itself() {
        assert_eq!(look(getpid(), || Ok(5)).unwrap(), (5, false));
    }

    #[test]
    fn our_own_process_is_not_looked_at_twice() {
        let looks = Cell::new(0);
        let refused = look::<()>(getpid(), || {
            looks.set(looks.get() + 1);
            Err(io::ErrorKind::PermissionDenied.into())
        });
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(looks.get(), 1);
    }
}
