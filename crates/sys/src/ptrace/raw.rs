//! The ptrace(2) system call itself, one function a shape of argument.
//!
//! It is called directly, not by the library's wrapper: the wrapper returns the word of `PEEKDATA` in
//! place of the error, and its request type differs between C libraries.

use crate::{Errno, Pid, Result};

/// `ptrace(request, tid, addr, data)` for requests that take `addr` and `data` as numbers and write to no
/// memory of ours.
pub(super) fn request(request: impl Into<i64>, tid: Pid, addr: u64, data: u64) -> Result<()> {
    let tid = i64::from(tid.as_raw());
    // SAFETY: none of the requests this is called with (SEIZE, INTERRUPT, CONT, SYSCALL, SINGLESTEP, DETACH,
    // LISTEN, POKEDATA, POKEUSER) makes the kernel touch the memory of this process.
    let done = unsafe { libc::syscall(libc::SYS_ptrace, request.into(), tid, addr, data) };
    Errno::result(done).map(drop)
}

/// `ptrace(request, tid, addr, &mut *value)`, for requests that fill or read one `T`.
///
/// # Safety
/// The kernel writes, for this request and `addr`, at most `size_of::<T>()` bytes, and what it writes is a
/// valid `T`; when `T` holds pointers the request follows, they are good for what it does.
pub(super) unsafe fn with_value<T>(
    request: impl Into<i64>,
    tid: Pid,
    addr: u64,
    value: &mut T,
) -> Result<()> {
    let tid = i64::from(tid.as_raw());
    let value = std::ptr::from_mut(value);
    // SAFETY: `value` is a live exclusive reference and the caller vouches for the size and the content.
    let done = unsafe { libc::syscall(libc::SYS_ptrace, request.into(), tid, addr, value) };
    Errno::result(done).map(drop)
}
