//! A thread that enters and leaves, one memory access at a time.

use super::{Cell, Fault, Setup, Shared, Slot, Word};

/// A thread.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Thread {
    pub(super) number: usize,
    pub(super) tcs: usize,
    /// Entries it will still try.
    rounds: u8,
    at: Point,
    /// Slot to be written: validity and epoch as they were first read.
    seen: Slot,
}

/// Its next instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Point {
    /// LOCK CMPXCHG on STATE.
    Take,
    /// The second half of a take that is not one instruction.
    TakeLate,
    ReadValidity,
    ReadEpoch,
    WriteSlot,
    Fence,
    RereadValidity,
    RereadEpoch,
    /// In enclave code; the next step leaves.
    Inside,
    ClearSlot,
    /// `traps`: the entry has been undone.
    FreeTcs {
        traps: bool,
    },
    Dead,
}

impl Thread {
    pub(super) const fn new(number: usize, tcs: usize, rounds: u8) -> Self {
        Self { number, tcs, rounds, at: Point::Take, seen: Slot { tcs, generation: 0, epoch: 0 } }
    }

    /// What STATE holds while it is this thread's.
    pub(super) fn mark(&self) -> Word {
        Word::Number(u8::try_from(self.number + 1).unwrap_or(u8::MAX))
    }

    /// The slot it entered with, if it is in enclave code.
    pub(super) fn inside(&self) -> Option<Slot> {
        (self.at == Point::Inside).then_some(self.seen)
    }

    pub(super) fn is_alive(&self) -> bool {
        self.at != Point::Dead && (self.at != Point::Take || self.rounds > 0)
    }

    /// Whether it can execute. A thread whose rounds are over stays inside until it is kicked.
    pub(super) fn is_ready(&self, shared: &Shared, setup: &Setup) -> bool {
        match self.at {
            Point::Dead => false,
            Point::Take if self.rounds == 0 => false,
            Point::Take if setup.fault == Some(Fault::StateNotExchanged) => true,
            Point::Take | Point::Fence => shared.memory.is_drained(self.number),
            Point::Inside => self.rounds > 0 || shared.kicked[self.number],
            _ => true,
        }
    }

    pub(super) fn execute(&mut self, shared: &mut Shared, setup: &Setup) {
        let me = self.number;
        self.at = match self.at {
            Point::Take => {
                self.rounds -= 1;
                self.take(shared, setup)
            }
            Point::TakeLate => {
                shared.store(me, Cell::State(self.tcs), self.mark());
                Point::ReadValidity
            }
            Point::ReadValidity => {
                self.seen.generation = shared.load(me, Cell::Validity(self.tcs)).number();
                if self.seen.generation == 0 { Point::FreeTcs { traps: true } } else { Point::ReadEpoch }
            }
            Point::ReadEpoch => {
                self.seen.epoch = shared.load(me, Cell::Epoch).number();
                Point::WriteSlot
            }
            Point::WriteSlot => {
                shared.store(me, Cell::Slot(me), Word::Slot(self.seen));
                match setup.fault {
                    Some(Fault::EntryWithoutFence) => Point::RereadValidity,
                    Some(Fault::NoRecheckAfterSlot) => Point::Inside,
                    _ => Point::Fence,
                }
            }
            Point::Fence => Point::RereadValidity,
            Point::RereadValidity => {
                let now = shared.load(me, Cell::Validity(self.tcs)).number();
                let same = match setup.fault {
                    Some(Fault::NoGeneration) => now != 0,
                    _ => now == self.seen.generation,
                };
                match setup.fault {
                    _ if !same => Point::ClearSlot,
                    Some(Fault::EpochNotRechecked) => Point::Inside,
                    _ => Point::RereadEpoch,
                }
            }
            Point::RereadEpoch => {
                let same = shared.load(me, Cell::Epoch).number() == self.seen.epoch;
                if same { Point::Inside } else { Point::ClearSlot }
            }
            Point::Inside | Point::ClearSlot => {
                let traps = self.at == Point::ClearSlot;
                shared.store(me, Cell::Slot(me), Word::Empty);
                Point::FreeTcs { traps }
            }
            Point::FreeTcs { .. } => {
                shared.store(me, Cell::State(self.tcs), Word::Empty);
                shared.kicked[me] = false;
                Point::Take
            }
            Point::Dead => Point::Dead,
        };
    }

    /// Takes STATE, or finds it taken.
    fn take(&self, shared: &mut Shared, setup: &Setup) -> Point {
        let state = Cell::State(self.tcs);
        if setup.fault == Some(Fault::StateNotExchanged) {
            let free = shared.load(self.number, state) == Word::Empty;
            return if free { Point::TakeLate } else { Point::Take };
        }
        let at = shared.cell(state);
        let taken = shared.memory.exchange(self.number, at, Word::Empty, self.mark());
        if taken { Point::ReadValidity } else { Point::Take }
    }

    /// It dies where it stands: what it has stored is seen, and the supervisor frees what was its own.
    pub(super) fn kill(&mut self, shared: &mut Shared, fault: Option<Fault>) {
        let me = self.number;
        while !shared.memory.is_drained(me) {
            shared.memory.drain(me);
        }
        if fault != Some(Fault::DeadSlotLeft) {
            let (slot, state) = (shared.cell(Cell::Slot(me)), shared.cell(Cell::State(self.tcs)));
            let written = shared.memory.settled(slot);
            shared.memory.exchange(me, slot, written, Word::Empty);
            shared.memory.exchange(me, state, self.mark(), Word::Empty);
        }
        shared.kicked[me] = false;
        self.at = Point::Dead;
    }

    /// The step that leads from one state to the next, in words.
    pub(super) fn tell(before: &Self, after: &Self) -> String {
        let Self { at, tcs, seen, .. } = after;
        let again = |same: bool| if same { "reads it again: the same" } else { "reads it again: changed" };
        match before.at {
            Point::Take if *at == Point::Take => format!("TCS {tcs} is taken"),
            Point::Take if *at == Point::TakeLate => format!("sees that TCS {tcs} is free"),
            Point::Take | Point::TakeLate => format!("takes TCS {tcs}"),
            Point::ReadValidity => format!("reads validity {}", seen.generation),
            Point::ReadEpoch => format!("reads epoch {}", seen.epoch),
            Point::WriteSlot if *at == Point::Inside => format!("writes slot {seen}, is inside"),
            Point::WriteSlot => format!("writes slot {seen}"),
            Point::Fence => "fence".to_owned(),
            Point::RereadValidity if *at == Point::Inside => "validity: the same; is inside".to_owned(),
            Point::RereadValidity => format!("validity: {}", again(*at != Point::ClearSlot)),
            Point::RereadEpoch if *at == Point::Inside => "epoch: the same; is inside".to_owned(),
            Point::RereadEpoch => format!("epoch: {}", again(false)),
            Point::Inside => "leaves, clears its slot".to_owned(),
            Point::ClearSlot => "clears its slot".to_owned(),
            Point::FreeTcs { traps: true } => format!("frees TCS {tcs}, traps"),
            Point::FreeTcs { traps: false } => format!("frees TCS {tcs}"),
            Point::Dead => String::new(),
        }
    }
}
