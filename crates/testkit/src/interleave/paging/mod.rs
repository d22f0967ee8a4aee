//! A page of an enclave is evicted, restricted or trimmed, while threads enter, store, exit and fault.
//!
//! The kernel's steps, the program's stores and the leaves of the processor below are single steps of a schedule.
//! What the schedules are about is what a processor remembers:
//!
//! - on **silicon**, a translation that was filled while the EPCM allowed it stays in the processor until it leaves
//!   the enclave. So a page may be written out only once everybody has left who was inside when it was blocked;
//!   EBLOCK, ETRACK and a kick bring that about, and EWB's codes 10 and 11 and ETRACK's 17 insist on it;
//! - in **homes**, enclave pages are mapped memory of a process, and stores never ask the processor: what the
//!   host's page tables of each address space allow is done. So a page must be write-protected in all of them
//!   before its bytes move, and the hole that they leave must not be punched under somebody who can still write.
//!
//! Promised, in every state: what the page holds is what was last stored; nobody has a translation to a frame that
//! the page has left, or one that an EACCEPT has made impossible; the codes are those that the tracking rules ask
//! for, computed here once more from who is inside since when; and every schedule comes to its end.

mod both;
mod kernel;
mod leaves;
mod oracle;
mod sketch;
mod thread;
mod whole;

use std::rc::Rc;

use super::enumerator::Model;
use super::trace::Line;

pub use both::Both;
use kernel::Kernel;
pub use kernel::Op;
pub use leaves::{Acceptance, Answer, Entry, FRAMES, Leaves};
use oracle::Ghost;
pub use sketch::Sketch;
use thread::{Act, Thread};
pub use whole::Whole;

/// What enforces the EPCM against stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Venue {
    /// The processor, when it fills a translation.
    Silicon,
    /// The host's page tables, at every store.
    Homes,
}

/// What the kernel leaves out or does in the wrong order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No EBLOCK.
    NoEblock,
    /// No ETRACK.
    NoEtrack,
    /// ETRACK comes before what it is to track.
    EtrackFirst,
    /// Nobody is kicked.
    NoKick,
    /// Those who are kicked are not waited for.
    NoWait,
    /// The mask of those to kick is made before ETRACK.
    MaskBeforeEtrack,
    /// The page is copied before the address spaces lose the right to write it.
    ReadWhileWritable,
    /// One address space keeps its right.
    SkipOneMm,
    /// The page is removed without an EACCEPT.
    NoAccept,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::NoEblock,
        Self::NoEtrack,
        Self::EtrackFirst,
        Self::NoKick,
        Self::NoWait,
        Self::MaskBeforeEtrack,
        Self::ReadWhileWritable,
        Self::SkipOneMm,
        Self::NoAccept,
    ];
}

/// What a processor does not check that it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Weakness {
    /// EWB takes any blocked page.
    EwbIgnoresTracking,
    /// EACCEPT accepts at once.
    EacceptIgnoresTracking,
    /// EREMOVE removes pages of an enclave that somebody is in.
    EremoveIgnoresThreads,
}

/// What the kernel does to the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Job {
    /// Writes it out, this many times, and brings it back in the end. A thread that faults brings it back earlier.
    Evict(u8),
    /// Takes its W away, which thread 0 accepts.
    Restrict,
    /// Trims it, which thread 0 accepts, and removes it.
    Trim,
    /// These leaves in a row, whatever their outcome, as long as it is the right one.
    Probe(Vec<Op>),
}

/// What takes part, and for how long.
#[derive(Clone, Debug)]
pub struct Setup {
    /// What enforces the EPCM.
    pub venue: Venue,
    /// Threads; each is a processor, beside the kernel's.
    pub threads: usize,
    /// Address spaces; thread `n` belongs to number `n` modulo this.
    pub mms: usize,
    /// How often each thread enters.
    pub rounds: u8,
    /// Stores of each thread in a round.
    pub stores: u8,
    /// What the kernel does.
    pub job: Job,
    /// What the kernel does wrong.
    pub fault: Option<Fault>,
}

/// The right of an address space to the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Right {
    /// The page is not mapped, or for reading at most.
    Protected,
    /// It is mapped for writing, at this frame.
    Write(usize),
}

/// Threads, kernel and processor at work.
#[derive(Clone, Debug)]
pub struct Machine<L> {
    setup: Rc<Setup>,
    leaves: L,
    threads: Vec<Thread>,
    kernel: Kernel,
    mms: Vec<Right>,
    ghost: Ghost,
    /// What the last step's leaf came to, to be told.
    last: Option<Answer>,
    broken: Option<String>,
}

/// What a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A thread acts.
    Thread(usize, Act),
    /// The kernel acts.
    Kernel,
}

impl Machine<Sketch> {
    /// On a sketch of a processor that may have a weakness.
    #[must_use]
    pub fn sketch(setup: Setup, weakness: Option<Weakness>) -> Self {
        let leaves = Sketch::new(setup.threads, setup.venue, weakness);
        let mut machine = Self::new(setup, leaves);
        machine.ghost.silent = weakness.is_some();
        machine
    }
}

impl<L: Leaves> Machine<L> {
    /// All threads are outside, and all address spaces map the page for writing.
    pub fn new(setup: Setup, leaves: L) -> Self {
        let thread = |number| Thread::new(number, &setup);
        Self {
            threads: (0..setup.threads).map(thread).collect(),
            kernel: Kernel::new(&setup),
            mms: vec![Right::Write(0); setup.mms],
            ghost: Ghost::default(),
            last: None,
            broken: None,
            leaves,
            setup: setup.into(),
        }
    }

    /// The frame that holds the page.
    fn resident(&self) -> Option<usize> {
        (0..FRAMES).find(|frame| self.leaves.entry(*frame).valid)
    }

    /// ELDU into the first free frame, for a kernel that is not at work on the page.
    fn reload(&mut self) {
        if self.resident().is_none() && self.ghost.evicted {
            let answer = self.leaves.eldu(0);
            self.answered(answer, Answer::Done, "ELDU", true);
            self.ghost.loaded(0);
        }
    }

    /// Notes what a leaf came to and compares it with what it should; `must`: nothing but success will do.
    fn answered(&mut self, answer: Answer, due: Answer, leaf: &str, must: bool) -> bool {
        self.last = Some(answer);
        if answer != due && !self.ghost.silent {
            self.broken = Some(format!("{leaf} {}, where it should have {}", told(answer), told(due)));
        } else if must && answer != Answer::Done {
            self.broken = Some(format!("{leaf} {}", told(answer)));
        }
        answer == Answer::Done
    }

    /// A translation that must not be any more.
    fn stale(&self) -> Option<String> {
        let accepted = self.ghost.accepted;
        self.threads.iter().find_map(|thread| {
            let (number, frame) = (thread.number, thread.translation?);
            let entry = self.leaves.entry(frame);
            if !entry.valid {
                Some(format!("thread {number} can store to frame {frame}, which the page has left"))
            } else if accepted.is_some() {
                Some(format!("thread {number} can store to the page, and EACCEPT has said that nobody can"))
            } else {
                None
            }
        })
    }

    /// A store that is not in the page.
    fn lost(&self) -> Option<String> {
        let frame = self.resident()?;
        let (holds, stored) = (self.leaves.load(frame), self.ghost.stored);
        (holds != stored).then(|| format!("a store is lost: {stored} was stored, the page holds {holds}"))
    }
}

impl<L: Leaves> Model for Machine<L> {
    type Step = Step;
    type Key = (L::Key, Vec<Thread>, Kernel, Vec<Right>, Ghost);

    fn steps(&self) -> Vec<Step> {
        let acts = |thread: &Thread| {
            let number = thread.number;
            thread
                .acts(self.kernel.is_busy(), self.kernel.is_through())
                .into_iter()
                .map(move |act| Step::Thread(number, act))
        };
        let mut steps: Vec<_> = self.threads.iter().flat_map(acts).collect();
        if self.kernel.is_ready(&self.threads, self.ghost.accepted) {
            steps.push(Step::Kernel);
        }
        steps
    }

    fn take(&mut self, step: Step) {
        self.last = None;
        match step {
            Step::Thread(number, act) => self.act(number, act),
            Step::Kernel => self.operate(),
        }
    }

    fn key(&self) -> Self::Key {
        let Self { leaves, threads, kernel, mms, ghost, .. } = self;
        (leaves.key(), threads.clone(), kernel.clone(), mms.clone(), ghost.clone())
    }

    fn violation(&self) -> Option<String> {
        self.broken.clone().or_else(|| self.stale()).or_else(|| self.lost())
    }

    fn finished(&self) -> bool {
        self.kernel.is_done() && self.threads.iter().all(Thread::is_done)
    }

    fn actors(&self) -> Vec<String> {
        let threads = self.threads.iter().map(|thread| format!("thread {}, mm {}", thread.number, thread.mm));
        threads.chain(["kernel".to_owned()]).collect()
    }

    fn tell(before: &Self, step: Step, after: &Self) -> Line {
        let (actor, text) = match step {
            Step::Thread(number, act) => (number, Thread::tell(&before.threads[number], act, after)),
            Step::Kernel => (before.threads.len(), before.kernel.tell(after)),
        };
        let came_to =
            after.last.filter(|answer| *answer != Answer::Done).map(|answer| format!(": {}", told(answer)));
        Line::new(actor, text + &came_to.unwrap_or_default())
    }
}

/// An answer in words.
fn told(answer: Answer) -> String {
    match answer {
        Answer::Done => "succeeded".to_owned(),
        Answer::Code(error) => format!("answered {} {error:?}", error.code()),
        Answer::Fault => "faulted".to_owned(),
    }
}
