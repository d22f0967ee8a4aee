//! pread64 of registers: /dev/cpu/N/msr.

use anyclave_sys::Result;
use anyclave_sys::ptrace::Regs;

use super::answer;
use crate::files::msr;
use crate::shared::{DeviceFile, Shared};
use crate::tracer::Thread;

/// More at once is read short, as Linux may.
const MOST: u64 = 4096;

/// Of any file, but at offsets that are registers of SGX or near them.
pub(super) fn pread(shared: &Shared, thread: &Thread, regs: &Regs) -> Result<()> {
    let process = &thread.process;
    let Some(DeviceFile::Msr { .. }) = shared.device_file(process, regs.rdi) else {
        return thread.tracee.cont(0);
    };
    let count = usize::try_from(regs.rdx.min(MOST)).unwrap_or_default();
    let read = msr::read(shared, regs.r10, count)
        .and_then(|bytes| process.mem.copy_to_user(regs.rsi, &bytes).map(|()| bytes.len() as u64));
    answer(thread, read)
}
