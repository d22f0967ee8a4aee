//! What the leaves should answer, from who is inside since when: the meaning of tracking, without its counters.

use anyclave_arch::SgxError;

use super::{Acceptance, Answer, Entry, FRAMES, Leaves, Machine};

/// What an onlooker knows who sees everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ghost {
    /// The last value stored; each store's is one more.
    pub(super) stored: u8,
    /// ETRACKs that have succeeded.
    pub(super) etracks: u8,
    /// How many there had been at the last EBLOCK, EMODPR or EMODT of the page in each frame.
    marks: [Option<u8>; FRAMES],
    /// The page has been written out.
    pub(super) evicted: bool,
    /// What an EACCEPT has confirmed.
    pub(super) accepted: Option<Acceptance>,
    /// Answers are not judged, since the processor has a weakness: what it leads to is to be seen.
    pub(super) silent: bool,
}

impl Ghost {
    pub(super) const fn marked(&mut self, frame: usize) {
        self.marks[frame] = Some(self.etracks);
    }

    pub(super) const fn loaded(&mut self, frame: usize) {
        self.marks[frame] = None;
        self.evicted = false;
    }
}

impl<L: Leaves> Machine<L> {
    fn anybody(&self, entered: impl Fn(u8) -> bool) -> bool {
        self.threads.iter().any(|thread| thread.is_inside() && entered(thread.entered))
    }

    /// Whether there has been an ETRACK since the page was marked, and all who were inside at the first of them
    /// have left.
    fn tracked(&self, frame: usize) -> bool {
        let ghost = &self.ghost;
        ghost.marks[frame].is_none_or(|mark| ghost.etracks > mark && !self.anybody(|entered| entered <= mark))
    }

    pub(super) fn due_eblock(&self, frame: usize) -> Answer {
        let entry = self.leaves.entry(frame);
        match (entry.valid, entry.blocked) {
            (false, _) => Answer::Code(SgxError::PgInvld),
            (true, true) => Answer::Code(SgxError::Blkstate),
            (true, false) => Answer::Done,
        }
    }

    pub(super) fn due_etrack(&self) -> Answer {
        let previous = self.anybody(|entered| entered < self.ghost.etracks);
        if previous { Answer::Code(SgxError::PrevTrkIncmpl) } else { Answer::Done }
    }

    pub(super) fn due_ewb(&self, frame: usize) -> Answer {
        let entry = self.leaves.entry(frame);
        if !entry.valid {
            Answer::Fault
        } else if !entry.blocked {
            Answer::Code(SgxError::PageNotBlocked)
        } else if !self.tracked(frame) {
            Answer::Code(SgxError::NotTracked)
        } else {
            Answer::Done
        }
    }

    /// EMODPR looks at the state of a page before its type.
    pub(super) fn due_emodpr(&self, frame: usize) -> Answer {
        match self.leaves.entry(frame) {
            Entry { valid: false, .. } => Answer::Fault,
            Entry { modified: true, .. } => Answer::Code(SgxError::PageNotModifiable),
            Entry { trim: true, .. } => Answer::Fault,
            _ => Answer::Done,
        }
    }

    /// EMODT looks at its type first, and a page that is TRIM cannot become it.
    pub(super) fn due_emodt(&self, frame: usize) -> Answer {
        let Entry { valid, trim, .. } = self.leaves.entry(frame);
        if valid && !trim { Answer::Done } else { Answer::Fault }
    }

    pub(super) fn due_eaccept(&self, what: Acceptance) -> Answer {
        let Some(frame) = self.resident() else { return Answer::Fault };
        let entry = self.leaves.entry(frame);
        let matches = match what {
            Acceptance::ReadOnly => !entry.writable && !entry.trim,
            Acceptance::Trim => entry.trim && entry.modified,
        };
        if entry.blocked {
            Answer::Fault
        } else if !matches {
            Answer::Code(SgxError::PageAttributesMismatch)
        } else if !self.tracked(frame) {
            Answer::Code(SgxError::NotTracked)
        } else {
            Answer::Done
        }
    }

    pub(super) fn due_eremove(&self, frame: usize) -> Answer {
        let entry = self.leaves.entry(frame);
        let given_up = entry.trim && !entry.modified;
        let refused = entry.valid && !given_up && self.anybody(|_| true);
        if refused { Answer::Code(SgxError::EnclaveAct) } else { Answer::Done }
    }
}
