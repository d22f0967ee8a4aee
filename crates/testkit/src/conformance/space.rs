//! The address space of a script: the whole EPC at a fixed distance, pages mapped elsewhere, ordinary memory.

use std::collections::BTreeMap;

use anyclave_arch::{EpcAddr, Linear, Pfec};
use anyclave_cpu::{Access, AddressSpace, PageFault, Section, Target};

/// Linear address of physical address 0.
const FLAT: u64 = 0xffff_8880_0000_0000;

/// What a page of linear addresses leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leads {
    To(Target),
    Nowhere,
}

/// Page tables and memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Space {
    section: Section,
    pages: BTreeMap<Linear, (Leads, bool)>,
    memory: BTreeMap<Linear, Box<[u8; 4096]>>,
}

impl Space {
    pub(crate) const fn new(section: Section) -> Self {
        Self { section, pages: BTreeMap::new(), memory: BTreeMap::new() }
    }

    /// Where the direct map has an EPC page.
    pub(crate) const fn flat(page: EpcAddr) -> Linear {
        Linear(FLAT + page.0)
    }

    /// Maps a page.
    pub(crate) fn map(&mut self, at: Linear, to: Target) {
        self.pages.insert(at.page(), (Leads::To(to), true));
        if to == Target::Ordinary {
            self.memory.entry(at.page()).or_insert_with(|| Box::new([0; 4096]));
        }
    }

    /// Takes a page away.
    pub(crate) fn unmap(&mut self, at: Linear) {
        self.pages.insert(at.page(), (Leads::Nowhere, false));
    }

    /// Forbids writes to a page.
    pub(crate) fn protect(&mut self, at: Linear) {
        let leads = self.leads(at).0;
        self.pages.insert(at.page(), (leads, false));
    }

    fn leads(&self, at: Linear) -> (Leads, bool) {
        let physical = at.page().0.wrapping_sub(FLAT);
        match self.pages.get(&at.page()) {
            Some(entry) => *entry,
            None if self.section.contains(physical) => (Leads::To(Target::Epc(EpcAddr(physical))), true),
            None => (Leads::Nowhere, false),
        }
    }

    /// What an address leads to, whatever its rights.
    pub(crate) fn look(&self, at: Linear) -> Option<Target> {
        match self.leads(at).0 {
            Leads::To(Target::Epc(page)) => Some(Target::Epc(EpcAddr(page.0 + at.page_offset()))),
            Leads::To(Target::Ordinary) => Some(Target::Ordinary),
            Leads::Nowhere => None,
        }
    }

    /// Ordinary memory as it stands; it need not be mapped.
    pub(crate) fn bytes(&self, at: Linear, into: &mut [u8]) {
        for (byte, at) in into.iter_mut().zip(at.0..) {
            let page = self.memory.get(&Linear(at).page());
            *byte = page.and_then(|page| page.get(offset(at))).copied().unwrap_or(0);
        }
    }

    /// Changes ordinary memory.
    pub(crate) fn put(&mut self, at: Linear, from: &[u8]) {
        for (byte, at) in from.iter().zip(at.0..) {
            let page = self.memory.entry(Linear(at).page()).or_insert_with(|| Box::new([0; 4096]));
            if let Some(place) = page.get_mut(offset(at)) {
                *place = *byte;
            }
        }
    }
}

impl AddressSpace for Space {
    fn translate(&mut self, at: Linear, access: Access) -> Result<Target, PageFault> {
        let wanted = match access {
            Access::Read => Pfec::empty(),
            Access::Write => Pfec::W,
            Access::Fetch => Pfec::I,
        };
        let fault = |code| Err(PageFault { address: at, code });
        match (self.look(at), self.leads(at).1) {
            (None, _) => fault(wanted),
            (Some(_), false) if access == Access::Write => fault(Pfec::P | wanted),
            (Some(target), _) => Ok(target),
        }
    }

    fn read(&mut self, at: Linear, into: &mut [u8]) -> Result<(), PageFault> {
        for (byte, at) in into.iter_mut().zip(at.0..) {
            *byte = match self.translate(Linear(at), Access::Read)? {
                Target::Epc(_) => 0xff,
                Target::Ordinary => {
                    let mut one = [0];
                    self.bytes(Linear(at), &mut one);
                    one[0]
                }
            };
        }
        Ok(())
    }

    fn write(&mut self, at: Linear, from: &[u8]) -> Result<(), PageFault> {
        for (_, at) in from.iter().zip(at.0..) {
            self.translate(Linear(at), Access::Write)?;
        }
        for (byte, at) in from.iter().zip(at.0..) {
            if self.look(Linear(at)) == Some(Target::Ordinary) {
                self.put(Linear(at), &[*byte]);
            }
        }
        Ok(())
    }
}

fn offset(at: u64) -> usize {
    usize::try_from(at % 4096).unwrap_or_default()
}
