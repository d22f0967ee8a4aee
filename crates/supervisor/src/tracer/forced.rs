//! Undoing what the kernel did when it forced a signal on a thread that we then swallow.

use anyclave_sys::procfs::Status;
use anyclave_sys::remote::RemoteCall;
use anyclave_sys::{Errno, Result};

use super::{Thread, Tracer};
use crate::process::dispositions::{SigAction, in_set, set_of};
use crate::process::{Process, Stub};

impl Tracer {
    /// Drops a forced signal and lets the thread go on. If the program had it blocked, the kernel has taken
    /// its handler and unblocked it: both are put back.
    pub(super) fn swallow(&mut self, thread: &mut Thread, signal: i32) -> Result<()> {
        let book = *thread.process.dispositions();
        let stub = thread.process.mm().stub;
        if let Some(stub) = stub
            && book.guarded
            && !in_set(Status::read(thread.tracee.tid())?.caught, signal)
        {
            let action = book.get(signal).unwrap_or_default();
            let mut call = RemoteCall::begin(thread.tracee, stub.syscall())?;
            install_guarded(&mut call, &thread.process, stub, signal, action)?;
            *call.sigmask_mut() |= set_of(signal);
            call.finish()?;
        }
        thread.tracee.cont(0)
    }
}

/// Installs an action, or the sentinel where the action is no handler.
pub(crate) fn install_guarded(
    call: &mut RemoteCall,
    process: &Process,
    stub: Stub,
    signal: i32,
    action: SigAction,
) -> Result<()> {
    const SA_RESTORER: u64 = 0x0400_0000;
    let action = if action.is_handler() {
        action
    } else {
        SigAction { handler: stub.sentinel(), flags: SA_RESTORER, restorer: stub.restorer(), mask: 0 }
    };
    install_action(call, process, stub, signal, action)
}

/// Installs an action by a system call of the thread.
pub(crate) fn install_action(
    call: &mut RemoteCall,
    process: &Process,
    stub: Stub,
    signal: i32,
    action: SigAction,
) -> Result<()> {
    let at = stub.scratch(call.tid());
    process.mem.write(at, &action.to_bytes())?;
    let args = [signal.unsigned_abs().into(), at, 0, 8, 0, 0];
    call.call(libc::SYS_rt_sigaction, args)?.map(drop).map_err(|error| {
        // The arguments are ours and valid; only a filter of the program can refuse.
        if error == Errno::EFAULT { Errno::EIO } else { error }
    })
}
