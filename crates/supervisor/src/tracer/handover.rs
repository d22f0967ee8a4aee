//! Handing a new process to a tracer of its own.
//!
//! A ptrace relation belongs to the thread that made it. So the process is parked in a loop of our code,
//! detached, and taken up again by the new thread, which gives it back its registers and its signal mask.

use std::sync::Arc;

use anyclave_sys::ptrace::{self, Regs, Stop, WaitEvent};
use anyclave_sys::remote::RemoteCall;
use anyclave_sys::{Errno, Pid, Result, host};

use super::convert::NO_CALL;
use super::forced::Seen;
use super::{Thread, Tracer, options};
use crate::process::Process;
use crate::shared::Shared;

/// Name of tracer threads; a nested `anyclave` knows by it that it is traced by one.
const TRACER_NAME: &str = "anyclave-tracer";

/// A process between two tracers.
struct Parked {
    tid: Pid,
    process: Arc<Process>,
    regs: Regs,
    sigmask: u64,
}

impl Tracer {
    /// Hands over the leader of a new process at its first stop. False where it stays with this tracer.
    pub(super) fn hand_over(&mut self, thread: &mut Thread) -> Result<bool> {
        let Some(stub) = thread.process.mm().stub else { return Ok(false) };
        let tracee = thread.tracee;
        if thread.process.mem.is_foreign() {
            return Ok(false);
        }
        if host::ptrace_is_restricted() {
            let mut call = RemoteCall::begin(tracee, stub.syscall())?;
            let option = libc::PR_SET_PTRACER.cast_unsigned().into();
            let allowed = call.call(libc::SYS_prctl, [option, std::process::id().into(), 0, 0, 0, 0])?;
            call.finish()?;
            if allowed.is_err() {
                return Ok(false);
            }
        }
        let parked = Parked {
            tid: tracee.tid(),
            process: Arc::clone(&thread.process),
            regs: tracee.regs()?,
            sigmask: tracee.sigmask()?,
        };
        tracee.set_sigmask(!0)?;
        tracee.set_regs(&Regs { rip: stub.park(), orig_rax: NO_CALL, ..parked.regs })?;
        tracee.detach(0)?;
        let shared = Arc::clone(&self.shared);
        self.shared.tracer_begins();
        let spawned = std::thread::Builder::new().name(TRACER_NAME.into()).spawn(move || {
            take_up(&shared, parked);
            shared.tracer_ends();
        });
        if let Err(error) = spawned {
            // The loop ends the process by itself.
            self.shared.tracer_ends();
            self.shared
                .log
                .warn(format_args!("no thread can be had to trace process {}: {error}", tracee.tid()));
        }
        Ok(true)
    }
}

/// The life of a tracer whose process was handed to it.
fn take_up(shared: &Arc<Shared>, parked: Parked) {
    let tid = parked.tid;
    let mut tracer = Tracer::new(Arc::clone(shared));
    match attach(&mut tracer, parked) {
        Ok(()) => tracer.run(),
        // Killed between the two tracers.
        Err(error) if error == Errno::ESRCH || is_gone(tid) => shared.registry.remove(tid),
        Err(error) => {
            shared.registry.remove(tid);
            shared.log.warn(format_args!("process {tid} could not be taken up by its tracer: {error}"));
        }
    }
}

/// Whether a process is dead or dying; its parent may not have asked after it yet.
fn is_gone(tid: Pid) -> bool {
    std::fs::read_to_string(format!("/proc/{tid}/stat"))
        .ok()
        .and_then(|stat| stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next()))
        .is_none_or(|state| matches!(state, 'Z' | 'X'))
}

fn attach(tracer: &mut Tracer, parked: Parked) -> Result<()> {
    let Parked { tid, process, regs, sigmask } = parked;
    ptrace::seize(tid, options())?;
    ptrace::interrupt(tid)?;
    let stop = loop {
        match ptrace::wait_one(tid) {
            Ok(WaitEvent::Stopped(stop)) => break stop,
            Ok(WaitEvent::Exited { .. } | WaitEvent::Signaled { .. }) => return Err(Errno::ESRCH),
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error),
        }
    };
    let mut thread = Thread::new(tid, process);
    thread.started = true;
    thread.seen = Seen::with_mask(sigmask);
    let tracee = thread.tracee;
    if !matches!(stop, Stop::Event(ptrace::Event::Exit { .. })) {
        // Under a filter of the program's own it may stand before the sleep of our loop, and a number of a call in its
        // registers would be performed in the sleep's place.
        tracee.set_regs(&Regs { orig_rax: NO_CALL, ..regs })?;
        tracee.set_sigmask(sigmask)?;
    }
    tracer.adopt(thread);
    match stop {
        Stop::GroupStop { .. } => tracee.listen(),
        // A signal that cannot be blocked came first.
        Stop::SignalDelivery { signal } => tracee.cont(signal),
        _ => tracee.cont(0),
    }
}
