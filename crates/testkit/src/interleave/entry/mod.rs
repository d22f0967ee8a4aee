//! Entering an enclave in a process, while the supervisor withdraws a TCS or starts an epoch of tracking.
//!
//! A thread that enters without the supervisor's help, and a supervisor that must know who is inside, share plain
//! memory:
//!
//! - each thread has one **slot**, written by one store: the TCS it is on, the generation of that TCS, the epoch in
//!   which it entered;
//! - each TCS has its **STATE**, taken by a locked exchange, and a **validity**: the generation of what may be
//!   entered there, zero while nothing may;
//! - each enclave has an **epoch**.
//!
//! An entry takes STATE, reads validity and epoch, writes the slot, *fences*, and reads both once more; if one has
//! changed, it undoes what it did and traps. A withdrawal clears the validity, *fences*, and scans the slots;
//! ETRACK raises the epoch, *fences*, and scans. Who is found is kicked and waited for. Either the scan sees the
//! slot, or the entry sees the change: that is Dekker's handshake, and each of the two fences is half of it. This
//! model runs it on [`Memory`], where a store may stay in its buffer while later loads are done, so that a missing
//! fence shows.
//!
//! Promised, in every state: once a withdrawal or an ETRACK has concluded, nobody is inside who entered before it; no
//! two threads are on one TCS; and in the end nothing is left taken, whoever was killed in between.

mod supervisor;
mod thread;

use super::enumerator::Model;
use super::trace::Line;
use super::tso::Memory;

pub use supervisor::Order;
use supervisor::Supervisor;
use thread::Thread;

/// What is left out or done in the wrong order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The supervisor scans the slots between its store and its fence.
    ScanBeforeFence,
    /// The supervisor scans before it stores: the mask of those to kick is older than the epoch.
    MaskBeforeStore,
    /// An entry does not fence between writing its slot and looking again.
    EntryWithoutFence,
    /// An entry does not look again.
    NoRecheckAfterSlot,
    /// An entry looks again at the validity alone.
    EpochNotRechecked,
    /// An entry takes any validity but zero for the one that it has seen before.
    NoGeneration,
    /// Who is found in a slot is waited for, but not told to leave.
    NoKick,
    /// Who is found is told to leave, but not waited for.
    NoWait,
    /// The slot of a dead thread is left as it is.
    DeadSlotLeft,
    /// A thread looks at STATE and then takes it, in two instructions.
    StateNotExchanged,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::ScanBeforeFence,
        Self::MaskBeforeStore,
        Self::EntryWithoutFence,
        Self::NoRecheckAfterSlot,
        Self::EpochNotRechecked,
        Self::NoGeneration,
        Self::NoKick,
        Self::NoWait,
        Self::DeadSlotLeft,
        Self::StateNotExchanged,
    ];
}

/// What takes part, and for how long.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Threads; each is a processor.
    pub threads: usize,
    /// TCSs; thread `n` enters through TCS `n` modulo this.
    pub tcses: usize,
    /// How often each thread tries to enter.
    pub rounds: u8,
    /// What the supervisor, on a processor of its own, does.
    pub orders: Vec<Order>,
    /// Thread 0 may be killed at any moment.
    pub mortal: bool,
    /// What is broken.
    pub fault: Option<Fault>,
}

/// The contents of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slot {
    tcs: usize,
    generation: u8,
    epoch: u8,
}

/// The contents of a cell of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Word {
    /// An epoch, a generation, or whose a TCS is.
    Number(u8),
    /// A slot that is taken.
    Slot(Slot),
    /// A slot that is not taken, a TCS that is nobody's.
    Empty,
}

impl Word {
    const fn number(self) -> u8 {
        match self {
            Self::Number(number) => number,
            Self::Slot(_) | Self::Empty => 0,
        }
    }
}

/// The cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cell {
    Epoch,
    Validity(usize),
    State(usize),
    Slot(usize),
}

/// What the actors share: memory, what the kernel keeps of kicks, and what the supervisor has promised.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Shared {
    memory: Memory<Word>,
    tcses: usize,
    /// Threads that have been told to leave.
    kicked: Vec<bool>,
    /// Nobody is inside any more who entered in an epoch below.
    concluded: u8,
    /// Nobody is inside any more on a TCS of this generation or one before, by TCS.
    withdrawn: Vec<u8>,
}

impl Shared {
    const fn cell(&self, cell: Cell) -> usize {
        match cell {
            Cell::Epoch => 0,
            Cell::Validity(tcs) => 1 + tcs,
            Cell::State(tcs) => 1 + self.tcses + tcs,
            Cell::Slot(thread) => 1 + 2 * self.tcses + thread,
        }
    }

    fn load(&self, processor: usize, cell: Cell) -> Word {
        self.memory.load(processor, self.cell(cell))
    }

    fn store(&mut self, processor: usize, cell: Cell, word: Word) {
        let at = self.cell(cell);
        self.memory.store(processor, at, word);
    }
}

/// Threads and supervisor at work.
#[derive(Clone, Debug)]
pub struct EntryProtocol {
    setup: std::rc::Rc<Setup>,
    shared: Shared,
    threads: Vec<Thread>,
    supervisor: Supervisor,
}

/// What a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The processor executes its next instruction. The supervisor has the number after the last thread's.
    Execute(usize),
    /// The oldest store in the processor's buffer reaches memory.
    Drain(usize),
    /// Thread 0 is killed, and the supervisor cleans up behind it.
    Kill,
}

impl EntryProtocol {
    /// Nobody is inside; every TCS has generation 1, the epoch is 1.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        let Setup { threads, tcses, rounds, .. } = setup;
        let mut shared = Shared {
            memory: Memory::new(1 + 2 * tcses + threads, threads + 1, Word::Empty),
            tcses,
            kicked: vec![false; threads],
            concluded: 0,
            withdrawn: vec![0; tcses],
        };
        let valid = (0..tcses).map(Cell::Validity);
        for cell in valid.chain([Cell::Epoch]) {
            shared.store(threads, cell, Word::Number(1));
            shared.memory.drain(threads);
        }
        let threads = (0..threads).map(|number| Thread::new(number, number % tcses, rounds)).collect();
        let supervisor = Supervisor::new(&setup);
        Self { setup: setup.into(), shared, threads, supervisor }
    }

    /// A thread that stays where it should not be.
    fn overstayer(&self) -> Option<String> {
        let inside = self.threads.iter().filter_map(|thread| Some((thread.number, thread.inside()?)));
        inside.into_iter().find_map(|(number, slot)| {
            let Slot { tcs, generation, epoch } = slot;
            let from =
                format!("thread {number} is inside, on TCS {tcs} of generation {generation}, epoch {epoch}");
            if epoch < self.shared.concluded {
                let concluded = self.shared.concluded;
                Some(format!(
                    "ETRACK has concluded that nobody is left from before epoch {concluded}; {from}"
                ))
            } else if generation <= self.shared.withdrawn[tcs] {
                Some(format!("the TCS has been withdrawn; {from}"))
            } else {
                None
            }
        })
    }

    /// Two threads on one TCS.
    fn crowd(&self) -> Option<String> {
        (0..self.setup.tcses).find_map(|tcs| {
            let on = |thread: &&Thread| thread.inside().is_some_and(|slot| slot.tcs == tcs);
            (self.threads.iter().filter(on).count() > 1)
                .then(|| format!("two threads are inside on TCS {tcs}"))
        })
    }

    /// What is taken although nobody is there.
    fn litter(&self) -> Option<String> {
        if !self.steps().is_empty() {
            return None;
        }
        let outside = self.threads.iter().filter(|thread| thread.inside().is_none());
        outside.into_iter().find_map(|thread| {
            let number = thread.number;
            let slot = self.shared.memory.settled(self.shared.cell(Cell::Slot(number)));
            let state = self.shared.memory.settled(self.shared.cell(Cell::State(thread.tcs)));
            if slot != Word::Empty {
                Some(format!("thread {number} is outside, and its slot is taken"))
            } else if state == thread.mark() {
                Some(format!("thread {number} is outside, and its TCS is active"))
            } else {
                None
            }
        })
    }
}

impl Model for EntryProtocol {
    type Step = Step;
    type Key = (Shared, Vec<Thread>, Supervisor);

    fn steps(&self) -> Vec<Step> {
        let supervisor = self.threads.len();
        let ready = self.threads.iter().filter(|thread| thread.is_ready(&self.shared, &self.setup));
        let mut steps: Vec<_> = ready.map(|thread| Step::Execute(thread.number)).collect();
        if self.supervisor.is_ready(&self.shared) {
            steps.push(Step::Execute(supervisor));
        }
        let full = (0..=supervisor).filter(|processor| !self.shared.memory.is_drained(*processor));
        steps.extend(full.map(Step::Drain));
        if self.setup.mortal && self.threads[0].is_alive() {
            steps.push(Step::Kill);
        }
        steps
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Drain(processor) => self.shared.memory.drain(processor),
            Step::Kill => self.threads[0].kill(&mut self.shared, self.setup.fault),
            Step::Execute(processor) => match self.threads.get_mut(processor) {
                Some(thread) => thread.execute(&mut self.shared, &self.setup),
                None => self.supervisor.execute(&mut self.shared, &self.setup),
            },
        }
    }

    fn key(&self) -> Self::Key {
        (self.shared.clone(), self.threads.clone(), self.supervisor.clone())
    }

    fn violation(&self) -> Option<String> {
        self.overstayer().or_else(|| self.crowd()).or_else(|| self.litter())
    }

    fn finished(&self) -> bool {
        self.supervisor.is_done()
    }

    fn actors(&self) -> Vec<String> {
        let threads = (0..self.threads.len()).map(|number| format!("thread {number}"));
        threads.chain(["supervisor".to_owned()]).collect()
    }

    fn tell(before: &Self, step: Step, after: &Self) -> Line {
        match step {
            Step::Drain(processor) => {
                let oldest = before.shared.memory.oldest(processor);
                let text = oldest.map_or_else(String::new, |(at, word)| before.describe(at, word));
                Line::new(processor, format!("({text} is seen)"))
            }
            Step::Kill => Line::new(0, "is killed"),
            Step::Execute(processor) => {
                let text = match (before.threads.get(processor), after.threads.get(processor)) {
                    (Some(before), Some(after)) => Thread::tell(before, after),
                    _ => Supervisor::tell(&before.supervisor, &after.shared),
                };
                Line::new(processor, text)
            }
        }
    }
}

impl EntryProtocol {
    fn describe(&self, at: usize, word: Word) -> String {
        let (threads, tcses) = (self.threads.len(), self.setup.tcses);
        let cells = [Cell::Epoch]
            .into_iter()
            .chain((0..tcses).flat_map(|tcs| [Cell::Validity(tcs), Cell::State(tcs)]));
        let cell = cells.chain((0..threads).map(Cell::Slot)).find(|cell| self.shared.cell(*cell) == at);
        match (cell, word) {
            (Some(Cell::Epoch), word) => format!("epoch := {}", word.number()),
            (Some(Cell::Validity(tcs)), word) => format!("validity of TCS {tcs} := {}", word.number()),
            (Some(Cell::State(tcs)), word) => format!("STATE of TCS {tcs} := {}", word.number()),
            (_, Word::Slot(slot)) => format!("slot := {slot}"),
            (_, Word::Number(_) | Word::Empty) => "slot := empty".to_owned(),
        }
    }
}

impl std::fmt::Display for Slot {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{{TCS {} of generation {}, epoch {}}}", self.tcs, self.generation, self.epoch)
    }
}
