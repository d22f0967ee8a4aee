//! rt_sigaction of the fault signals, of which a book is kept.

use anyclave_sys::ptrace::Regs;
use anyclave_sys::remote::{RemoteCall, skip_syscall};
use anyclave_sys::{Errno, Result};

use super::open::low;
use super::{answer, encode};
use crate::process::dispositions::SigAction;
use crate::tracer::{Thread, install_guarded};

/// Before the process is guarded the host's own action is the program's. After that a sentinel may stand in its
/// place, so the call is done on the program's behalf.
pub(super) fn rt_sigaction(thread: &Thread, regs: &Regs) -> Result<()> {
    let (signal, new, old, size) = (low(regs.rdi), regs.rsi, regs.rdx, regs.r10);
    let process = &thread.process;
    let before = *process.dispositions();
    let Some(stub) = process.mm().stub.filter(|_| before.guarded) else { return thread.tracee.cont(0) };
    let mut bytes = [0; SigAction::SIZE];
    let action = match new {
        0 => None,
        _ if size != 8 => return thread.tracee.cont(0),
        _ if process.mem.copy_from_user(new, &mut bytes).is_err() => return thread.tracee.cont(0),
        _ => Some(SigAction::from_bytes(&bytes)),
    };
    if size != 8 {
        return answer(thread, Err(Errno::EINVAL));
    }
    skip_syscall(thread.tracee, 0)?;
    let mut call = RemoteCall::begin(thread.tracee, stub.syscall())?;
    if let Some(action) = action {
        process.dispositions().set(signal, action);
        install_guarded(&mut call, process, stub, signal, action)?;
    }
    let was = before.get(signal).unwrap_or_default();
    let result = match old {
        0 => Ok(0),
        _ => process.mem.copy_to_user(old, &was.to_bytes()).map(|()| 0),
    };
    call.regs_mut().rax = encode(result).cast_unsigned();
    call.finish()?;
    thread.tracee.cont(0)
}
