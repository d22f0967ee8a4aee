//! How this process was started, before the runtime of Rust changed it.
//!
//! The runtime ignores SIGPIPE and opens /dev/null where one of the descriptors 0 to 2 is closed. A program
//! that is to be executed as if by our caller must find things as our caller left them.
//!
//! What may never happen in [`record`]: allocation, locks, or anything of `std` that needs its runtime, for
//! it runs before `main` and before the runtime is there.

mod inherited;

pub use self::inherited::close_inherited;

use crate::{Errno, Result};
use std::sync::atomic::{AtomicU8, Ordering};

/// Bit n (0 to 2): descriptor n was closed; and the two below.
static STATE: AtomicU8 = AtomicU8::new(0);
/// SIGPIPE was ignored.
const SIGPIPE_IGNORED: u8 = 1 << 7;
/// [`record`] ran.
const RECORDED: u8 = 1 << 6;

// SAFETY: the section is a table of functions that the C library calls with the arguments of main before
// main; `record` has that type, ignoring them as the calling convention allows.
#[used]
#[unsafe(link_section = ".init_array")]
static RECORD: extern "C" fn() = record;

extern "C" fn record() {
    let mut state = RECORDED;
    for fd in 0..3_u8 {
        // SAFETY: asking for the flags of a descriptor, open or not, changes nothing.
        if unsafe { libc::fcntl(i32::from(fd), libc::F_GETFD) } == -1 {
            state |= 1 << fd;
        }
    }
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: with no new action the call only writes the present one into `action`.
    unsafe { libc::sigaction(libc::SIGPIPE, std::ptr::null(), action.as_mut_ptr()) };
    // SAFETY: `sigaction` is integers and an optional function, for which zeroes are valid too.
    if unsafe { action.assume_init() }.sa_sigaction == libc::SIG_IGN {
        state |= SIGPIPE_IGNORED;
    }
    STATE.store(state, Ordering::Relaxed);
    inherited::record();
}

/// SIGPIPE was ignored when this process was started.
///
/// # Errors
/// `ENODATA`: nothing was recorded, as this is no program started by exec(2).
pub fn sigpipe_was_ignored() -> Result<bool> {
    Ok(state()? & SIGPIPE_IGNORED != 0)
}

/// Descriptor `fd` (0 to 2) was closed when this process was started.
///
/// # Errors
/// As [`sigpipe_was_ignored`].
pub fn was_closed(fd: i32) -> Result<bool> {
    Ok((0..3).contains(&fd) && state()? & 1 << fd != 0)
}

/// Gives SIGPIPE the disposition that it had at the start. For the child that is about to exec.
///
/// # Errors
/// As [`sigpipe_was_ignored`].
pub fn restore_sigpipe() -> Result<()> {
    let action = if sigpipe_was_ignored()? { libc::SIG_IGN } else { libc::SIG_DFL };
    // SAFETY: neither of the two dispositions is a function of ours.
    let before = unsafe { libc::signal(libc::SIGPIPE, action) };
    if before == libc::SIG_ERR { Err(Errno::last()) } else { Ok(()) }
}

/// Closes those of the descriptors 0 to 2 that were closed at the start. For the child that is about to exec.
///
/// # Errors
/// As [`sigpipe_was_ignored`].
pub fn restore_closed() -> Result<()> {
    for fd in 0..3 {
        if was_closed(fd)? {
            // SAFETY: the standard three are owned by nobody; what uses them next gets EBADF.
            unsafe { libc::close(fd) };
        }
    }
    Ok(())
}

fn state() -> Result<u8> {
    match STATE.load(Ordering::Relaxed) {
        state if state & RECORDED != 0 => Ok(state),
        _ => Err(Errno::ENODATA),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fork::{Fork, exec, exit_now, fork, waitpid};
    use crate::ptrace::WaitEvent;
    use std::ffi::CString;
    use std::os::unix::ffi::OsStringExt;

    const INNER: &str = "startup::tests::inner";

    /// What [`was_started_as`] runs in a new process; on its own it only checks that there is a record.
    #[test]
    fn inner() {
        let state = state().unwrap();
        if std::env::var_os("ANYCLAVE_TEST_STARTUP").is_none() {
            return;
        }
        restore_sigpipe().unwrap();
        // SAFETY: SIG_IGN is no function of ours.
        let restored = unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
        assert_eq!(restored == libc::SIG_IGN, sigpipe_was_ignored().unwrap());
        restore_closed().unwrap();
        for fd in 0..3 {
            let closed = crate::procfs::fd_flags(crate::fork::getpid(), fd) == Err(Errno::ESRCH);
            assert_eq!(closed, was_closed(fd).unwrap());
        }
        exit_now(i32::from(state & !RECORDED));
    }

    /// Starts this very program with SIGPIPE and descriptors as `prepare` makes them; what it recorded.
    fn recorded_when(prepare: fn()) -> i32 {
        let _forking = crate::testing::forking();
        let exe = CString::new(std::env::current_exe().unwrap().into_os_string().into_vec()).unwrap();
        let args =
            ["x", "--exact", INNER, "--nocapture", "--test-threads=1"].map(|arg| CString::new(arg).unwrap());
        match fork().unwrap() {
            Fork::Child => {
                // SAFETY: this process has one thread, so nobody reads the environment meanwhile.
                unsafe { std::env::set_var("ANYCLAVE_TEST_STARTUP", "1") };
                prepare();
                exit_now(exec(&exe, &args) as i32)
            }
            Fork::Parent(child) => match waitpid(child).unwrap() {
                WaitEvent::Exited { code } => code,
                other => panic!("{other:?}"),
            },
        }
    }

    #[test]
    fn the_disposition_of_sigpipe_at_the_start_is_known() {
        let ignored = recorded_when(|| {
            // SAFETY: SIG_IGN is no function of ours.
            unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
        });
        assert_eq!(ignored & i32::from(SIGPIPE_IGNORED), i32::from(SIGPIPE_IGNORED));
        let default = recorded_when(|| {
            // SAFETY: SIG_DFL is no function of ours.
            unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
        });
        assert_eq!(default & i32::from(SIGPIPE_IGNORED), 0);
    }

    #[test]
    fn a_closed_standard_input_is_known() {
        let closed = recorded_when(|| {
            // SAFETY: nobody in this child uses descriptor 0.
            unsafe { libc::close(0) };
        });
        assert_eq!(closed & 0b111, 0b001);
    }
}
