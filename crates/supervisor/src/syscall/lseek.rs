//! lseek to registers: /dev/cpu/N/msr.

use anyclave_sys::Result;
use anyclave_sys::ptrace::Regs;

use super::answer;
use crate::files::msr;
use crate::shared::{DeviceFile, Shared};
use crate::tracer::Thread;

/// Of any file, but to numbers of SGX's registers or near them. What is read there next is the register.
pub(super) fn lseek(shared: &Shared, thread: &Thread, regs: &Regs) -> Result<()> {
    if let Some(DeviceFile::Msr { file, .. }) = shared.device_file(&thread.process, regs.rdi)
        && let Err(error) = msr::place(shared, &file, regs.rsi)
    {
        return answer(thread, Err(error));
    }
    thread.tracee.cont(0)
}
