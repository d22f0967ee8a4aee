//! Undoing what the kernel did when it forced a signal on a thread that we then swallow.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyclave_sys::procfs::Status;
use anyclave_sys::remote::RemoteCall;
use anyclave_sys::{Errno, Result};

use super::{Thread, Tracer};
use crate::filter::FAULT_SIGNALS;
use crate::process::dispositions::{SigAction, in_set, set_of};
use crate::process::{Process, Stub};

/// A thread's signal mask as it last went on, and how many handlers its process had lost until then.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    mask: u64,
    resets: u64,
}

impl Seen {
    /// A thread that starts with this mask.
    pub(super) fn with_mask(mask: u64) -> Self {
        Self { mask, resets: 0 }
    }
}

/// What the kernel did when it forced a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Traces {
    /// The mask now.
    pub(super) mask: u64,
    /// The signal was blocked, and no longer is.
    pub(super) was_blocked: bool,
    /// The process has lost its handler.
    pub(super) handler_taken: bool,
}

impl Tracer {
    /// Drops a forced signal and lets the thread go on. If the program had it blocked, the kernel has taken
    /// its handler and unblocked it: both are put back.
    pub(super) fn swallow(&mut self, thread: &mut Thread, signal: i32) -> Result<()> {
        let stub = thread.process.mm().stub;
        let book = *thread.process.dispositions();
        if let Some(stub) = stub.filter(|_| book.guarded) {
            let traces = self.traces(thread, signal)?;
            let mask = traces.mask | if traces.was_blocked { set_of(signal) } else { 0 };
            if traces.handler_taken {
                let action = book.get(signal).unwrap_or_default();
                let mut call = RemoteCall::begin(thread.tracee, stub.syscall())?;
                install_guarded(&mut call, &thread.process, stub, signal, action)?;
                *call.sigmask_mut() = mask;
                call.finish()?;
            } else if mask != traces.mask {
                thread.tracee.set_sigmask(mask)?;
            }
            thread.seen = Seen { mask, resets: thread.process.resets.load(Ordering::Relaxed) };
        }
        thread.tracee.cont(0)
    }

    /// Reads the traces of a signal that was forced on a thread of a guarded process.
    ///
    /// A missing handler tells that the signal was blocked, if no other thread has it blocked. Otherwise it
    /// may be the other's trace, and a thread that comes second may find the handler put back already. Then
    /// the mask decides: it lacks just this signal against what it was when last seen, or against all the
    /// fault signals, which threads block together.
    pub(super) fn traces(&self, thread: &Thread, signal: i32) -> Result<Traces> {
        let mask = thread.tracee.sigmask()?;
        let handler_taken = !in_set(Status::read(thread.tracee.tid())?.caught, signal);
        let resets = &thread.process.resets;
        if handler_taken {
            resets.fetch_add(1, Ordering::Relaxed);
        }
        let seen = thread.seen;
        let lost_since = resets.load(Ordering::Relaxed) != seen.resets;
        let whole = mask | set_of(signal);
        let all = FAULT_SIGNALS.iter().fold(0, |all, signal| all | set_of(*signal));
        let fits = whole != mask && (whole == seen.mask || whole & all == all);
        let others_block = self
            .threads
            .values()
            .any(|other| Arc::ptr_eq(&other.process, &thread.process) && in_set(other.seen.mask, signal));
        let was_blocked = handler_taken && !others_block || lost_since && fits;
        Ok(Traces { mask, was_blocked, handler_taken })
    }

    /// A thread is known to have this mask now.
    pub(super) fn note_mask(thread: &mut Thread) -> Result<()> {
        thread.seen.mask = thread.tracee.sigmask()?;
        Ok(())
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
    match call.call(libc::SYS_rt_sigaction, args)? {
        Ok(0) => Ok(()),
        // The arguments are ours and valid; only a filter of the program can refuse. One that traps instead
        // leaves the number of the call where its result would be.
        Ok(_) | Err(_) => Err(Errno::EPERM),
    }
}
