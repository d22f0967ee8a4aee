//! The first process of a PID namespace, which Linux keeps from signals that it has no handler for.
//!
//! A fault ends it all the same, but not while it is traced: the kernel then takes it for debugged, drops the signal,
//! and it faults for ever. So it is let go, to run into the fault by itself.

use anyclave_sys::Result;
use anyclave_sys::procfs::Status;

use super::Thread;
use super::convert::NO_CALL;

/// Behind all user memory.
pub(super) const NOWHERE: u64 = 0x7fff_ffff_f000;

/// Whether a thread belongs to such a process.
pub(super) fn is_first(thread: &Thread) -> bool {
    let process = &thread.process;
    // It is asked at each fault, and a process stays what it is.
    *process.first.get_or_init(|| Status::read(process.tgid).is_ok_and(|status| status.own_tid.as_raw() == 1))
}

/// Ends the process by a fault that becomes this signal: one of our making where that is easy, else the one that it
/// stands at. As the signal is blocked, the kernel gives it its default action.
pub(super) fn end_first(thread: &mut Thread, signal: i32) -> Result<()> {
    let mut regs = thread.tracee.regs()?;
    let stub = thread.process.mm().stub;
    match (signal, stub) {
        (libc::SIGSEGV, _) => regs.rip = NOWHERE,
        (libc::SIGILL | libc::SIGSYS, Some(stub)) => regs.rip = stub.sentinel(),
        _ => {}
    }
    regs.orig_rax = NO_CALL;
    thread.tracee.set_regs(&regs)?;
    thread.tracee.set_sigmask(!0)?;
    thread.let_go = true;
    thread.tracee.detach(0)
}
