//! System calls made by a stopped tracee on our behalf.
//!
//! The tracee's own registers and signal mask are borrowed and given back, so that it never learns. The one
//! thing needed from it is the address of a `syscall` instruction in its memory.

use crate::ptrace::{Regs, Stop, SyscallOp, Tracee, WaitEvent, put_back, wait_one};
use crate::signal::tkill;
use crate::{Errno, Pid, Result};

/// The trap flag of RFLAGS: a program that steps itself must not step our instruction.
const TF: u64 = 1 << 8;
/// `orig_rax` of a thread that is in no system call.
const NO_CALL: u64 = u64::MAX;

/// A tracee lent to us for system calls, from [`begin`](Self::begin) to [`finish`](Self::finish); dropping
/// it gives it back too, but loses the error.
///
/// Between the two the tracee is always stopped. All signals but SIGKILL and SIGSTOP are blocked; a SIGSTOP
/// that arrives is held back and sent again at the end. A group-stop or an interruption that arrives does
/// not hold up the calls; the two `…_seen` methods tell of it. A group-stop that still lasts is reported once
/// more when the tracee is resumed. When the tracee dies, execs or reaches its exit stop in between, every method fails with
/// `ESRCH`, the registers are left as they are, and the next wait reports what happened.
#[derive(Debug)]
pub struct RemoteCall {
    tracee: Tracee,
    insn: u64,
    regs: Regs,
    sigmask: u64,
    group_stop: Option<i32>,
    interrupted: bool,
    held_stop: bool,
    /// The tracee is ours to restore.
    lent: bool,
}

impl RemoteCall {
    /// Borrows `tracee`, whose memory has a `syscall` instruction at `insn`.
    ///
    /// The tracee may stand at any stop. Standing inside a system call (its entry, or an exec, fork, clone
    /// or seccomp event) it is first led to that call's exit, so the call is carried out unless
    /// [`skip_syscall`] was used before. Do not begin at a vfork event, where the exit comes only when the
    /// child has let go, nor at an exit event, where no more calls can be made.
    ///
    /// # Errors
    /// `ESRCH`: it died; else what ptrace(2) says.
    pub fn begin(tracee: Tracee, insn: u64) -> Result<Self> {
        let inside = inside_a_call(tracee)?;
        let mut call = Self {
            tracee,
            insn,
            regs: tracee.regs()?,
            sigmask: tracee.sigmask()?,
            group_stop: None,
            interrupted: false,
            held_stop: false,
            lent: false,
        };
        if inside {
            call.run_to(SyscallOp::Exit)?;
            call.regs = tracee.regs()?;
            call.regs.orig_rax = NO_CALL;
        }
        call.lent = true;
        tracee.set_sigmask(!0)?;
        Ok(call)
    }

    /// Makes the tracee perform the system call `nr`. The inner result is the call's own.
    ///
    /// # Errors
    /// `ESRCH`: it died. `EFAULT`: there is no `syscall` instruction at the address given to `begin`.
    pub fn call(&mut self, nr: i64, args: [u64; 6]) -> Result<std::result::Result<u64, Errno>> {
        if !self.lent {
            return Err(Errno::ESRCH);
        }
        let mut regs = self.regs;
        regs.rip = self.insn;
        regs.rax = nr.cast_unsigned();
        regs.orig_rax = NO_CALL;
        regs.eflags &= !TF;
        [regs.rdi, regs.rsi, regs.rdx, regs.r10, regs.r8, regs.r9] = args;
        self.tracee.set_regs(&regs)?;
        self.run_to(SyscallOp::Entry)?;
        self.run_to(SyscallOp::Exit)?;
        Ok(result_of(self.tracee.regs()?.rax))
    }

    /// The thread.
    #[must_use]
    pub fn tid(&self) -> Pid {
        self.tracee.tid()
    }

    /// The signal of a group-stop that began meanwhile.
    #[must_use]
    pub fn group_stop_seen(&self) -> Option<i32> {
        self.group_stop
    }

    /// An interruption ([`crate::ptrace::interrupt`]) took effect meanwhile.
    #[must_use]
    pub fn interrupt_seen(&self) -> bool {
        self.interrupted
    }

    /// The registers that the tracee will get back, to look at or to change.
    pub fn regs_mut(&mut self) -> &mut Regs {
        &mut self.regs
    }

    /// The signal mask that the tracee will get back.
    pub fn sigmask_mut(&mut self) -> &mut u64 {
        &mut self.sigmask
    }

    /// Gives the tracee back: stopped, with its registers and its mask.
    ///
    /// It then stands at a system-call exit and is to be resumed with signal 0: the signal of a
    /// signal-delivery stop that `begin` found is gone. To deliver it after all, send it again by a call of
    /// rt_tgsigqueueinfo in the tracee: to itself a process may send any information, a fault's too, and the
    /// signal waits until the mask is given back.
    /// Only when `begin` found a system call that awaits its restart does it stand at an interruption, as
    /// the kernel restarts calls nowhere else.
    ///
    /// # Errors
    /// `ESRCH`: it died.
    pub fn finish(mut self) -> Result<()> {
        self.give_back()
    }

    fn give_back(&mut self) -> Result<()> {
        if !std::mem::take(&mut self.lent) {
            return Ok(());
        }
        if awaits_restart(&self.regs) {
            self.run_to_interruption()?;
        } else {
            self.regs.orig_rax = NO_CALL;
        }
        self.tracee.set_regs(&self.regs)?;
        self.tracee.set_sigmask(self.sigmask)?;
        if self.group_stop.is_some() {
            // Its report was used up; when the tracee is resumed it reports the group-stop again.
            self.tracee.interrupt()?;
        }
        if self.held_stop { tkill(self.tracee.tid(), libc::SIGSTOP) } else { Ok(()) }
    }

    /// Resumes until the system-call stop of this kind.
    fn run_to(&mut self, op: SyscallOp) -> Result<()> {
        loop {
            self.tracee.syscall(0)?;
            if self.next_stop()? == Stop::Syscall && self.tracee.syscall_op()? == op {
                return Ok(());
            }
        }
    }

    /// From a system-call exit to an interruption, where no instruction of the program has run.
    fn run_to_interruption(&mut self) -> Result<()> {
        self.tracee.interrupt()?;
        let before = std::mem::replace(&mut self.interrupted, false);
        while !self.interrupted && self.group_stop.is_none() {
            self.tracee.cont(0)?;
            self.next_stop()?;
        }
        self.interrupted = before;
        Ok(())
    }

    /// The next stop, having noted what is not about our system calls.
    fn next_stop(&mut self) -> Result<Stop> {
        let tid = self.tracee.tid();
        let event = loop {
            match wait_one(tid) {
                Err(Errno::EINTR) => {}
                Err(Errno::ECHILD) => return self.lost(Errno::ESRCH),
                other => break other?,
            }
        };
        if event.ends_the_story() {
            put_back(tid, event);
            return self.lost(Errno::ESRCH);
        }
        let WaitEvent::Stopped(stop) = event else { return self.lost(Errno::ESRCH) };
        match stop {
            Stop::GroupStop { signal } => self.group_stop = Some(signal),
            Stop::Interrupted => self.interrupted = true,
            Stop::SignalDelivery { signal: libc::SIGSTOP } => self.held_stop = true,
            // Everything else is blocked, so this is the fault of the instruction that is no `syscall`.
            Stop::SignalDelivery { .. } => return Err(Errno::EFAULT),
            Stop::Syscall | Stop::Event(_) => {}
        }
        Ok(stop)
    }

    fn lost<T>(&mut self, error: Errno) -> Result<T> {
        self.lent = false;
        Err(error)
    }
}

impl Drop for RemoteCall {
    fn drop(&mut self) {
        // An error here is a tracee that died, which the next wait reports.
        let _ = self.give_back();
    }
}

/// At a seccomp event (or a system-call entry): the call is not to be made, and its result is `retval`, a
/// value or a negated errno.
///
/// The kernel looks at `orig_rax` after the stop and skips the call when it is −1, leaving `rax` alone; the
/// next stop under `PTRACE_SYSCALL` is the exit.
///
/// # Errors
/// `ESRCH`: it died.
pub fn skip_syscall(tracee: Tracee, retval: i64) -> Result<()> {
    let mut regs = tracee.regs()?;
    regs.orig_rax = NO_CALL;
    regs.rax = retval.cast_unsigned();
    tracee.set_regs(&regs)
}

/// The tracee stands between the entry and the exit of a system call of its own.
fn inside_a_call(tracee: Tracee) -> Result<bool> {
    match tracee.syscall_op()? {
        SyscallOp::Entry | SyscallOp::Seccomp => return Ok(true),
        SyscallOp::Exit => return Ok(false),
        SyscallOp::None => {}
    }
    // A ptrace event has its number above SIGTRAP in the code of the information.
    let code = match tracee.siginfo() {
        Ok(info) => info.code(),
        // A group-stop has none.
        Err(Errno::EINVAL) => return Ok(false),
        Err(error) => return Err(error),
    };
    let event = |event: i32| (event << 8) | libc::SIGTRAP;
    Ok([
        libc::PTRACE_EVENT_FORK,
        libc::PTRACE_EVENT_VFORK,
        libc::PTRACE_EVENT_CLONE,
        libc::PTRACE_EVENT_EXEC,
        libc::PTRACE_EVENT_VFORK_DONE,
        libc::PTRACE_EVENT_SECCOMP,
    ]
    .into_iter()
    .any(|known| code == event(known)))
}

/// The registers say: on the way out of a system call that the kernel means to start again, or to turn into
/// EINTR, once it has seen which signal it delivers. The four numbers are the kernel's own.
fn awaits_restart(regs: &Regs) -> bool {
    const ERESTARTSYS: i64 = 512;
    const ERESTARTNOINTR: i64 = 513;
    const ERESTARTNOHAND: i64 = 514;
    const ERESTART_RESTARTBLOCK: i64 = 516;
    regs.orig_rax.cast_signed() >= 0
        && [ERESTARTSYS, ERESTARTNOINTR, ERESTARTNOHAND, ERESTART_RESTARTBLOCK]
            .contains(&regs.rax.cast_signed().saturating_neg())
}

/// `rax` after a system call: the last 4095 values are negated errnos.
fn result_of(rax: u64) -> std::result::Result<u64, Errno> {
    const MAX_ERRNO: i64 = 4095;
    match rax.cast_signed().saturating_neg() {
        error @ 1..=MAX_ERRNO => Err(i32::try_from(error).map_or(Errno::UnknownErrno, Errno::from_raw)),
        _ => Ok(rax),
    }
}

#[cfg(test)]
mod tests;
