//! A case in a process: its enclaves, and what is where.

use std::collections::{BTreeMap, BTreeSet};

use anyclave_arch::{Enclu, Flags, PageType};
use anyclave_testkit::conformance::recording::{Enclave, Page, Recording};
use zerocopy::IntoBytes;

use super::agent::SITE;
use super::furniture::{AGENT, CARRIER_TCS, ENCLU};
use super::process::{OUTSIDE_SITE, Process, SCRATCH, Start, Stop, site};

const IOC_CREATE: u64 = 0x4008_a400;
const IOC_ADD_PAGES: u64 = 0xc030_a401;
const IOC_INIT: u64 = 0x4008_a402;
const IOC_PROVISION: u64 = 0x4008_a403;
/// Where threads leave to.
pub(crate) const AEP: u64 = 0x40_2000;
/// Set in RFLAGS whatever a program does.
pub(crate) const RFLAGS_FIXED: u64 = 0x202;

/// Why a case could not be done, or what was different.
#[derive(Clone, Debug)]
pub(crate) enum Verdict {
    /// No program can do it.
    Impossible(String),
    /// Line and difference.
    Wrong(usize, String),
}

pub(crate) type Done = Result<(), Verdict>;

/// A case in the process.
pub(crate) struct Venue<'a> {
    pub(super) process: &'a mut Process,
    pub(super) enclaves: &'a [Enclave],
    files: Vec<u64>,
    /// Pages of the enclaves as the model has them.
    pub(super) pages: BTreeMap<u64, Box<[u8; 4096]>>,
    /// Addresses of bytes in which process and model differ, and may.
    pub(super) different: BTreeSet<u64>,
    /// Pages of enclaves in whose place something else is.
    pub(super) replaced: BTreeSet<u64>,
    /// Pages of ours to which EEXIT goes.
    pub(super) landings: BTreeSet<u64>,
    /// What stands at the processor's site outside, and in each enclave.
    pub(super) sites: BTreeMap<Option<usize>, Vec<u8>>,
    /// The enclave in which the other processor carries bytes.
    carrier: Option<usize>,
    /// The enclave in which the processor is.
    pub(super) inside: Option<usize>,
    /// The thread on which it was last.
    pub(super) tcs: u64,
    /// The last leaf faulted inside: the processor is outside, and what the model has is in this SSA frame.
    pub(super) interrupted: Option<u64>,
}

impl<'a> Venue<'a> {
    /// Does everything that was recorded.
    pub(crate) fn perform(process: &'a mut Process, recording: &'a Recording) -> Done {
        let mut venue = Self {
            process,
            enclaves: &recording.enclaves,
            files: Vec::new(),
            pages: BTreeMap::new(),
            different: BTreeSet::new(),
            replaced: BTreeSet::new(),
            landings: BTreeSet::new(),
            sites: BTreeMap::new(),
            carrier: None,
            inside: None,
            tcs: 0,
            interrupted: None,
        };
        let mut result = (0..recording.enclaves.len()).try_for_each(|number| venue.build(number));
        for step in &recording.steps {
            result = result.and_then(|()| venue.step(step));
        }
        venue.end(result.is_ok());
        result
    }

    pub(super) fn base(&self, enclave: usize) -> u64 {
        self.enclaves[enclave].secs.base.get()
    }

    pub(super) fn end_of(&self, enclave: usize) -> u64 {
        self.base(enclave) + self.enclaves[enclave].secs.size.get()
    }

    /// The enclave and its page at an address.
    pub(super) fn page_at(&self, at: u64) -> Option<(usize, &'a Page)> {
        let enclaves: &'a [Enclave] = self.enclaves;
        enclaves.iter().enumerate().find_map(|(number, enclave)| {
            let offset = at.wrapping_sub(enclave.secs.base.get()) & !0xfff;
            enclave.pages.iter().find(|page| page.offset == offset).map(|page| (number, page))
        })
    }

    fn build(&mut self, number: usize) -> Done {
        let enclave = &self.enclaves[number];
        let base = self.base(number);
        let file = self.process.open("/dev/sgx_enclave");
        self.files.push(file);
        let refused = |what: &str, errno| impossible(format!("{what} gives errno {errno}"));
        let argument = SCRATCH + 0x3000;
        self.process.write(SCRATCH, enclave.secs.as_bytes());
        self.process.write(argument, &SCRATCH.to_le_bytes());
        self.process.ioctl(file, IOC_CREATE, argument).or_else(|errno| refused("CREATE", errno))?;
        for page in &enclave.pages {
            self.process.write(SCRATCH, &page.data[..]);
            self.process.write(SCRATCH + 0x1000, page.secinfo.as_bytes());
            let words = [SCRATCH, page.offset, 0x1000, SCRATCH + 0x1000, 1, 0];
            self.process.write(argument, &words.map(u64::to_le_bytes).concat());
            self.process.ioctl(file, IOC_ADD_PAGES, argument).or_else(|errno| refused("ADD_PAGES", errno))?;
        }
        if enclave.secs.attributes.has(Flags::PROVISIONKEY) {
            let node = self.process.open("/dev/sgx_provision");
            self.process.write(argument, &node.to_le_bytes());
            self.process.ioctl(file, IOC_PROVISION, argument).or_else(|errno| refused("PROVISION", errno))?;
            self.process.close(node);
        }
        if let Some(sigstruct) = &enclave.sigstruct {
            self.process.write(SCRATCH, sigstruct.as_bytes());
            self.process.write(argument, &SCRATCH.to_le_bytes());
            self.process.ioctl(file, IOC_INIT, argument).or_else(|errno| refused("INIT", errno))?;
        }
        for page in &enclave.pages {
            let tcs = page.secinfo.page_type() == Some(PageType::Tcs);
            let rights = if tcs { 3 } else { page.secinfo.flags.get() & 7 };
            self.process.map_page(base + page.offset, rights, file);
            self.pages.insert(base + page.offset, page.data.clone());
        }
        self.sites.insert(Some(number), site(&ENCLU).to_vec());
        Ok(())
    }

    /// Leaves all enclaves, which must succeed after a case that is right, and takes them away.
    fn end(&mut self, right: bool) {
        if self.inside.is_some() && self.interrupted.is_none() {
            self.instruct(&ENCLU);
            let stop = self.go(&registers(Enclu::Eexit, Process::outside(0)));
            assert!(!right || stop.at == Some(0), "EEXIT leaves: {stop:x?}");
        }
        self.carry_in(None);
        for (number, file) in std::mem::take(&mut self.files).into_iter().enumerate() {
            let base = self.base(number);
            self.process.unmap(base, self.end_of(number) - base);
            self.process.close(file);
        }
        for page in std::mem::take(&mut self.landings) {
            self.process.unmap(page, 0x1000);
        }
    }

    /// The enclave in which the processor executes now, as the process has it.
    pub(super) fn whereabouts(&self) -> Option<usize> {
        self.inside.filter(|_| self.interrupted.is_none())
    }

    /// Where the processor's site is.
    pub(super) fn site(&self) -> u64 {
        self.whereabouts().map_or(OUTSIDE_SITE, |number| self.end_of(number) - AGENT + SITE)
    }

    /// Writes the instruction that the processor executes next.
    pub(super) fn instruct(&mut self, instruction: &[u8]) {
        let (place, bytes) = (self.whereabouts(), site(instruction).to_vec());
        if self.sites.get(&place) == Some(&bytes) {
            return;
        }
        match place {
            Some(number) => self.store(number, self.site(), &bytes),
            None => self.process.instruct(0, instruction),
        }
        self.sites.insert(place, bytes);
    }

    pub(super) fn go(&mut self, start: &Start) -> Stop {
        self.process.step(0, start, false)
    }

    /// Has the other processor enter an enclave, or leave all.
    fn carry_in(&mut self, enclave: Option<usize>) {
        if self.carrier == enclave {
            return;
        }
        if self.carrier.take().is_some() {
            let stop = self.process.step(1, &registers(Enclu::Eexit, Process::outside(1)), false);
            assert_eq!(stop.at, Some(0), "the other processor leaves: {stop:x?}");
        }
        if let Some(number) = enclave {
            let tcs = self.end_of(number) - CARRIER_TCS;
            self.process.instruct(1, &ENCLU);
            let stop = self.process.step(1, &registers(Enclu::Eenter, tcs), false);
            assert_eq!(stop.at, Some(2), "the other processor enters: {stop:x?}");
        }
        self.carrier = enclave;
    }

    /// Has the other processor copy bytes into or out of an enclave.
    fn carry(&mut self, enclave: usize, from: u64, to: u64, length: usize) {
        self.carry_in(Some(enclave));
        let mut gprs = [0; 17];
        (gprs[1], gprs[6], gprs[7], gprs[16]) = (length as u64, from, to, RFLAGS_FIXED);
        let stop = self.process.step(1, &Start { gprs, xsave: None, bases: [0; 2] }, false);
        assert_eq!(stop.at, Some(2), "{length} bytes from {from:#x} to {to:#x}: {stop:x?}");
    }

    pub(super) fn store(&mut self, enclave: usize, at: u64, bytes: &[u8]) {
        self.process.write(SCRATCH, bytes);
        self.carry(enclave, SCRATCH, at, bytes.len());
    }

    pub(super) fn load(&mut self, enclave: usize, at: u64, length: usize) -> Vec<u8> {
        self.carry(enclave, at, SCRATCH, length);
        self.process.read(SCRATCH, length)
    }
}

/// Registers for a leaf with an operand in RBX.
pub(crate) fn registers(leaf: Enclu, rbx: u64) -> Start {
    let mut gprs = [0; 17];
    (gprs[0], gprs[1], gprs[3], gprs[16]) = (leaf as u64, AEP, rbx, RFLAGS_FIXED);
    Start { gprs, xsave: None, bases: [0; 2] }
}

pub(crate) fn impossible<T>(text: String) -> Result<T, Verdict> {
    Err(Verdict::Impossible(text))
}
