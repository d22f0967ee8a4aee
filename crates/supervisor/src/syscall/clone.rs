//! clone with CLONE_UNTRACED.
//!
//! A child that no tracer follows would stand before filters whose tracer is not there, and have its calls refused. So
//! it is followed like any other.

use anyclave_sys::Result;
use anyclave_sys::ptrace::Regs;

use crate::tracer::Thread;

pub(super) fn clone(thread: &Thread, regs: &Regs) -> Result<()> {
    let untraced: u64 = libc::CLONE_UNTRACED.cast_unsigned().into();
    thread.tracee.set_regs(&Regs { rdi: regs.rdi & !untraced, ..*regs })?;
    thread.tracee.cont(0)
}
