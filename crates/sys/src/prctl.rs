//! prctl(2) and the resource limits.

use crate::{Errno, Pid, Result};
use nix::sys::resource::Resource;
use std::ffi::CStr;
use std::path::Path;

/// Lets the process `tracer` and its children trace this one, where Yama would allow parents only
/// (`PR_SET_PTRACER`). Without Yama nothing is to be allowed.
///
/// # Errors
/// `EINVAL`: no such process.
pub fn set_ptracer(tracer: Pid) -> Result<()> {
    let tracer = u64::from(tracer.as_raw().cast_unsigned());
    // SAFETY: the option takes numbers only.
    let done = unsafe { libc::prctl(libc::PR_SET_PTRACER, tracer, 0_u64, 0_u64, 0_u64) };
    match Errno::result(done) {
        Err(Errno::EINVAL) if !Path::new("/proc/sys/kernel/yama").exists() => Ok(()),
        other => other.map(drop),
    }
}

/// Gives up for ever what set-user-id programs would grant; what a process without privileges must do
/// before it can have a seccomp filter.
///
/// # Errors
/// None that is known.
pub fn set_no_new_privs() -> Result<()> {
    nix::sys::prctl::set_no_new_privs()
}

/// Names this thread; 15 bytes are kept.
///
/// # Errors
/// None that is known.
pub fn set_name(name: &CStr) -> Result<()> {
    nix::sys::prctl::set_name(name)
}

/// Whether others of the same user may look into this process and whether it leaves a core file.
///
/// # Errors
/// None that is known.
pub fn set_dumpable(dumpable: bool) -> Result<()> {
    nix::sys::prctl::set_dumpable(dumpable)
}

/// Has this process be sent `signal` when the thread that made it dies (0: not any more).
///
/// # Errors
/// `EINVAL`: no such signal.
pub fn set_parent_death_signal(signal: i32) -> Result<()> {
    let signal = u64::try_from(signal).or(Err(Errno::EINVAL))?;
    // SAFETY: the option takes numbers only.
    let done = unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, signal, 0_u64, 0_u64, 0_u64) };
    Errno::result(done).map(drop)
}

/// Whether orphans among the descendants of this process become its children: it asked for that, or is the first
/// of its PID namespace.
///
/// # Errors
/// None that is known.
pub fn takes_up_orphans() -> Result<bool> {
    let mut asked: libc::c_int = 0;
    // SAFETY: the option stores one int.
    let done = unsafe { libc::prctl(libc::PR_GET_CHILD_SUBREAPER, &raw mut asked, 0_u64, 0_u64, 0_u64) };
    Errno::result(done)?;
    Ok(asked != 0 || crate::fork::getpid().as_raw() == 1)
}

/// The soft and the hard limit of open descriptors.
///
/// # Errors
/// None that is known.
pub fn open_files_limit() -> Result<(u64, u64)> {
    nix::sys::resource::getrlimit(Resource::RLIMIT_NOFILE)
}

/// Sets the soft and the hard limit of open descriptors.
///
/// # Errors
/// `EPERM`: a hard limit above the present one. `EINVAL`: soft above hard.
pub fn set_open_files_limit(soft: u64, hard: u64) -> Result<()> {
    nix::sys::resource::setrlimit(Resource::RLIMIT_NOFILE, soft, hard)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fork::{getpid, getppid};
    use crate::procfs::Status;
    use crate::testing::in_child;

    #[test]
    fn the_parent_may_be_named_as_tracer() {
        assert_eq!(in_child(|| i32::from(set_ptracer(getppid()).is_err())), 0);
    }

    #[test]
    fn no_new_privs_shows_in_the_status() {
        let set = in_child(|| {
            set_no_new_privs().unwrap();
            i32::from(Status::read(getpid()).unwrap().no_new_privs)
        });
        assert_eq!(set, 1);
    }

    #[test]
    fn a_soft_limit_can_be_lowered() {
        let wrong = in_child(|| {
            let (_, hard) = open_files_limit().unwrap();
            set_open_files_limit(64, hard).unwrap();
            i32::from(open_files_limit() != Ok((64, hard)))
        });
        assert_eq!(wrong, 0);
    }

    #[test]
    fn a_child_dies_with_its_parent_when_it_asked_to() {
        let signal = in_child(|| {
            set_parent_death_signal(libc::SIGKILL).unwrap();
            let mut signal = 0_i32;
            // SAFETY: the option stores one int.
            unsafe { libc::prctl(libc::PR_GET_PDEATHSIG, &raw mut signal, 0_u64, 0_u64, 0_u64) };
            signal
        });
        assert_eq!(signal, libc::SIGKILL);
    }

    #[test]
    fn a_name_is_cut_at_fifteen_bytes() {
        let wrong = in_child(|| {
            set_name(c"anyclave-supervisor").unwrap();
            i32::from(std::fs::read_to_string("/proc/thread-self/comm").unwrap() != "anyclave-superv\n")
        });
        assert_eq!(wrong, 0);
    }
}
