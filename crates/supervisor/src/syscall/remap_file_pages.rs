//! remap_file_pages of a window.

use anyclave_sys::ptrace::Regs;
use anyclave_sys::{Errno, Result};

use super::answer;
use super::munmap::range;
use crate::tracer::Thread;

/// Linux refuses it for mappings of device memory.
pub(super) fn remap_file_pages(thread: &Thread, regs: &Regs) -> Result<()> {
    let (start, end) = range(regs.rdi, regs.rsi);
    if thread.process.mm().windows.touches(start, end) {
        return answer(thread, Err(Errno::EINVAL));
    }
    thread.tracee.cont(0)
}
