//! The sketch and the whole processor side by side: every answer must be the same.

use std::fmt::Debug;

use super::Venue;
use super::leaves::{Acceptance, Answer, Entry, FRAMES, Leaves};
use super::sketch::Sketch;
use super::whole::Whole;

/// Both processors, each in its own memory.
#[derive(Clone, Debug)]
pub struct Both {
    sketch: Sketch,
    whole: Whole,
}

impl Both {
    /// As [`Leaves`] has it.
    #[must_use]
    pub fn new(threads: usize, venue: Venue) -> Self {
        Self { sketch: Sketch::new(threads, venue, None), whole: Whole::new(threads, venue) }
    }

    /// Executes a leaf on both.
    fn answer(
        &mut self,
        leaf: &str,
        sketch: impl FnOnce(&mut Sketch) -> Answer,
        whole: impl FnOnce(&mut Whole) -> Answer,
    ) -> Answer {
        let answer = same(leaf, sketch(&mut self.sketch), whole(&mut self.whole));
        for frame in 0..FRAMES {
            same(leaf, self.sketch.entry(frame), self.whole.entry(frame));
        }
        answer
    }
}

fn same<T: PartialEq + Debug>(what: &str, sketch: T, whole: T) -> T {
    assert_eq!(sketch, whole, "{what}: the sketch, and the whole processor");
    whole
}

impl Leaves for Both {
    type Key = (Sketch, <Whole as Leaves>::Key);

    fn enter(&mut self, thread: usize) -> Answer {
        self.answer("entry", |sketch| sketch.enter(thread), |whole| whole.enter(thread))
    }

    fn exit(&mut self, thread: usize) -> Answer {
        self.answer("EEXIT", |sketch| sketch.exit(thread), |whole| whole.exit(thread))
    }

    fn aex(&mut self, thread: usize) {
        self.sketch.aex(thread);
        self.whole.aex(thread);
    }

    fn eblock(&mut self, frame: usize) -> Answer {
        self.answer("EBLOCK", |sketch| sketch.eblock(frame), |whole| whole.eblock(frame))
    }

    fn etrack(&mut self) -> Answer {
        self.answer("ETRACK", Sketch::etrack, Whole::etrack)
    }

    fn ewb(&mut self, frame: usize) -> Answer {
        self.answer("EWB", |sketch| sketch.ewb(frame), |whole| whole.ewb(frame))
    }

    fn eldu(&mut self, frame: usize) -> Answer {
        self.answer("ELDU", |sketch| sketch.eldu(frame), |whole| whole.eldu(frame))
    }

    fn emodpr(&mut self, frame: usize) -> Answer {
        self.answer("EMODPR", |sketch| sketch.emodpr(frame), |whole| whole.emodpr(frame))
    }

    fn emodt(&mut self, frame: usize) -> Answer {
        self.answer("EMODT", |sketch| sketch.emodt(frame), |whole| whole.emodt(frame))
    }

    fn eaccept(&mut self, thread: usize, what: Acceptance) -> Answer {
        self.answer("EACCEPT", |sketch| sketch.eaccept(thread, what), |whole| whole.eaccept(thread, what))
    }

    fn eremove(&mut self, frame: usize) -> Answer {
        self.answer("EREMOVE", |sketch| sketch.eremove(frame), |whole| whole.eremove(frame))
    }

    fn entry(&self, frame: usize) -> Entry {
        self.whole.entry(frame)
    }

    fn load(&self, frame: usize) -> u8 {
        same("the page", self.sketch.load(frame), self.whole.load(frame))
    }

    fn store(&mut self, frame: usize, value: u8) -> bool {
        same("a store", self.sketch.store(frame, value), self.whole.store(frame, value))
    }

    fn lingers(&self) -> bool {
        same("the hole", self.sketch.lingers(), self.whole.lingers())
    }

    fn punch(&mut self) {
        self.sketch.punch();
        self.whole.punch();
    }

    fn key(&self) -> Self::Key {
        (self.sketch.key(), self.whole.key())
    }
}
