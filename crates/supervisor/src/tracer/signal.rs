//! Signal-delivery stops: which signal is whose.

use anyclave_sys::Result;
use anyclave_sys::ptrace::SigInfo;

use super::{Thread, Tracer};
use crate::filter::FAULT_SIGNALS;

impl Tracer {
    /// A signal is about to be delivered.
    pub(super) fn on_signal(&mut self, thread: &mut Thread, signal: i32) -> Result<()> {
        if let Some(frame) = thread.frame.take()
            && signal == libc::SIGTRAP
        {
            return frame.correct(thread);
        }
        let info = thread.tracee.siginfo()?;
        if let Some(raised) = thread.raised.take_if(|raised| raised.is(signal, &info)) {
            return raised.dress(thread);
        }
        if forced_by_processor(signal, &info) {
            return self.on_exception(thread, signal, &info);
        }
        // An interrupt: the processor leaves the enclave before the kernel looks at it.
        self.leave_enclave(thread)?;
        if self.has_no_handler(thread, signal) {
            return self.deliver_default(thread, signal, &info);
        }
        thread.tracee.cont(signal)
    }

    /// Whether a sentinel of ours stands where the program has no handler.
    fn has_no_handler(&self, thread: &Thread, signal: i32) -> bool {
        let dispositions = thread.process.dispositions();
        dispositions.guarded && dispositions.get(signal).is_some_and(|action| !action.is_handler())
    }
}

/// A signal that the kernel forces on the thread for an exception: its code is above zero.
fn forced_by_processor(signal: i32, info: &SigInfo) -> bool {
    FAULT_SIGNALS.contains(&signal) && signal != libc::SIGSYS && info.code() > 0
}
