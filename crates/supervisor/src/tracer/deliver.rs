//! Delivering an exception as the signal, and with the frame, that Linux on real hardware would give.

use anyclave_sys::procfs::Status;
use anyclave_sys::ptrace::SigInfo;
use anyclave_sys::remote::RemoteCall;
use anyclave_sys::{Errno, Result, signal};

use super::carrier::Carrier;
use super::convert::NO_CALL;
use super::exception::Exception;
use super::first::{NOWHERE, end_first, is_first};
use super::forced::{install_action, install_guarded};
use super::{Thread, Tracer};
use crate::process::dispositions::{SigAction, in_set, set_of};

/// si_code of a signal sent by tgkill(2).
const SI_TKILL: i32 = -6;

/// What a signal frame must show instead of what the host's own exception left there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FramePatch {
    trapno: u64,
    err: u64,
    cr2: Option<u64>,
}

/// Where the machine context begins in `ucontext`, and three of its words.
mod frame {
    pub(super) const ERR: u64 = 40 + 19 * 8;
    pub(super) const TRAPNO: u64 = 40 + 20 * 8;
    pub(super) const CR2: u64 = 40 + 22 * 8;
}

impl FramePatch {
    fn of(exception: &Exception) -> Self {
        let page_fault = exception.vector == anyclave_arch::Vector::Pf;
        Self {
            trapno: exception.vector.number().into(),
            err: exception.code.into(),
            cr2: page_fault.then_some(exception.address),
        }
    }

    fn apply(self, thread: &Thread) -> Result<()> {
        let ucontext = thread.tracee.regs()?.rdx;
        let words =
            [(frame::ERR, Some(self.err)), (frame::TRAPNO, Some(self.trapno)), (frame::CR2, self.cr2)];
        for (offset, value) in words {
            if let Some(value) = value {
                // The kernel has just written this frame; if it is unmapped again, so be it.
                let _ = thread.process.mem.write(ucontext.wrapping_add(offset), &value.to_le_bytes());
            }
        }
        Ok(())
    }
}

/// A signal on its way to the program's handler, whose first instruction it will stop at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Delivery {
    signal: i32,
    frame: Option<FramePatch>,
    /// The handler runs this once only: a sentinel takes its place.
    last: bool,
    /// The number that it travels under, if that is another.
    carrier: Option<Carrier>,
}

impl Delivery {
    /// The thread stands at its handler's first instruction: does what is to be done there and lets it go.
    pub(super) fn arrive(self, thread: &Thread) -> Result<()> {
        if let Some(frame) = self.frame {
            frame.apply(thread)?;
        }
        if let Some(carrier) = self.carrier {
            carrier.arrive(thread, self.signal)?;
        }
        let stub = thread.process.mm().stub;
        if let Some(stub) = stub.filter(|_| self.last) {
            let reset = {
                let mut book = thread.process.dispositions();
                let action = book.get(self.signal).unwrap_or_default();
                book.set(self.signal, SigAction { handler: 0, ..action });
                SigAction { handler: 0, ..action }
            };
            let mut call = RemoteCall::begin(thread.tracee, stub.syscall())?;
            install_guarded(&mut call, &thread.process, stub, self.signal, reset)?;
            call.finish()?;
        }
        thread.tracee.cont(0)
    }
}

/// A signal sent for an exception because its own could no longer be used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Raised {
    info: SigInfo,
    frame: Option<FramePatch>,
    carrier: Option<Carrier>,
}

impl Raised {
    /// One that travels under its own.
    pub(super) fn new(info: SigInfo, frame: Option<FramePatch>) -> Self {
        Self { info, frame, carrier: None }
    }

    /// One that travels under another number.
    pub(super) fn carried(info: SigInfo, frame: Option<FramePatch>, carrier: Carrier) -> Self {
        Self { info, frame, carrier: Some(carrier) }
    }

    /// The number that it travels under.
    fn number(&self) -> i32 {
        self.carrier.map_or_else(|| self.info.signo(), |carrier| carrier.signal())
    }

    /// A signal whose frame stays as the host makes it.
    pub(super) fn without_frame(info: SigInfo) -> Self {
        Self::new(info, None)
    }

    /// Whether this stop is for it.
    pub(super) fn is(&self, signal: i32, info: &SigInfo) -> bool {
        let ours = i32::try_from(std::process::id()).unwrap_or(0);
        // Seen from a PID namespace below ours the sender has no id.
        signal == self.number() && info.code() == SI_TKILL && (info.pid() == ours || info.pid() == 0)
    }

    /// Makes it look like the exception's.
    pub(super) fn dress(self, thread: &mut Thread) -> Result<()> {
        let info = self.carrier.map_or(self.info, |carrier| carrier.rename(&self.info));
        thread.tracee.set_siginfo(&info)?;
        resume_as(thread, self.info.signo(), self.frame, self.carrier)
    }
}

impl Tracer {
    /// Delivers an exception that was `original` to the host. RIP is where the thread stands.
    pub(super) fn deliver(
        &mut self,
        thread: &mut Thread,
        original: i32,
        exception: &Exception,
        rip: u64,
    ) -> Result<()> {
        let target = exception.signal;
        let info = SigInfo::fault(target, exception.si_code, exception.si_addr(rip));
        let frame = Some(FramePatch::of(exception));
        let book = *thread.process.dispositions();
        if !book.guarded {
            // The kernel would force the signal; one that we put in place of another it would keep back.
            let status = Status::read(thread.tracee.tid())?;
            if target != original && in_set(status.blocked | status.ignored, target) {
                return die_by_fault(thread);
            }
            let handled = in_set(status.caught, target);
            if is_first(thread) && !handled {
                return end_first(thread, target);
            }
            thread.tracee.set_siginfo(&info)?;
            return resume(thread, target, frame.filter(|_| handled));
        }
        let traces = self.traces(thread, original)?;
        let was_blocked = |signal| {
            if signal == original { traces.was_blocked } else { in_set(traces.mask, signal) }
        };
        let handled = book.get(target).is_some_and(|action| action.is_handler());
        if !handled || was_blocked(target) {
            return self.die_of(thread, Raised::new(info, None));
        }
        if target != original && was_blocked(original) {
            let action = book.get(original).unwrap_or_default();
            let raised = Raised::new(info, frame);
            return self.raise(thread, raised, Some((original, action)), |mask| mask | set_of(original));
        }
        if self.may_be_taken(thread, target, true) && self.carry(thread, info, frame)? {
            return Ok(());
        }
        if !in_set(thread.seen.caught(thread.tracee.tid())?, target) {
            // Another thread, which has the signal blocked, has just lost the handler for all.
            let action = book.get(target).unwrap_or_default();
            return self.raise(thread, Raised::new(info, frame), Some((target, action)), |mask| mask);
        }
        thread.tracee.set_siginfo(&info)?;
        resume(thread, target, frame)
    }

    /// Delivers an exception outside of enclaves just as the host made it: its information and what its frame
    /// will show are right already. `told` tells what that is, where it has to be made again.
    pub(super) fn deliver_as_made(
        &mut self,
        thread: &mut Thread,
        signal: i32,
        info: &SigInfo,
        told: impl FnOnce(&Self, &Thread) -> Result<Exception>,
    ) -> Result<()> {
        let book = *thread.process.dispositions();
        if book.guarded {
            let action = book.get(signal).unwrap_or_default();
            if !action.is_handler() || self.traces(thread, signal)?.was_blocked {
                return self.die_of(thread, Raised::new(*info, None));
            }
            let taken = !in_set(thread.seen.caught(thread.tracee.tid())?, signal);
            let may_be_taken = self.may_be_taken(thread, signal, false);
            if taken || may_be_taken {
                let frame = Some(FramePatch::of(&told(self, thread)?));
                if may_be_taken && self.carry(thread, *info, frame)? {
                    return Ok(());
                }
                // Another thread, which has the signal blocked, has just lost the handler for all.
                let raised = Raised::new(*info, frame);
                return self.raise(thread, raised, Some((signal, action)), |mask| mask);
            }
        } else if is_first(thread) && !in_set(thread.seen.caught(thread.tracee.tid())?, signal) {
            return end_first(thread, signal);
        }
        resume(thread, signal, None)
    }

    /// A signal that was not forced, for which the program has no handler but a sentinel stands.
    pub(super) fn deliver_default(&mut self, thread: &mut Thread, signal: i32, info: &SigInfo) -> Result<()> {
        let ignored = thread.process.dispositions().get(signal).is_some_and(|action| action.is_ignored());
        if ignored || is_first(thread) {
            return thread.tracee.cont(0);
        }
        self.die_of(thread, Raised::new(*info, None))
    }

    /// The default action of a fault signal, which ends the process.
    pub(super) fn die_of(&mut self, thread: &mut Thread, raised: Raised) -> Result<()> {
        let signal = raised.info.signo();
        if is_first(thread) {
            return end_first(thread, signal);
        }
        let action = Some((signal, SigAction::default()));
        match self.raise(thread, raised, action, |mask| mask & !set_of(signal)) {
            // Our code is gone from the process, or a filter of its own is in the way.
            Err(error) if error != Errno::ESRCH => die_by_fault(thread),
            result => result,
        }
    }

    /// Sets an action and the mask by a system call of the thread, then sends the signal that it will stop
    /// for before it runs another instruction.
    pub(super) fn raise(
        &mut self,
        thread: &mut Thread,
        raised: Raised,
        action: Option<(i32, SigAction)>,
        mask: impl FnOnce(u64) -> u64,
    ) -> Result<()> {
        let Some(stub) = thread.process.mm().stub else {
            // Without our code in it the process had no sentinel either.
            return thread.tracee.cont(raised.info.signo());
        };
        let mut call = RemoteCall::begin(thread.tracee, stub.syscall())?;
        if let Some((signal, action)) = action {
            install_action(&mut call, &thread.process, stub, signal, action)?;
        }
        let blocked = *call.sigmask_mut();
        *call.sigmask_mut() = mask(blocked);
        call.finish()?;
        self.note_installed(&thread.process, false);
        let signo = raised.info.signo();
        thread.raised = Some(raised);
        signal::tgkill(thread.process.tgid, thread.tracee.tid(), signo)?;
        thread.tracee.cont(0)
    }
}

/// Ends the process by a fault, without a system call of its own: a fault signal that is forced while it is
/// blocked gets its default action back from the kernel.
fn die_by_fault(thread: &mut Thread) -> Result<()> {
    if is_first(thread) {
        return end_first(thread, libc::SIGSEGV);
    }
    let mut regs = thread.tracee.regs()?;
    regs.rip = NOWHERE;
    regs.orig_rax = NO_CALL;
    thread.tracee.set_regs(&regs)?;
    thread.tracee.set_sigmask(!0)?;
    thread.dying = true;
    thread.tracee.cont(0)
}

/// Lets the kernel deliver, stopping at the handler's first instruction where there is something to do.
pub(super) fn resume(thread: &mut Thread, signal: i32, frame: Option<FramePatch>) -> Result<()> {
    resume_as(thread, signal, frame, None)
}

/// The same for a signal that may travel under another number.
fn resume_as(
    thread: &mut Thread,
    signal: i32,
    frame: Option<FramePatch>,
    carrier: Option<Carrier>,
) -> Result<()> {
    let last = {
        let book = thread.process.dispositions();
        book.guarded && book.get(signal).is_some_and(|action| action.is_handler() && action.resets())
    };
    if frame.is_none() && !last && carrier.is_none() {
        return thread.tracee.cont(signal);
    }
    thread.delivery = Some(Delivery { signal, frame, last, carrier });
    thread.tracee.singlestep(carrier.map_or(signal, |carrier| carrier.signal()))
}
