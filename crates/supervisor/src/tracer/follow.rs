//! A tracer runs where its tracee runs: a stop then costs a third of what it costs across processors.

use anyclave_sys::sched::{self, Cpus};
use anyclave_sys::{Pid, procfs};

/// This thread, for the scheduler's calls.
const SELF: Pid = Pid::from_raw(0);
/// Stops between two looks at where the tracee is; a look costs about as much as a stop.
const STOPS: u32 = 64;

/// Keeps a tracer beside its tracee while that is a single thread. With several it runs anywhere.
#[derive(Debug, Default)]
pub(super) struct Follow {
    stops: u32,
    /// The processor that the tracer is bound to, and those it was allowed before.
    bound: Option<(usize, Cpus)>,
}

impl Follow {
    /// A thread has stopped, one of `threads` that this tracer has.
    pub(super) fn stopped(&mut self, tid: Pid, threads: usize) {
        self.stops = self.stops.wrapping_add(1);
        if threads > 1 {
            self.let_go();
        } else if self.stops.is_multiple_of(STOPS)
            && let Ok(cpu) = procfs::last_cpu(tid)
        {
            self.bind(cpu);
        }
    }

    fn bind(&mut self, cpu: usize) {
        if self.bound.as_ref().is_some_and(|(bound, _)| *bound == cpu) {
            return;
        }
        let before = match self.bound.take() {
            Some((_, before)) => Some(before),
            None => sched::affinity(SELF).ok(),
        };
        // Where the host does not let us choose, the tracer works all the same.
        if let Some(before) = before
            && Cpus::only(cpu).and_then(|only| sched::set_affinity(SELF, &only)).is_ok()
        {
            self.bound = Some((cpu, before));
        }
    }

    fn let_go(&mut self) {
        if let Some((_, before)) = self.bound.take() {
            let _ = sched::set_affinity(SELF, &before);
        }
    }
}
