//! Processes: birth, change of program, end.

use crate::ptrace::{WaitEvent, wait_one};
use crate::{Errno, Pid, Result};
use std::ffi::{CStr, CString};

/// On which side of a fork we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fork {
    /// The process that called; the child's id.
    Parent(Pid),
    /// The new process.
    Child,
}

/// Makes a copy of this process, with this thread only.
///
/// If other threads exist, a lock one of them held stays locked in the child for ever, so the child should do
/// little and end by [`exec`] or [`exit_now`].
///
/// # Errors
/// `EAGAIN`, `ENOMEM`.
pub fn fork() -> Result<Fork> {
    // SAFETY: what the child may do afterwards is limited for fear of locks that stay taken, which is a
    // hang and no memory error; the C library makes its own allocator usable in the child.
    match unsafe { nix::unistd::fork() }? {
        nix::unistd::ForkResult::Parent { child } => Ok(Fork::Parent(child)),
        nix::unistd::ForkResult::Child => Ok(Fork::Child),
    }
}

/// Makes a copy as [`fork`] does, of whose death nobody is told: the waits of this process, and of the program it
/// becomes, pass it over unless they ask for all children (`__WALL`).
///
/// This process must have one thread. In the child the C library takes itself for the parent where it asks who it
/// is; another [`fork`] mends that.
///
/// # Errors
/// `EAGAIN`, `ENOMEM`.
pub fn fork_unwaited() -> Result<Fork> {
    // SAFETY: without flags, and with no stack of its own, the child is a copy of this process as fork(2) makes it.
    // No other thread exists that could hold a lock.
    match Errno::result(unsafe { libc::syscall(libc::SYS_clone, 0, 0, 0, 0, 0) })? {
        0 => Ok(Fork::Child),
        pid => i32::try_from(pid).map(|pid| Fork::Parent(Pid::from_raw(pid))).or(Err(Errno::EINVAL)),
    }
}

/// Ends this process at once: no destructors, no exit handlers, nothing flushed.
pub fn exit_now(code: i32) -> ! {
    // SAFETY: _exit has no precondition.
    unsafe { libc::_exit(code) }
}

/// Waits until the child is gone, passing over its stops; either `Exited` or `Signaled`.
///
/// # Errors
/// `ECHILD`: none of ours.
pub fn waitpid(child: Pid) -> Result<WaitEvent> {
    loop {
        match wait_one(child) {
            Ok(event) if event.is_death() => return Ok(event),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Becomes the program at a path, with this environment. A file that is no program the kernel knows is not
/// handed to a shell. Returns only on failure.
#[must_use]
pub fn exec(path: &CStr, args: &[CString]) -> Errno {
    match nix::unistd::execv(path, args) {
        Err(error) => error,
        Ok(never) => match never {},
    }
}

/// Begins a new session, without a terminal.
///
/// # Errors
/// `EPERM`: leader of a process group already.
pub fn setsid() -> Result<Pid> {
    nix::unistd::setsid()
}

/// This process.
#[must_use]
pub fn getpid() -> Pid {
    nix::unistd::getpid()
}

/// The parent of this process; changes when it dies.
#[must_use]
pub fn getppid() -> Pid {
    nix::unistd::getppid()
}

/// This thread.
#[must_use]
pub fn gettid() -> Pid {
    nix::unistd::gettid()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::forking;

    fn ending(body: impl FnOnce() -> i32) -> Result<WaitEvent> {
        let _forking = forking();
        match fork().unwrap() {
            Fork::Child => exit_now(body()),
            Fork::Parent(child) => waitpid(child),
        }
    }

    #[test]
    fn a_child_is_waited_for_by_its_code_or_its_signal() {
        assert_eq!(ending(|| 7), Ok(WaitEvent::Exited { code: 7 }));
        let killed = ending(|| crate::signal::kill(getpid(), libc::SIGKILL).map_or(1, |()| 2));
        assert_eq!(killed, Ok(WaitEvent::Signaled { signal: libc::SIGKILL, core: false }));
    }

    #[test]
    fn exec_runs_the_program_at_a_path_or_says_why_not() {
        let args = [c"sh".to_owned(), c"-c".to_owned(), c"exit 5".to_owned()];
        assert_eq!(ending(|| exec(c"/bin/sh", &args) as i32), Ok(WaitEvent::Exited { code: 5 }));
        let gone = ending(|| exec(c"/nonexistent/program", &args) as i32);
        assert_eq!(gone, Ok(WaitEvent::Exited { code: libc::ENOENT }));
    }

    #[test]
    fn a_child_can_begin_a_session() {
        assert_eq!(ending(|| i32::from(setsid() != Ok(getpid()))), Ok(WaitEvent::Exited { code: 0 }));
    }
}
