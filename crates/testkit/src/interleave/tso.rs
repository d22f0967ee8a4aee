//! Memory as x86 processors share it: total store order.
//!
//! A store goes into a buffer of its processor, first in, first out, and reaches memory at any later moment. A load
//! sees the processor's own newest buffered store, else memory. So the one thing that can be seen out of order is a
//! store behind a later load, which is what a full fence is for: it waits until the buffer is empty, and so does a
//! locked instruction. This is the whole of the model (Owens, Sarkar and Sewell, "A better x86 memory model:
//! x86-TSO").

use std::collections::VecDeque;

/// Cells of `T`, and a store buffer for each processor.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Memory<T> {
    cells: Vec<T>,
    buffers: Vec<VecDeque<(usize, T)>>,
}

impl<T: Copy + PartialEq> Memory<T> {
    /// All cells hold `value`, all buffers are empty.
    pub fn new(cells: usize, processors: usize, value: T) -> Self {
        Self { cells: vec![value; cells], buffers: vec![VecDeque::new(); processors] }
    }

    /// What a processor's load sees.
    pub fn load(&self, processor: usize, cell: usize) -> T {
        let newest = self.buffers[processor].iter().rev().find(|(at, _)| *at == cell);
        newest.map_or(self.cells[cell], |(_, value)| *value)
    }

    /// An ordinary store: into the buffer.
    pub fn store(&mut self, processor: usize, cell: usize, value: T) {
        self.buffers[processor].push_back((cell, value));
    }

    /// Whether the buffer is empty, so that a fence or a locked instruction can complete.
    pub fn is_drained(&self, processor: usize) -> bool {
        self.buffers[processor].is_empty()
    }

    /// The oldest buffered store reaches memory.
    pub fn drain(&mut self, processor: usize) {
        if let Some((cell, value)) = self.buffers[processor].pop_front() {
            self.cells[cell] = value;
        }
    }

    /// The store that [`Memory::drain`] would make.
    pub fn oldest(&self, processor: usize) -> Option<(usize, T)> {
        self.buffers[processor].front().copied()
    }

    /// LOCK CMPXCHG; whether it has exchanged. Only with an empty buffer.
    pub fn exchange(&mut self, processor: usize, cell: usize, from: T, to: T) -> bool {
        assert!(self.is_drained(processor), "a locked instruction waits for the buffer");
        let equal = self.cells[cell] == from;
        if equal {
            self.cells[cell] = to;
        }
        equal
    }

    /// What is in memory, whatever the buffers hold.
    pub fn settled(&self, cell: usize) -> T {
        self.cells[cell]
    }
}

#[cfg(test)]
mod tests {
    use super::super::enumerator::{Census, Model, explore};
    use super::super::trace::Line;
    use super::*;

    /// Two processors that each store to their own cell and load the other's, with or without a fence between.
    #[derive(Clone)]
    struct Dekker {
        memory: Memory<u8>,
        fenced: bool,
        /// Instructions executed, and what the load saw.
        each: [(u8, Option<u8>); 2],
    }

    impl Model for Dekker {
        type Step = (usize, bool);
        type Key = (Memory<u8>, [(u8, Option<u8>); 2]);

        fn steps(&self) -> Vec<(usize, bool)> {
            let ready = |at: &usize| match self.each[*at].0 {
                0 | 2 => true,
                1 => !self.fenced || self.memory.is_drained(*at),
                _ => false,
            };
            let executing = (0..2).filter(ready).map(|at| (at, true));
            executing.chain((0..2).filter(|at| !self.memory.is_drained(*at)).map(|at| (at, false))).collect()
        }

        fn take(&mut self, (at, executes): (usize, bool)) {
            if !executes {
                return self.memory.drain(at);
            }
            match self.each[at].0 {
                0 => self.memory.store(at, at, 1),
                2 => self.each[at].1 = Some(self.memory.load(at, 1 - at)),
                _ => {}
            }
            self.each[at].0 += 1;
        }

        fn key(&self) -> Self::Key {
            (self.memory.clone(), self.each)
        }

        fn violation(&self) -> Option<String> {
            (self.each == [(3, Some(0)); 2]).then(|| "neither has seen the other".to_owned())
        }

        fn finished(&self) -> bool {
            true
        }

        fn actors(&self) -> Vec<String> {
            vec!["first".to_owned(), "second".to_owned()]
        }

        fn tell(_: &Self, (at, executes): (usize, bool), _: &Self) -> Line {
            Line::new(at, if executes { "executes" } else { "drains" })
        }
    }

    fn dekker(fenced: bool) -> Dekker {
        Dekker { memory: Memory::new(2, 2, 0), fenced, each: [(0, None); 2] }
    }

    #[test]
    fn without_a_fence_two_processors_can_miss_each_other() {
        let found = explore(&dekker(false), 1000).unwrap_err();
        assert_eq!(found.violation, "neither has seen the other");
        // store, nothing, load: both, and nothing has reached memory
        assert_eq!(found.lines.len(), 6);
    }

    #[test]
    fn with_a_fence_one_always_sees_the_other() {
        // four steps each, in any order
        assert!(matches!(explore(&dekker(true), 1000), Ok(Census { schedules: 70, longest: 8, .. })));
    }

    #[test]
    fn a_processor_sees_its_own_stores_at_once_and_others_in_order() {
        let mut memory = Memory::new(2, 2, 0);
        memory.store(0, 0, 1);
        memory.store(0, 0, 2);
        memory.store(0, 1, 3);
        assert_eq!((memory.load(0, 0), memory.load(1, 0)), (2, 0));
        memory.drain(0);
        assert_eq!((memory.load(0, 0), memory.load(1, 0), memory.load(1, 1)), (2, 1, 0));
        memory.drain(0);
        memory.drain(0);
        assert_eq!((memory.load(1, 0), memory.load(1, 1), memory.is_drained(0)), (2, 3, true));
    }
}
