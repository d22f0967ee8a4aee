//! Signal-delivery stops: which signal is whose.

use anyclave_sys::Result;
use anyclave_sys::ptrace::SigInfo;

use super::deliver::resume;
use super::{Thread, Tracer};
use crate::filter::FAULT_SIGNALS;

impl Tracer {
    /// A signal is about to be delivered.
    pub(super) fn on_signal(&mut self, thread: &mut Thread, signal: i32) -> Result<()> {
        if let Some(delivery) = thread.delivery.take()
            && signal == libc::SIGTRAP
        {
            return delivery.arrive(thread);
        }
        let info = thread.tracee.siginfo()?;
        if let Some(raised) = thread.raised.take_if(|raised| raised.is(signal, &info)) {
            return raised.dress(thread);
        }
        if signal == libc::SIGSYS && info.code() == SYS_USER_DISPATCH && thread.processor.inside() {
            return self.on_call_inside(thread);
        }
        if forced_by_processor(signal, &info) {
            return self.on_exception(thread, signal, &info);
        }
        // An interrupt: the processor leaves the enclave before the kernel looks at it.
        self.leave_enclave(thread)?;
        if self.has_no_handler(thread, signal) {
            return self.deliver_default(thread, signal, &info);
        }
        resume(thread, signal, None)
    }

    /// Whether a sentinel of ours stands where the program has no handler.
    fn has_no_handler(&self, thread: &Thread, signal: i32) -> bool {
        let dispositions = thread.process.dispositions();
        dispositions.guarded && dispositions.get(signal).is_some_and(|action| !action.is_handler())
    }
}

/// si_code of SIGSYS for syscall user dispatch.
const SYS_USER_DISPATCH: i32 = 2;

/// A signal that the kernel forces on the thread for an exception: its code is above zero.
fn forced_by_processor(signal: i32, info: &SigInfo) -> bool {
    FAULT_SIGNALS.contains(&signal) && signal != libc::SIGSYS && info.code() > 0
}
