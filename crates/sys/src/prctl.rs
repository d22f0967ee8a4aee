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
    use crate::fork::{Fork, exit_now, fork, getpid, getppid, waitpid};
    use crate::procfs::Status;
    use crate::ptrace::WaitEvent;

    #[test]
    fn the_parent_may_be_named_as_tracer() {
        match fork().unwrap() {
            Fork::Child => exit_now(i32::from(set_ptracer(getppid()).is_err())),
            Fork::Parent(child) => assert_eq!(waitpid(child), Ok(WaitEvent::Exited { code: 0 })),
        }
    }

    #[test]
    fn no_new_privs_shows_in_the_status() {
        match fork().unwrap() {
            Fork::Child => {
                let done = set_no_new_privs().and_then(|()| Status::read(getpid()));
                exit_now(i32::from(!done.is_ok_and(|status| status.no_new_privs)))
            }
            Fork::Parent(child) => assert_eq!(waitpid(child), Ok(WaitEvent::Exited { code: 0 })),
        }
    }

    #[test]
    fn a_soft_limit_can_be_lowered() {
        match fork().unwrap() {
            Fork::Child => {
                let done = open_files_limit()
                    .and_then(|(_, hard)| set_open_files_limit(64, hard).map(|()| hard))
                    .and_then(|hard| Ok((open_files_limit()?, hard)));
                exit_now(i32::from(!done.is_ok_and(|(now, hard)| now == (64, hard))))
            }
            Fork::Parent(child) => assert_eq!(waitpid(child), Ok(WaitEvent::Exited { code: 0 })),
        }
    }
}
