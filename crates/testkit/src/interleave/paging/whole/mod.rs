//! The whole processor: every leaf with all its checks, pages of 4096 bytes, encryption.

mod build;
mod frames;
mod tables;

use anyclave_arch::{Encls, Enclu, EpcAddr, Linear, PageInfo, PageType, SgxError};
use anyclave_cpu::{Completion, EnclsRegisters, Event, Fault, Package, Processor, Slot, State};
use zerocopy::IntoBytes;

use super::Venue;
use super::leaves::{Acceptance, Answer, Entry, FRAMES, Leaves};
use crate::entropy::Seeded;
use frames::SharedFrames;
use tables::{Operand, Tables};

/// A package, a logical processor for each thread, and the memory around them.
#[derive(Clone, Debug)]
pub struct Whole {
    package: Package<SharedFrames, Seeded>,
    /// The processor on which the kernel executes ENCLS.
    kernel: Processor,
    threads: Vec<Thread>,
    tables: Tables,
}

#[derive(Clone, Debug)]
struct Thread {
    processor: Processor,
    state: State,
    /// It left by an asynchronous exit.
    interrupted: bool,
}

/// The EPC pages, by number.
#[derive(Clone, Copy, Debug)]
enum Page {
    Secs,
    /// The version array.
    Va,
    /// A frame for the data page.
    Frame(usize),
    /// A page of the enclave with what EACCEPT is asked.
    Requests,
    Tcs(usize),
    Ssa(usize),
}

/// What the enclave's thread executes outside and inside, and where it goes.
const OUTSIDE: u64 = 0x40_1000;
const AEP: u64 = 0x40_2000;
/// Bytes of ENCLU.
const ENCLU: u64 = 3;
/// Offset of the second request in [`Page::Requests`].
const SECOND_REQUEST: u64 = 64;

impl Page {
    const fn number(self) -> usize {
        match self {
            Self::Secs => 0,
            Self::Va => 1,
            Self::Frame(frame) => 2 + frame,
            Self::Requests => 2 + FRAMES,
            Self::Tcs(thread) => 3 + FRAMES + 2 * thread,
            Self::Ssa(thread) => 4 + FRAMES + 2 * thread,
        }
    }

    /// Its place in the EPC.
    fn epc(self) -> EpcAddr {
        EpcAddr(build::EPC_BASE + 4096 * self.number() as u64)
    }

    /// Its place in the enclave, if it has one: the data page first, the others behind it.
    const fn offset(self) -> Option<u64> {
        match self {
            Self::Secs | Self::Va => None,
            Self::Frame(_) => Some(0),
            _ => Some(4096 * (self.number() - Self::Requests.number() + 1) as u64),
        }
    }

    fn linear(self) -> Linear {
        Linear(crate::enclave::BASE).offset(self.offset().unwrap_or(0))
    }
}

impl Whole {
    fn encls(&mut self, leaf: Encls, [rbx, rcx, rdx]: [Linear; 3]) -> Answer {
        let mut registers =
            EnclsRegisters { rax: leaf as u64, rbx: rbx.0, rcx: rcx.0, rdx: rdx.0, rflags: 0 };
        let outcome = self.package.encls(&mut self.kernel, &mut self.tables, &mut registers);
        answer(outcome, registers.rax)
    }

    /// A leaf whose only operand is a page.
    fn on_page(&mut self, leaf: Encls, page: Page) -> Answer {
        self.encls(leaf, [Linear(0), tables::direct(page.epc()), Linear(0)])
    }

    /// EWB or ELDU.
    fn transfer(&mut self, leaf: Encls, frame: usize, linaddr: Linear, secs: Linear) -> Answer {
        let pageinfo = PageInfo {
            linaddr: linaddr.0.into(),
            srcpge: Operand::Source.at().0.into(),
            secinfo: Operand::Pcmd.at().0.into(),
            secs: secs.0.into(),
        };
        self.tables.put(Operand::PageInfo, pageinfo.as_bytes());
        let slot = tables::direct(Page::Va.epc());
        self.encls(leaf, [Operand::PageInfo.at(), tables::direct(Page::Frame(frame).epc()), slot])
    }

    fn modify(&mut self, leaf: Encls, frame: usize, secinfo: &[u8]) -> Answer {
        self.tables.put(Operand::SecInfo, secinfo);
        self.encls(leaf, [Operand::SecInfo.at(), tables::direct(Page::Frame(frame).epc()), Linear(0)])
    }

    fn enclu(&mut self, thread: usize, leaf: Enclu, rbx: Linear, rcx: Linear) -> Answer {
        self.map();
        let Thread { processor, state, .. } = &mut self.threads[thread];
        state.gprs.rax = leaf as u64;
        (state.gprs.rbx, state.gprs.rcx) = (rbx.0, rcx.0);
        let outcome = self.package.enclu(processor, &mut self.tables, state, ENCLU);
        answer(outcome, state.gprs.rax)
    }

    /// The kernel maps the data page wherever it is.
    fn map(&mut self) {
        self.tables.data = (0..FRAMES).find(|frame| self.entry(*frame).valid);
    }
}

/// What software sees of an outcome.
fn answer(outcome: Result<Completion, Fault>, rax: u64) -> Answer {
    let code = || SgxError::ALL.into_iter().find(|error| u64::from(error.code()) == rax);
    match outcome {
        Ok(Completion::Done) => Answer::Done,
        Ok(Completion::Code(_)) => code().map_or(Answer::Fault, Answer::Code),
        Err(_) => Answer::Fault,
    }
}

/// What a [`Whole`] may come to differ in. Registers are not in it, and so not the SSA frames either: a program's
/// registers decide no answer, and each leaf gets its operands anew.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    entries: [(Entry, Option<u64>); FRAMES],
    frames: Vec<u64>,
    outside: Vec<u64>,
    /// For each thread the slot that it has, and whether it was interrupted.
    threads: Vec<(Option<Slot>, bool)>,
}

impl Leaves for Whole {
    type Key = Key;

    fn enter(&mut self, thread: usize) -> Answer {
        let leaf = if self.threads[thread].interrupted { Enclu::Eresume } else { Enclu::Eenter };
        let answer = self.enclu(thread, leaf, Page::Tcs(thread).linear(), Linear(AEP));
        self.threads[thread].interrupted &= answer != Answer::Done;
        answer
    }

    fn exit(&mut self, thread: usize) -> Answer {
        self.enclu(thread, Enclu::Eexit, Linear(OUTSIDE), Linear(0))
    }

    fn aex(&mut self, thread: usize) {
        let Thread { processor, state, interrupted } = &mut self.threads[thread];
        self.package.aex(processor, state, Event::INTERRUPT);
        *interrupted = true;
    }

    fn eblock(&mut self, frame: usize) -> Answer {
        self.on_page(Encls::Eblock, Page::Frame(frame))
    }

    fn etrack(&mut self) -> Answer {
        self.on_page(Encls::Etrack, Page::Secs)
    }

    fn ewb(&mut self, frame: usize) -> Answer {
        self.transfer(Encls::Ewb, frame, Linear(0), Linear(0))
    }

    fn eldu(&mut self, frame: usize) -> Answer {
        let secs = tables::direct(Page::Secs.epc());
        self.transfer(Encls::Eldu, frame, Page::Frame(frame).linear(), secs)
    }

    fn emodpr(&mut self, frame: usize) -> Answer {
        self.modify(Encls::Emodpr, frame, build::request(Acceptance::ReadOnly).as_bytes())
    }

    fn emodt(&mut self, frame: usize) -> Answer {
        self.modify(Encls::Emodt, frame, build::request(Acceptance::Trim).as_bytes())
    }

    fn eaccept(&mut self, thread: usize, what: Acceptance) -> Answer {
        let offset = match what {
            Acceptance::ReadOnly => 0,
            Acceptance::Trim => SECOND_REQUEST,
        };
        self.enclu(thread, Enclu::Eaccept, Page::Requests.linear().offset(offset), Page::Frame(0).linear())
    }

    fn eremove(&mut self, frame: usize) -> Answer {
        self.on_page(Encls::Eremove, Page::Frame(frame))
    }

    fn entry(&self, frame: usize) -> Entry {
        use anyclave_arch::SecInfoFlags;
        let entry = self.package.epcm_entry(Page::Frame(frame).epc());
        Entry {
            valid: entry.valid,
            writable: entry.rights.contains(SecInfoFlags::W),
            blocked: entry.blocked,
            pr: entry.pr,
            modified: entry.modified,
            trim: entry.page_type == PageType::Trim,
        }
    }

    fn load(&self, frame: usize) -> u8 {
        self.package.frames().first_byte(Page::Frame(frame).epc())
    }

    fn store(&mut self, frame: usize, value: u8) -> bool {
        self.package.frames_mut().store(Page::Frame(frame).epc(), value)
    }

    fn lingers(&self) -> bool {
        self.package.frames().lingers()
    }

    fn punch(&mut self) {
        self.package.frames_mut().punch();
    }

    fn key(&self) -> Key {
        let mark = |frame| self.package.epcm_entry(Page::Frame(frame).epc()).mark;
        let slot = |thread: &Thread| {
            thread.processor.mode.as_ref().and_then(|mode| self.package.slots().get(mode.slot))
        };
        let frames: Vec<_> = (0..self.threads.len()).map(|thread| Page::Ssa(thread).epc()).collect();
        Key {
            entries: core::array::from_fn(|frame| (self.entry(frame), mark(frame))),
            frames: self.package.frames().digests(|page| !frames.contains(&page)),
            outside: self.tables.digests(),
            threads: self.threads.iter().map(|thread| (slot(thread), thread.interrupted)).collect(),
        }
    }
}

impl Whole {
    /// As [`Leaves`] has it.
    ///
    /// # Panics
    /// The processor does not let the enclave be built.
    #[must_use]
    pub fn new(threads: usize, venue: Venue) -> Self {
        build::build(threads, venue)
    }
}
