//! The processor below the schedules.

use std::hash::Hash;

use anyclave_arch::SgxError;

/// What a leaf came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// It did what it is for.
    Done,
    /// It completed with this code in RAX.
    Code(SgxError),
    /// It raised an exception.
    Fault,
}

/// What the EPCM says of the page in a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Entry {
    /// VALID.
    pub valid: bool,
    /// W.
    pub writable: bool,
    /// BLOCKED.
    pub blocked: bool,
    /// PR.
    pub pr: bool,
    /// MODIFIED.
    pub modified: bool,
    /// The page type is TRIM.
    pub trim: bool,
}

impl Entry {
    /// Whether a translation to the page can be made, for writing.
    #[must_use]
    pub const fn fills(&self) -> bool {
        self.valid && self.writable && !self.blocked && !self.modified && !self.trim
    }
}

/// What EACCEPT is asked to accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Acceptance {
    /// That the page can only be read: after EMODPR.
    ReadOnly,
    /// That the page is given up: after EMODT to TRIM.
    Trim,
}

/// A processor with one initialised enclave, with a TCS for each thread and one data page, and with [`FRAMES`] EPC
/// pages in which the data page may lie. It begins in frame 0, readable, writable and zero.
pub trait Leaves: Clone {
    /// All that decides the answers to come.
    type Key: Eq + Hash;

    /// EENTER, or ERESUME after an asynchronous exit.
    fn enter(&mut self, thread: usize) -> Answer;
    /// EEXIT.
    fn exit(&mut self, thread: usize) -> Answer;
    /// An asynchronous exit.
    fn aex(&mut self, thread: usize);
    /// EBLOCK of the page in a frame.
    fn eblock(&mut self, frame: usize) -> Answer;
    /// ETRACK of the enclave.
    fn etrack(&mut self) -> Answer;
    /// EWB of the data page, out of a frame.
    fn ewb(&mut self, frame: usize) -> Answer;
    /// ELDU of the data page, into a free frame.
    fn eldu(&mut self, frame: usize) -> Answer;
    /// EMODPR of the page in a frame, to read-only.
    fn emodpr(&mut self, frame: usize) -> Answer;
    /// EMODT of the page in a frame, to TRIM.
    fn emodt(&mut self, frame: usize) -> Answer;
    /// EACCEPT of the data page, by a thread that is inside.
    fn eaccept(&mut self, thread: usize, what: Acceptance) -> Answer;
    /// EREMOVE of the page in a frame.
    fn eremove(&mut self, frame: usize) -> Answer;

    /// The EPCM entry of a frame.
    fn entry(&self, frame: usize) -> Entry;
    /// The data page's content, as the processor would read it for EWB.
    fn load(&self, frame: usize) -> u8;
    /// A program's store, through a translation to the frame. In a home: false if there is a hole.
    fn store(&mut self, frame: usize, value: u8) -> bool;
    /// A page that has left its home is still there for those who can reach it: the host has copied it, but it has
    /// not punched the hole yet.
    fn lingers(&self) -> bool;
    /// Punches the hole.
    fn punch(&mut self);
    /// The state.
    fn key(&self) -> Self::Key;
}

/// EPC pages in which the data page may lie.
pub const FRAMES: usize = 2;
