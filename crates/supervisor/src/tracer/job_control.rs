//! Group-stops: the whole process is stopped by job control.

use anyclave_sys::Result;
use anyclave_sys::procfs::Status;

use super::illegal::before_interrupt;
use super::{Thread, Tracer};
use crate::filter::FAULT_SIGNALS;
use crate::process::dispositions::{in_set, set_of};

impl Tracer {
    /// A thread enters a group-stop. While it listens for the end of it its registers cannot be read, so it
    /// leaves its enclave now; otherwise it would count as inside for as long as the user pleases.
    pub(super) fn on_group_stop(&mut self, thread: &mut Thread) -> Result<()> {
        if !thread.started {
            thread.started = true;
            Self::note_mask(thread)?;
        }
        if thread.processor.inside() {
            thread.restarted = forced_and_pending(thread)?;
            step_back(thread)?;
            self.leave_enclave(thread)?;
        }
        thread.tracee.listen()
    }
}

/// The signals of an exception that the kernel has made but not delivered: it looks for group-stops first. The
/// instruction is executed again when the enclave is resumed.
fn forced_and_pending(thread: &Thread) -> Result<u64> {
    let status = Status::read(thread.tracee.tid())?;
    let waits = |signal: &i32| in_set(status.pending & !status.blocked, *signal);
    Ok(FAULT_SIGNALS.into_iter().filter(waits).fold(0, |all, signal| all | set_of(signal)))
}

/// Of system calls and software interrupts the kernel keeps the address behind them.
fn step_back(thread: &Thread) -> Result<()> {
    if thread.restarted == 0 {
        return Ok(());
    }
    let mut regs = thread.tracee.regs()?;
    let mut signals = FAULT_SIGNALS.into_iter().filter(|signal| in_set(thread.restarted, *signal));
    let start = signals.find_map(|signal| match signal {
        libc::SIGSYS => Some(regs.rip.wrapping_sub(2)),
        _ => before_interrupt(thread, signal, &regs),
    });
    let Some(start) = start else { return Ok(()) };
    regs.rip = start;
    thread.tracee.set_regs(&regs)
}
