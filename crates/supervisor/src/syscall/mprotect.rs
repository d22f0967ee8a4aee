//! mprotect and pkey_mprotect in a process with windows. A key counts outside windows only.

use anyclave_arch::Linear;
use anyclave_driver::Rights;
use anyclave_driver::mmap::MapRequest;
use anyclave_sys::ptrace::Regs;
use anyclave_sys::remote::{RemoteCall, skip_syscall};
use anyclave_sys::{Errno, Result, host};

use super::mremap::errno;
use super::munmap::range;
use super::{answer, encode};
use crate::process::windows::Window;
use crate::shared::Shared;
use crate::tracer::{Thread, apply};

/// PROT_READ, PROT_WRITE and PROT_EXEC.
const RIGHTS: u64 = 7;
/// Known to Linux, without effect on x86.
const PROT_SEM: u64 = 8;

/// One piece after the other, windows by the driver's rules and the rest by the host's, as Linux does; the
/// first that fails ends it.
pub(super) fn mprotect(shared: &Shared, thread: &Thread, regs: &Regs) -> Result<()> {
    let (start, end) = range(regs.rdi, regs.rsi);
    let (windows, stub) = {
        let mm = thread.process.mm();
        (mm.windows.within(start, end), mm.stub)
    };
    let Some(stub) = stub.filter(|_| !windows.is_empty()) else { return thread.tracee.cont(0) };
    if !start.is_multiple_of(4096) || regs.rdx & !(RIGHTS | PROT_SEM) != 0 {
        // Alignment is refused by the host, and PROT_GROWSDOWN and the like are no rights.
        return answer(thread, Err(Errno::EINVAL));
    }
    let implies_exec = host::read_implies_exec(thread.tracee.tid());
    let mut rights = Rights::from_prot(regs.rdx);
    if implies_exec && rights.contains(Rights::READ) {
        rights |= Rights::EXEC;
    }
    skip_syscall(thread.tracee, 0)?;
    let mut call = RemoteCall::begin(thread.tracee, stub.syscall())?;
    let mut outcome = Ok(0);
    let mut at = start;
    for window in windows {
        outcome = outside(&mut call, at, window.start, regs)?;
        if outcome.is_err() {
            break;
        }
        outcome = check(shared, &window, rights, implies_exec).map(|()| 0);
        if outcome.is_err() {
            break;
        }
        thread.process.mm().windows.protect(window.start, window.end, rights);
        apply(shared, &thread.process, stub, &mut call, window.start, window.end)?;
        at = window.end;
    }
    if outcome.is_ok() {
        outcome = outside(&mut call, at, end, regs)?;
    }
    call.regs_mut().rax = encode(outcome).cast_unsigned();
    call.finish()?;
    thread.tracee.cont(0)
}

/// A part without windows.
fn outside(
    call: &mut RemoteCall,
    start: u64,
    end: u64,
    regs: &Regs,
) -> Result<std::result::Result<u64, Errno>> {
    if start >= end {
        return Ok(Ok(0));
    }
    call.call(regs.orig_rax.cast_signed(), [start, end - start, regs.rdx, regs.r10, 0, 0])
}

/// What Linux and then the driver say of new rights for a window.
fn check(
    shared: &Shared,
    window: &Window,
    rights: Rights,
    read_implies_exec: bool,
) -> std::result::Result<(), Errno> {
    if rights.contains(Rights::WRITE) && !window.writable {
        return Err(Errno::EACCES);
    }
    let request =
        MapRequest { start: Linear(window.start), end: Linear(window.end), rights, read_implies_exec };
    shared.core().machine.may_map(window.enclave, &request).map_err(|refusal| {
        shared.log.refused(refusal);
        errno(refusal.answer())
    })
}
