//! Undoing what the kernel did when it forced a signal on a thread that we then swallow.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyclave_sys::procfs::{Status, StatusFile};
use anyclave_sys::remote::RemoteCall;
use anyclave_sys::{Errno, Pid, Result};

use super::signals::forced_by_processor;
use super::{Thread, Tracer};
use crate::filter::FAULT_SIGNALS;
use crate::process::dispositions::{SigAction, in_set, set_of};
use crate::process::{Process, Stub};

/// What is known of a thread's signal mask.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The mask as the thread last went on.
    mask: u64,
    /// It has been inside an enclave ever since, where it cannot change its mask.
    certain: bool,
    /// Forced signals at which it stood when a handler was installed: it may have lost one before.
    rivalled: u64,
    /// The file that tells which signals have handlers.
    status: Option<StatusFile>,
}

impl Seen {
    /// A thread that starts with this mask.
    pub(super) fn with_mask(mask: u64) -> Self {
        Self { mask, ..Self::default() }
    }

    /// Whether the signal was probably blocked before it was forced, now that the mask is `mask`: it lacks just
    /// this signal against what it was, or against all the fault signals, which threads block together.
    fn suggests_blocked(&self, mask: u64, signal: i32) -> bool {
        let all = FAULT_SIGNALS.iter().fold(0, |all, signal| all | set_of(*signal));
        let whole = mask | set_of(signal);
        whole != mask && (whole == self.mask || whole & all == all)
    }

    /// The signals that the thread's process has handlers for.
    pub(super) fn caught(&mut self, tid: Pid) -> Result<u64> {
        if self.status.is_none() {
            self.status = StatusFile::open(tid).ok();
        }
        match self.status.as_ref().map(StatusFile::caught) {
            Some(Ok(caught)) => Ok(caught),
            // Too many files are open, or its groups fill more than a page.
            _ => Ok(Status::read(tid)?.caught),
        }
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
    /// A thread has stopped: whether its mask is certainly the one it last went on with.
    pub(super) fn note_stop(thread: &mut Thread) {
        thread.seen.certain = thread.processor.inside() && thread.selector.is_some();
    }

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
                self.note_installed(&thread.process);
            } else if mask != traces.mask {
                thread.tracee.set_sigmask(mask)?;
            }
            thread.seen.mask = mask;
        }
        thread.tracee.cont(0)
    }

    /// Reads the traces of a signal that was forced on a thread of a guarded process.
    ///
    /// A thread from inside an enclave still has the mask that it entered with. Of another one, a missing
    /// handler tells that the signal was blocked, unless a second thread stands at the same signal: then the
    /// masks that were last seen decide whose loss it is.
    pub(super) fn traces(&self, thread: &mut Thread, signal: i32) -> Result<Traces> {
        let mask = thread.tracee.sigmask()?;
        let rivalled = in_set(thread.seen.rivalled, signal);
        thread.seen.rivalled &= !set_of(signal);
        if thread.seen.certain {
            let was_blocked = in_set(thread.seen.mask, signal);
            return Ok(Traces { mask, was_blocked, handler_taken: was_blocked });
        }
        let handler_taken = !in_set(thread.seen.caught(thread.tracee.tid())?, signal);
        let suggested = thread.seen.suggests_blocked(mask, signal);
        let was_blocked = if handler_taken {
            suggested || !self.has_likely_rival(&thread.process, signal)
        } else {
            rivalled && suggested
        };
        Ok(Traces { mask, was_blocked, handler_taken })
    }

    /// Whether another thread of the process stands, or is about to stand, at the same forced signal and
    /// probably had it blocked.
    fn has_likely_rival(&self, process: &Arc<Process>, signal: i32) -> bool {
        self.threads.values().filter(|other| is_rival(other, process, signal)).any(|other| {
            // A thread that has just died had nothing blocked that matters.
            let mask = Status::read(other.tracee.tid()).map_or(0, |status| status.blocked);
            let certain = other.processor.inside() && other.selector.is_some();
            if certain { in_set(other.seen.mask, signal) } else { other.seen.suggests_blocked(mask, signal) }
        })
    }

    /// Handlers may have been installed. To the threads that stand at such a signal already this hides whether
    /// they had lost one before.
    pub(super) fn note_installed(&mut self, process: &Arc<Process>) {
        let installed = process.installed.swap(0, Ordering::Relaxed);
        for signal in FAULT_SIGNALS.into_iter().filter(|signal| in_set(installed, *signal)) {
            for other in self.threads.values_mut().filter(|other| is_rival(other, process, signal)) {
                other.seen.rivalled |= set_of(signal);
            }
        }
    }

    /// A thread is known to have this mask now.
    pub(super) fn note_mask(thread: &mut Thread) -> Result<()> {
        thread.seen.mask = thread.tracee.sigmask()?;
        Ok(())
    }
}

/// Whether the kernel has forced this signal on a thread of the process, the stop of which is still to be looked
/// at. First the signal waits for the thread, then the thread stands at it; it is asked in that order.
fn is_rival(thread: &Thread, process: &Arc<Process>, signal: i32) -> bool {
    if !Arc::ptr_eq(&thread.process, process) {
        return false;
    }
    let waits = |status: Status| in_set(status.pending & !status.blocked, signal);
    // A thread that runs has no information of a stop.
    Status::read(thread.tracee.tid()).is_ok_and(waits)
        || thread
            .tracee
            .siginfo()
            .is_ok_and(|info| info.signo() == signal && forced_by_processor(signal, &info))
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
    let result = call.call(libc::SYS_rt_sigaction, args)?;
    process.installed.fetch_or(set_of(signal), Ordering::Relaxed);
    match result {
        Ok(0) => Ok(()),
        // The arguments are ours and valid; only a filter of the program can refuse. One that traps instead
        // leaves the number of the call where its result would be.
        Ok(_) | Err(_) => Err(Errno::EPERM),
    }
}
