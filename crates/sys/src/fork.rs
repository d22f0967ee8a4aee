//! Processes: their birth, their end, and the signals sent to them.

use crate::{Errno, Pid, Result};

/// Sends `signal` to the thread `tid`, whatever process it belongs to (tkill(2)).
///
/// # Errors
/// `ESRCH`: no such thread. `EPERM`. `EINVAL`: no such signal.
pub fn tkill(tid: Pid, signal: i32) -> Result<()> {
    // SAFETY: the call takes numbers only.
    let done = unsafe { libc::syscall(libc::SYS_tkill, tid.as_raw(), signal) };
    Errno::result(done).map(drop)
}
