//! munmap in a process with windows.

use anyclave_sys::Result;
use anyclave_sys::ptrace::Regs;

use super::perform;
use crate::process::Mm;
use crate::tracer::Thread;

/// The host unmaps; windows in the range are gone then. The enclave does not notice.
pub(super) fn munmap(thread: &Thread, regs: &Regs) -> Result<()> {
    let (start, end) = range(regs.rdi, regs.rsi);
    let stub = {
        let mm: &Mm = &thread.process.mm();
        mm.stub.filter(|_| mm.windows.touches(start, end))
    };
    let Some(stub) = stub else { return thread.tracee.cont(0) };
    let (call, result) = perform(thread, stub.syscall())?;
    if result.is_ok() {
        thread.process.mm().windows.remove(start, end);
    }
    call.finish()?;
    thread.tracee.cont(0)
}

/// The pages of an address and a length.
pub(super) const fn range(start: u64, length: u64) -> (u64, u64) {
    let end = match start.checked_add(length) {
        Some(end) if end <= u64::MAX - 4095 => (end + 4095) & !4095,
        _ => !4095,
    };
    (start, end)
}
