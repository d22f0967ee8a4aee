//! The processor in a few numbers: what the leaves do to EPCM and epochs, without a page or a register. Epochs and
//! slots are the processor's own.

use anyclave_arch::SgxError;
use anyclave_cpu::{Slot, Slots};

use super::leaves::{Acceptance, Answer, Entry, FRAMES, Leaves};
use super::{Venue, Weakness};

/// The enclave's.
const EID: u64 = 1;

/// A processor that is small enough to be explored in far more states than the whole one. That it answers as the
/// whole one does is asserted by running both side by side.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sketch {
    venue: Venue,
    weakness: Option<Weakness>,
    epoch: u64,
    /// The slot of each thread that is inside.
    inside: Vec<Option<Slot>>,
    frames: [Frame; FRAMES],
    /// What EWB has written.
    blob: Option<u8>,
    /// The page in its enclave's home.
    home: Option<u8>,
    lingers: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Frame {
    entry: Entry,
    /// The epoch of the last EBLOCK, EMODPR or EMODT.
    mark: Option<u64>,
    content: u8,
}

impl Sketch {
    /// As [`Leaves`] has it.
    #[must_use]
    pub fn new(threads: usize, venue: Venue, weakness: Option<Weakness>) -> Self {
        let mut frames = [Frame::default(); FRAMES];
        frames[0].entry = Entry { valid: true, writable: true, ..Entry::default() };
        let home = (venue == Venue::Homes).then_some(0);
        let inside = vec![None; threads];
        Self { venue, weakness, epoch: 0, inside, frames, blob: None, home, lingers: false }
    }

    /// Who is inside. States are the same whatever the order in which threads came.
    fn slots(&self) -> Slots {
        let mut slots = Slots::default();
        for slot in self.inside.iter().flatten() {
            slots.enter(*slot);
        }
        slots
    }

    /// Whether everybody has left who was inside at the page's last EBLOCK, EMODPR or EMODT.
    fn tracked(&self, frame: usize) -> bool {
        self.frames[frame].mark.is_none_or(|mark| self.slots().is_tracked(EID, self.epoch, mark))
    }

    /// Changes the entry, marks it, and takes the page out of its home if it is out of reach now.
    fn modify(&mut self, frame: usize, change: impl FnOnce(&mut Entry)) -> Answer {
        let was = self.frames[frame].entry;
        change(&mut self.frames[frame].entry);
        self.frames[frame].mark = Some(self.epoch);
        let entry = self.frames[frame].entry;
        let reachable = |entry: Entry| entry.valid && !entry.blocked && !entry.modified && !entry.trim;
        if self.venue == Venue::Homes && reachable(was) && !reachable(entry) {
            self.frames[frame].content = self.home.unwrap_or(0);
            self.lingers = true;
        }
        Answer::Done
    }
}

impl Leaves for Sketch {
    type Key = Self;

    fn enter(&mut self, thread: usize) -> Answer {
        self.inside[thread] = Some(Slot { eid: EID, epoch: self.epoch });
        Answer::Done
    }

    fn exit(&mut self, thread: usize) -> Answer {
        self.inside[thread] = None;
        Answer::Done
    }

    fn aex(&mut self, thread: usize) {
        self.inside[thread] = None;
    }

    fn eblock(&mut self, frame: usize) -> Answer {
        match self.frames[frame].entry {
            Entry { valid: false, .. } => Answer::Code(SgxError::PgInvld),
            Entry { blocked: true, .. } => Answer::Code(SgxError::Blkstate),
            _ => self.modify(frame, |entry| entry.blocked = true),
        }
    }

    fn etrack(&mut self) -> Answer {
        if self.slots().entered_before(EID, self.epoch) > 0 {
            return Answer::Code(SgxError::PrevTrkIncmpl);
        }
        self.epoch += 1;
        Answer::Done
    }

    fn ewb(&mut self, frame: usize) -> Answer {
        let Frame { entry, content, .. } = self.frames[frame];
        if !entry.valid {
            return Answer::Fault;
        }
        if !entry.blocked {
            return Answer::Code(SgxError::PageNotBlocked);
        }
        if !self.tracked(frame) && self.weakness != Some(Weakness::EwbIgnoresTracking) {
            return Answer::Code(SgxError::NotTracked);
        }
        self.blob = Some(content);
        self.frames[frame] = Frame::default();
        Answer::Done
    }

    fn eldu(&mut self, frame: usize) -> Answer {
        if self.frames[frame].entry.valid {
            return Answer::Fault;
        }
        let Some(content) = self.blob.take() else { return Answer::Code(SgxError::MacCompareFail) };
        let entry = Entry { valid: true, writable: true, ..Entry::default() };
        self.frames[frame] = Frame { entry, mark: None, content };
        if self.venue == Venue::Homes {
            self.home = Some(content);
        }
        Answer::Done
    }

    fn emodpr(&mut self, frame: usize) -> Answer {
        match self.frames[frame].entry {
            Entry { valid: false, .. } => Answer::Fault,
            Entry { modified: true, .. } => Answer::Code(SgxError::PageNotModifiable),
            Entry { trim: true, .. } => Answer::Fault,
            _ => self.modify(frame, |entry| {
                entry.writable = false;
                entry.pr = true;
            }),
        }
    }

    fn emodt(&mut self, frame: usize) -> Answer {
        match self.frames[frame].entry {
            Entry { valid: false, .. } | Entry { trim: true, .. } => Answer::Fault,
            Entry { modified: true, .. } => Answer::Code(SgxError::PageNotModifiable),
            _ => self.modify(frame, |entry| {
                *entry = Entry {
                    valid: true,
                    modified: true,
                    trim: true,
                    blocked: entry.blocked,
                    ..Entry::default()
                };
            }),
        }
    }

    fn eaccept(&mut self, _: usize, what: Acceptance) -> Answer {
        let resident = (0..FRAMES).find(|frame| self.frames[*frame].entry.valid);
        let Some(frame) = resident.filter(|frame| !self.frames[*frame].entry.blocked) else {
            return Answer::Fault;
        };
        let entry = &self.frames[frame].entry;
        let matches = match what {
            Acceptance::ReadOnly => !entry.writable && !entry.modified && !entry.trim,
            Acceptance::Trim => entry.trim && entry.modified,
        };
        if !matches {
            return Answer::Code(SgxError::PageAttributesMismatch);
        }
        if !self.tracked(frame) && self.weakness != Some(Weakness::EacceptIgnoresTracking) {
            return Answer::Code(SgxError::NotTracked);
        }
        let entry = &mut self.frames[frame].entry;
        (entry.pr, entry.modified) = (false, false);
        Answer::Done
    }

    fn eremove(&mut self, frame: usize) -> Answer {
        let entry = self.frames[frame].entry;
        let active = self.slots().inside(EID) > 0;
        let given_up = entry.trim && !entry.modified;
        if entry.valid && !given_up && active && self.weakness != Some(Weakness::EremoveIgnoresThreads) {
            return Answer::Code(SgxError::EnclaveAct);
        }
        self.frames[frame] = Frame::default();
        Answer::Done
    }

    fn entry(&self, frame: usize) -> Entry {
        self.frames[frame].entry
    }

    fn load(&self, frame: usize) -> u8 {
        let Entry { blocked, modified, trim, .. } = self.frames[frame].entry;
        match self.home {
            Some(content) if !(blocked || modified || trim) => content,
            _ => self.frames[frame].content,
        }
    }

    fn store(&mut self, frame: usize, value: u8) -> bool {
        match (self.venue, &mut self.home) {
            (Venue::Silicon, _) => self.frames[frame].content = value,
            (Venue::Homes, Some(content)) => *content = value,
            (Venue::Homes, None) => return false,
        }
        true
    }

    fn lingers(&self) -> bool {
        self.lingers
    }

    fn punch(&mut self) {
        self.home = None;
        self.lingers = false;
    }

    fn key(&self) -> Self {
        self.clone()
    }
}
