//! Undoing what the kernel did when it forced a signal on a thread that we then swallow.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyclave_sys::procfs::{Status, StatusFile};
use anyclave_sys::remote::RemoteCall;
use anyclave_sys::{Errno, Pid, Result};

use super::signals::is_forced;
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
    /// Those of them for which no other thread had taken the blame then.
    unexplained: u64,
    /// The file that tells which signals have handlers.
    status: Option<StatusFile>,
}

impl Seen {
    /// A thread that starts with this mask.
    pub(super) fn with_mask(mask: u64) -> Self {
        Self { mask, ..Self::default() }
    }

    /// Whether it blocks this signal, as far as is known.
    pub(super) fn blocks(&self, signal: i32) -> bool {
        in_set(self.mask, signal)
    }

    /// How likely it is that the signal was blocked before it was forced, now that the mask is `mask`.
    /// `certain`: it has not changed its mask meanwhile.
    fn guess(&self, mask: u64, signal: i32, certain: bool) -> Guess {
        let all = FAULT_SIGNALS.iter().fold(0, |all, signal| all | set_of(*signal));
        let whole = mask | set_of(signal);
        if certain {
            if in_set(self.mask, signal) { Guess::Blocked } else { Guess::Open }
        } else if whole == mask {
            Guess::Open
        } else if whole == self.mask || whole & all == all {
            // It lacks just this signal against what it was, or against all of those that threads block together.
            Guess::Probable
        } else if mask & !self.mask != 0 {
            // It blocks more than it did.
            Guess::Possible
        } else {
            Guess::Improbable
        }
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

/// How likely it is that a signal was blocked when it was forced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Guess {
    /// Certainly not.
    Open,
    Improbable,
    Possible,
    Probable,
    /// Certainly.
    Blocked,
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
    /// It is known of a thread, of this one or another, that probably had the signal blocked.
    pub(super) explained: bool,
}

impl Tracer {
    /// A thread has stopped: whether its mask is certainly the one it last went on with.
    pub(super) fn note_stop(thread: &mut Thread) {
        thread.seen.certain = Self::has_known_mask(thread);
    }

    /// Whether a thread has been inside since it last went on, until its stop or the group-stop before.
    fn has_known_mask(thread: &Thread) -> bool {
        (thread.processor.inside() || thread.restarted != 0) && thread.selector.is_some()
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
                self.note_installed(&thread.process, traces.explained);
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
        let unexplained = in_set(thread.seen.unexplained, signal);
        thread.seen.rivalled &= !set_of(signal);
        thread.seen.unexplained &= !set_of(signal);
        let guess = thread.seen.guess(mask, signal, thread.seen.certain);
        if thread.seen.certain {
            let was_blocked = guess == Guess::Blocked;
            return Ok(Traces { mask, was_blocked, handler_taken: was_blocked, explained: was_blocked });
        }
        let handler_taken = !in_set(thread.seen.caught(thread.tracee.tid())?, signal);
        let rival = if handler_taken { self.likeliest_rival(&thread.process, signal) } else { None };
        // A mask that is wrong by a signal too few does less harm than one that is wrong by one too many.
        let was_blocked = match rival {
            None if handler_taken => true,
            None => rivalled && (guess >= Guess::Probable || unexplained && guess == Guess::Possible),
            Some(rival) => guess >= Guess::Probable || guess == Guess::Possible && rival <= guess,
        };
        let explained = was_blocked || rival >= Some(Guess::Probable);
        Ok(Traces { mask, was_blocked, handler_taken, explained })
    }

    /// Of the other threads of the process that stand, or are about to stand, at the same forced signal: how likely
    /// it is that one had it blocked.
    fn likeliest_rival(&self, process: &Arc<Process>, signal: i32) -> Option<Guess> {
        let rivals = self.threads.values().filter(|other| is_rival(other, process, signal));
        let guess = |other: &Thread| {
            // A thread that has just died had nothing blocked that matters.
            let mask = Status::read(other.tracee.tid()).map_or(!0, |status| status.blocked);
            other.seen.guess(mask, signal, Self::has_known_mask(other))
        };
        rivals.map(guess).max()
    }

    /// Handlers may have been installed. To the threads that stand at such a signal already this hides whether
    /// they had lost one before. `explained`: a thread is known to which the loss is more likely to belong.
    pub(super) fn note_installed(&mut self, process: &Arc<Process>, explained: bool) {
        let installed = process.installed.swap(0, Ordering::Relaxed);
        for signal in FAULT_SIGNALS.into_iter().filter(|signal| in_set(installed, *signal)) {
            for other in self.threads.values_mut().filter(|other| is_rival(other, process, signal)) {
                other.seen.rivalled |= set_of(signal);
                other.seen.unexplained |= if explained { 0 } else { set_of(signal) };
            }
        }
    }

    /// A fork copies the actions as they are: what another thread of the creator had just lost is put back in the
    /// new process, which stands at its first stop.
    pub(super) fn complete_actions(thread: &Thread) -> Result<()> {
        let book = *thread.process.dispositions();
        let stub = thread.process.mm().stub;
        let Some(stub) = stub.filter(|_| book.guarded) else { return Ok(()) };
        let caught = Status::read(thread.tracee.tid())?.caught;
        if FAULT_SIGNALS.into_iter().all(|signal| in_set(caught, signal)) {
            return Ok(());
        }
        let mut call = RemoteCall::begin(thread.tracee, stub.syscall())?;
        for signal in FAULT_SIGNALS.into_iter().filter(|signal| !in_set(caught, *signal)) {
            let action = book.get(signal).unwrap_or_default();
            install_guarded(&mut call, &thread.process, stub, signal, action)?;
        }
        call.finish()
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
        || thread.tracee.siginfo().is_ok_and(|info| info.signo() == signal && is_forced(signal, &info))
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

#[cfg(test)]
mod tests {
    use super::*;

    const ILL: u64 = set_of(libc::SIGILL);
    const SEGV: u64 = set_of(libc::SIGSEGV);
    const USR1: u64 = set_of(libc::SIGUSR1);

    /// What is guessed of SIGILL, from the mask that was seen and the mask now.
    fn guess(seen: u64, now: u64, certain: bool) -> Guess {
        Seen::with_mask(seen).guess(now, libc::SIGILL, certain)
    }

    #[test]
    fn a_thread_from_inside_has_the_mask_that_it_entered_with() {
        assert_eq!(guess(ILL | USR1, USR1, true), Guess::Blocked);
        assert_eq!(guess(USR1, USR1, true), Guess::Open);
    }

    #[test]
    fn a_mask_that_lacks_just_the_signal_had_it() {
        assert_eq!(guess(ILL | USR1, USR1, false), Guess::Probable);
        // Threads that block all signals do so at once.
        assert_eq!(guess(0, !ILL, false), Guess::Probable);
    }

    #[test]
    fn a_mask_that_has_grown_is_more_suspicious_than_one_that_has_not() {
        assert_eq!(guess(USR1, USR1 | SEGV, false), Guess::Possible);
        assert_eq!(guess(USR1, USR1, false), Guess::Improbable);
        assert_eq!(guess(ILL | SEGV | USR1, USR1, false), Guess::Improbable);
        assert!(Guess::Open < Guess::Improbable && Guess::Possible < Guess::Probable);
    }

    #[test]
    fn a_signal_that_is_blocked_now_was_not_forced() {
        assert_eq!(guess(ILL, ILL, false), Guess::Open);
    }
}
