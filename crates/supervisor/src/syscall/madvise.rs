//! madvise in a process with windows.

use anyclave_sys::ptrace::Regs;
use anyclave_sys::{Errno, Result};

use super::answer;
use super::munmap::range;
use super::open::low;
use crate::tracer::Thread;

/// Missing in libc.
const MADV_DONTNEED_LOCKED: i32 = 24;

/// Advice that Linux refuses for mappings of device memory: it would drop or dump pages.
const REFUSED: [i32; 11] = [
    libc::MADV_DONTNEED,
    libc::MADV_FREE,
    libc::MADV_COLD,
    libc::MADV_PAGEOUT,
    libc::MADV_REMOVE,
    libc::MADV_DOFORK,
    libc::MADV_DODUMP,
    libc::MADV_HUGEPAGE,
    libc::MADV_POPULATE_READ,
    libc::MADV_POPULATE_WRITE,
    MADV_DONTNEED_LOCKED,
];

pub(super) fn madvise(thread: &Thread, regs: &Regs) -> Result<()> {
    let (start, end) = range(regs.rdi, regs.rsi);
    let hit = thread.process.mm().windows.touches(start, end);
    if hit && REFUSED.contains(&low(regs.rdx)) {
        return answer(thread, Err(Errno::EINVAL));
    }
    thread.tracee.cont(0)
}
