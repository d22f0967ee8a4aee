//! The event loop of a tracer: one thread that traces processes and decides at their stops.
//!
//! A tracer begins with one process. A fork's child is handed to a tracer of its own where our code is in it;
//! otherwise it stays. No lock is held while a tracee is waited for.

mod aex;
mod carrier;
mod clone;
mod convert;
mod cpuid;
mod deliver;
mod dispatch;
mod enclu;
mod exception;
mod exec;
mod exit;
mod first;
mod follow;
mod forced;
mod guard;
mod handover;
mod illegal;
mod job_control;
mod orders;
mod own_filters;
mod page_fault;
mod protect;
mod signals;
mod space;
mod watch;

pub(crate) use cpuid::replace as replace_cpuid;
pub(crate) use forced::install_guarded;
pub(crate) use guard::guard;
pub(crate) use orders::{Orders, WAKE};
pub(crate) use protect::apply;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyclave_cpu::Processor;
use anyclave_sys::ptrace::{self, Event, Stop, Tracee, WaitEvent};
use anyclave_sys::{Errno, Pid, Result, signal};

use crate::fatal::fatal;
use crate::filter::Reason;
use crate::process::Process;
use crate::shared::Shared;
use crate::syscall;
use deliver::{Delivery, Raised};

/// Everything that a tracee is seized with.
pub(crate) fn options() -> ptrace::Options {
    use ptrace::Options;
    Options::TRACECLONE
        | Options::TRACEFORK
        | Options::TRACEVFORK
        | Options::TRACEEXEC
        | Options::TRACEEXIT
        | Options::TRACESECCOMP
        | Options::TRACESYSGOOD
        | Options::EXITKILL
}

/// A traced thread.
#[derive(Debug)]
pub(crate) struct Thread {
    pub(crate) tracee: Tracee,
    pub(crate) process: Arc<Process>,
    /// The logical processor that the thread is while it runs.
    pub(crate) processor: Processor,
    /// A signal that was sent on behalf of an exception and is still to be dressed as one.
    raised: Option<Raised>,
    /// A signal whose frame is being built.
    delivery: Option<Delivery>,
    /// The byte that forbids its system calls, from its first entry on.
    selector: Option<dispatch::Selector>,
    /// Breakpoints at the CPUID instructions of enclaves.
    watch: watch::Watch,
    /// The segment registers outside, from the entry into an enclave on.
    selectors: Option<convert::Selectors>,
    /// What is known of its mask.
    seen: forced::Seen,
    /// The address of its last resolved fault, and how often in a row that was it.
    resolved: (u64, u32),
    /// Signals of exceptions that were pending when it left its enclave for a group-stop: the next signal may be
    /// of an instruction that will be executed again.
    restarted: u64,
    /// It is being ended by a fault, which goes to the kernel as it is.
    dying: bool,
    /// It has reached its last stop.
    exiting: bool,
    /// Its process lacks handlers that the supervisor put on its creator.
    unguarded: bool,
    /// It lacks the window filter that its process has, and is to get it at its next interruption.
    unfiltered: bool,
    /// Told to run for the first time.
    pub(crate) started: bool,
    /// Let go, to die by itself.
    let_go: bool,
}

impl Thread {
    pub(crate) fn new(tid: Pid, process: Arc<Process>) -> Self {
        Self {
            tracee: Tracee::new(tid),
            process,
            processor: Processor::default(),
            raised: None,
            delivery: None,
            selector: None,
            watch: watch::Watch::default(),
            selectors: None,
            seen: forced::Seen::default(),
            resolved: (0, 0),
            restarted: 0,
            dying: false,
            exiting: false,
            unguarded: false,
            unfiltered: false,
            started: false,
            let_go: false,
        }
    }
}

/// A tracer and the threads it traces.
pub(crate) struct Tracer {
    pub(crate) shared: Arc<Shared>,
    /// What others ask of it.
    orders: Arc<Orders>,
    threads: HashMap<Pid, Thread>,
    /// New threads that stopped before the event of their creator was seen.
    strangers: HashMap<Pid, Stop>,
    follow: follow::Follow,
    /// The process of the thread that died last.
    last_process: Option<Arc<Process>>,
}

impl Tracer {
    /// A tracer in this thread that traces nothing yet.
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            orders: Arc::new(Orders::to_this_thread()),
            threads: HashMap::new(),
            strangers: HashMap::new(),
            follow: follow::Follow::default(),
            last_process: None,
        }
    }

    /// Takes up a thread that this very thread has seized.
    pub(crate) fn adopt(&mut self, thread: Thread) {
        self.shared.registry.set(thread.tracee.tid(), &thread.process);
        thread.process.follow_orders_of(&self.orders);
        self.threads.insert(thread.tracee.tid(), thread);
    }

    /// Runs until the last tracee is gone.
    pub(crate) fn run(&mut self) {
        loop {
            self.carry_out_orders();
            match ptrace::wait_any() {
                Ok(Some((tid, event))) => self.on_event(tid, event),
                Ok(None) => return,
                // A message was lost with its thread, whose death is reported next.
                Err(Errno::EINTR | Errno::ESRCH) => {}
                Err(error) => fatal(&format!("waiting for a program failed: {error}")),
            }
        }
    }

    fn on_event(&mut self, tid: Pid, event: WaitEvent) {
        let result = match event {
            WaitEvent::Exited { .. } | WaitEvent::Signaled { .. } => {
                self.on_death(tid);
                Ok(())
            }
            WaitEvent::Stopped(Stop::Event(Event::Exec { former })) => self.on_exec(tid, former),
            WaitEvent::Stopped(stop) => match self.threads.remove(&tid) {
                Some(mut thread) => {
                    self.follow.stopped(tid, self.threads.len() + 1);
                    let result = self.on_stop(&mut thread, stop);
                    self.put_away(thread, &result);
                    result.map(drop)
                }
                None => {
                    self.strangers.insert(tid, stop);
                    // Its creator may have died already without a word of it.
                    self.adopt_orphans();
                    Ok(())
                }
            },
        };
        match result {
            // Killed in the middle; its death is reported next.
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(error) => self.give_up(tid, event, error),
        }
    }

    /// A thread is not looked at any more for now.
    fn put_away(&mut self, thread: Thread, result: &Result<Next>) {
        let tid = thread.tracee.tid();
        if thread.process.diverged.swap(false, Ordering::Relaxed) {
            self.filter_others(&thread.process);
        }
        if thread.unfiltered {
            // Another stop has used up its interruption. It may be dead by now.
            let _ = ptrace::interrupt(tid);
        }
        if thread.let_go {
            self.threads.insert(tid, thread);
            self.on_death(tid);
        } else if !matches!(result, Ok(Next::HandedOver)) {
            self.threads.insert(tid, thread);
        }
    }

    /// A process that we cannot serve any more is ended; the others go on.
    fn give_up(&mut self, tid: Pid, event: WaitEvent, error: Errno) {
        let tgid = self.shared.registry.process(tid).map_or(tid, |process| process.tgid);
        self.shared
            .log
            .warn(format_args!("process {tgid} could not be served at {event:?} ({error}) and is killed"));
        if tgid.as_raw() == 1 {
            // The first process of our namespace cannot be killed from within it, but by the end of its tracer.
            fatal("the process that all others hang on is among those that could not be served");
        }
        // It may be gone already.
        let _ = signal::kill(tgid, libc::SIGKILL);
    }

    fn on_stop(&mut self, thread: &mut Thread, stop: Stop) -> Result<Next> {
        let tracee = thread.tracee;
        match stop {
            Stop::SignalDelivery { signal } => self.on_signal(thread, signal)?,
            Stop::GroupStop { .. } => self.on_group_stop(thread)?,
            Stop::Interrupted if !thread.started => return self.on_first_stop(thread),
            Stop::Interrupted => self.on_interruption(thread)?,
            Stop::Syscall => tracee.cont(0)?,
            Stop::Event(event) => match event {
                Event::Clone { child } | Event::Fork { child } | Event::Vfork { child } => {
                    self.on_new_thread(thread, child)?;
                    tracee.cont(0)?;
                }
                Event::Exit { .. } => self.on_exit(thread)?,
                Event::Seccomp { data } => self.on_seccomp(thread, data)?,
                Event::VforkDone { .. } | Event::Exec { .. } => tracee.cont(0)?,
            },
        }
        Ok(Next::Ours)
    }

    fn on_seccomp(&mut self, thread: &mut Thread, data: u16) -> Result<()> {
        match Reason::from_data(data) {
            Some(Reason::Call) => {
                let own = &thread.process.own_filters;
                // Ours was asked last; the program's may have wanted a tracer, too.
                if own.any() && own.wants_tracer(&own_filters::native_call(&thread.tracee.regs()?)) {
                    return own_filters::without_tracer(thread);
                }
                syscall::stopped(&self.shared, thread)?;
                self.note_installed(&thread.process, false);
                Ok(())
            }
            Some(Reason::Int80) => self.on_int80(thread),
            Some(Reason::OurCode) => self.on_call_from_our_code(thread),
            Some(Reason::Strict) => self.on_strict(thread),
            // A filter of the program's own asked for a tracer that is not there.
            None => own_filters::without_tracer(thread),
        }
    }
}

/// What became of a thread at a stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// It goes on with this tracer.
    Ours,
    /// Another tracer has it.
    HandedOver,
}
