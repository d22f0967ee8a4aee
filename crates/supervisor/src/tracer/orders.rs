//! Orders to a tracer from the threads that answer notifications.
//!
//! Only a tracer can stop its tracees, and it sleeps in wait4 while they run. An order is written down, and the
//! tracer is woken by a signal until it has carried it out: one that comes a moment before the tracer falls asleep
//! wakes nobody.

use std::sync::atomic::Ordering;
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use anyclave_sys::remote::RemoteCall;
use anyclave_sys::{Pid, Result, fork, ptrace, signal};

use super::guard::{add_window_filter, watch_descriptor};
use super::{Thread, Tracer};
use crate::process::lock;

/// The signal that wakes a tracer.
pub(crate) const WAKE: i32 = libc::SIGUSR2;
/// Between two signals.
const PATIENCE: Duration = Duration::from_millis(1);
/// Signals after which a tracer is taken for one that has ended meanwhile.
const ATTEMPTS: usize = 200;

/// What a tracer is to do.
#[derive(Debug)]
pub(crate) struct Orders {
    /// The tracer's thread.
    tracer: Pid,
    /// Threads that are to stop.
    stop: Mutex<Vec<Pid>>,
    carried_out: Condvar,
}

impl Orders {
    /// Orders to the calling thread.
    pub(super) fn to_this_thread() -> Self {
        Self { tracer: fork::gettid(), stop: Mutex::default(), carried_out: Condvar::new() }
    }

    /// Has a thread stop before it next runs in user mode: an interruption in ptrace's words. The thread is in a system
    /// call that nothing but death interrupts, or is otherwise known not to mind. False if its tracer
    /// does not hear.
    pub(crate) fn stop(&self, tid: Pid) -> bool {
        let mut waiting = lock(&self.stop);
        waiting.push(tid);
        for _ in 0..ATTEMPTS {
            if signal::tgkill(fork::getpid(), self.tracer, WAKE).is_err() {
                return false;
            }
            let woken =
                self.carried_out.wait_timeout_while(waiting, PATIENCE, |waiting| waiting.contains(&tid));
            let Ok((left, timeout)) = woken else { return false };
            if !timeout.timed_out() {
                return true;
            }
            waiting = left;
        }
        waiting.retain(|order| *order != tid);
        false
    }
}

impl Tracer {
    /// Carries out what was ordered.
    pub(super) fn carry_out_orders(&self) {
        let mut waiting = lock(&self.orders.stop);
        if waiting.is_empty() {
            return;
        }
        for tid in waiting.drain(..).filter(|tid| self.threads.contains_key(tid)) {
            // It may be dead by now.
            let _ = ptrace::interrupt(tid);
        }
        self.orders.carried_out.notify_all();
    }

    /// A thread was interrupted. If its process has just opened its first device, or asks for a descriptor all the time,
    /// that is why.
    pub(super) fn on_interruption(&self, thread: &mut Thread) -> Result<()> {
        self.filter_late(thread)?;
        let process = &thread.process;
        let stub = process.mm().stub;
        let (device, wanted) = (process.has_device.load(Ordering::Relaxed), process.wanted_watch());
        if let Some(stub) = stub.filter(|_| device || wanted.is_some()) {
            let mut call = RemoteCall::begin(thread.tracee, stub.syscall())?;
            if device {
                add_window_filter(&self.shared, process, stub, &mut call)?;
            }
            if let Some(fd) = wanted {
                watch_descriptor(&self.shared, process, stub, &mut call, fd)?;
            }
            call.finish()?;
        }
        thread.tracee.cont(0)
    }
}
