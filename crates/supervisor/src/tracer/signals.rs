//! Signal-delivery stops: which signal is whose.

use anyclave_sys::Result;
use anyclave_sys::procfs::Status;
use anyclave_sys::ptrace::SigInfo;

use super::convert::NO_CALL;
use super::deliver::resume;
use super::{Thread, Tracer};
use crate::filter::FAULT_SIGNALS;
use crate::process::dispositions::{DEFAULT_IGNORED, in_set};

impl Tracer {
    /// A signal is about to be delivered.
    pub(super) fn on_signal(&mut self, thread: &mut Thread, signal: i32) -> Result<()> {
        Self::note_stop(thread);
        let restarted = std::mem::take(&mut thread.restarted);
        if let Some(delivery) = thread.delivery.take()
            && signal == libc::SIGTRAP
        {
            delivery.arrive(thread)?;
            self.note_installed(&thread.process, false);
            return Ok(());
        }
        let info = thread.tracee.siginfo()?;
        if thread.dying && forced_by_processor(signal, &info) {
            return thread.tracee.cont(signal);
        }
        if let Some(raised) = thread.raised.take_if(|raised| raised.is(signal, &info)) {
            return raised.dress(thread);
        }
        if in_set(restarted, signal) && is_forced(signal, &info) {
            return self.swallow(thread, signal);
        }
        if signal == libc::SIGSYS && info.code() == SYS_USER_DISPATCH && thread.processor.inside() {
            return self.on_call_inside(thread);
        }
        if forced_by_processor(signal, &info) {
            return self.on_exception(thread, signal, &info);
        }
        // An interrupt: the processor leaves the enclave before the kernel looks at it.
        self.leave_enclave(thread)?;
        if restart_behind_ignored(thread, signal)? {
            return thread.tracee.cont(0);
        }
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

/// System calls that the kernel ends with EINTR for good where others begin anew.
const NOT_RESTARTED: [i64; 11] = [
    libc::SYS_epoll_wait,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_semop,
    libc::SYS_semtimedop,
    libc::SYS_msgrcv,
    libc::SYS_msgsnd,
    libc::SYS_io_getevents,
    libc::SYS_rt_sigtimedwait,
    libc::SYS_recvmsg,
    libc::SYS_recvfrom,
];

/// A traced thread is woken by signals that it ignores, and some calls then end with EINTR that would have
/// slept on. Such a call is begun again, unless a signal that counts is waiting too. Its time-out begins
/// again with it.
fn restart_behind_ignored(thread: &Thread, signal: i32) -> Result<bool> {
    let mut regs = thread.tracee.regs()?;
    let call = regs.orig_rax.cast_signed();
    if regs.rax.cast_signed() != -i64::from(libc::EINTR) || !NOT_RESTARTED.contains(&call) {
        return Ok(false);
    }
    let status = Status::read(thread.tracee.tid())?;
    let ignored = status.ignored | DEFAULT_IGNORED & !status.caught;
    let others = (status.pending | status.shared_pending) & !status.blocked & !ignored;
    if !in_set(ignored, signal) || others != 0 {
        return Ok(false);
    }
    regs.rax = regs.orig_rax;
    regs.rip = regs.rip.wrapping_sub(2);
    regs.orig_rax = NO_CALL;
    thread.tracee.set_regs(&regs)?;
    Ok(true)
}

/// si_code of SIGSYS for syscall user dispatch.
const SYS_USER_DISPATCH: i32 = 2;

/// A signal that the kernel forces on the thread for an exception: its code is above zero.
pub(super) fn forced_by_processor(signal: i32, info: &SigInfo) -> bool {
    FAULT_SIGNALS.contains(&signal) && signal != libc::SIGSYS && info.code() > 0
}

/// The same, or for a system call inside an enclave.
pub(super) fn is_forced(signal: i32, info: &SigInfo) -> bool {
    forced_by_processor(signal, info) || signal == libc::SIGSYS && info.code() == SYS_USER_DISPATCH
}
