//! An address space with the whole EPC at a fixed distance, EPC pages mapped elsewhere, and ordinary memory.

use std::collections::HashMap;

use anyclave_arch::{EpcAddr, Linear, Pfec};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::SECTION;
use crate::space::{Access, AddressSpace, PageFault, Target};

/// Linear address of physical address 0.
pub(super) const FLAT: u64 = 0xffff_8880_0000_0000;

/// Page tables and memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TestSpace {
    epc: HashMap<Linear, EpcAddr>,
    memory: HashMap<Linear, Box<[u8; 4096]>>,
    faults: HashMap<(Linear, Access), Pfec>,
}

impl TestSpace {
    /// Maps an EPC page.
    pub(crate) fn map(&mut self, at: Linear, page: EpcAddr) {
        self.epc.insert(at.page(), page.page());
    }

    /// Removes whatever is mapped at a page.
    pub(crate) fn unmap(&mut self, at: Linear) {
        self.epc.remove(&at.page());
        self.memory.remove(&at.page());
    }

    /// A structure in ordinary memory.
    pub(crate) fn get<T: FromBytes + IntoBytes>(&self, at: Linear) -> T {
        let mut value = T::new_zeroed();
        for (byte, at) in value.as_mut_bytes().iter_mut().zip(at.0..) {
            *byte = self.memory[&Linear(at).page()][offset(Linear(at))];
        }
        value
    }

    /// Makes an access to a page fault.
    pub(crate) fn set_fault(&mut self, at: Linear, access: Access, code: Pfec) {
        self.faults.insert((at.page(), access), code);
    }

    /// Puts bytes into ordinary memory, made where there is none.
    pub(crate) fn put(&mut self, at: Linear, value: &(impl IntoBytes + Immutable + ?Sized)) {
        for (byte, at) in value.as_bytes().iter().zip(at.0..) {
            let page = self.memory.entry(Linear(at).page()).or_insert_with(|| Box::new([0; 4096]));
            page[offset(Linear(at))] = *byte;
        }
    }
}

impl AddressSpace for TestSpace {
    fn translate(&mut self, at: Linear, access: Access) -> Result<Target, PageFault> {
        if let Some(code) = self.faults.get(&(at.page(), access)) {
            return Err(PageFault { address: at, code: *code });
        }
        let physical = at.0.wrapping_sub(FLAT);
        if SECTION.contains(physical) {
            return Ok(Target::Epc(EpcAddr(physical)));
        }
        if let Some(page) = self.epc.get(&at.page()) {
            return Ok(Target::Epc(EpcAddr(page.0 + at.page_offset())));
        }
        if self.memory.contains_key(&at.page()) {
            return Ok(Target::Ordinary);
        }
        let code = match access {
            Access::Read => Pfec::empty(),
            Access::Write => Pfec::W,
            Access::Fetch => Pfec::I,
        };
        Err(PageFault { address: at, code })
    }

    fn read(&mut self, at: Linear, into: &mut [u8]) -> Result<(), PageFault> {
        for (byte, at) in into.iter_mut().zip(at.0..) {
            let at = Linear(at);
            *byte = match self.translate(at, Access::Read)? {
                Target::Epc(_) => 0xff,
                Target::Ordinary => self.memory[&at.page()][offset(at)],
            };
        }
        Ok(())
    }

    fn write(&mut self, at: Linear, from: &[u8]) -> Result<(), PageFault> {
        for (_, at) in from.iter().zip(at.0..) {
            self.translate(Linear(at), Access::Write)?;
        }
        for (byte, at) in from.iter().zip(at.0..) {
            if let Some(page) = self.memory.get_mut(&Linear(at).page()) {
                page[offset(Linear(at))] = *byte;
            }
        }
        Ok(())
    }
}

fn offset(at: Linear) -> usize {
    usize::try_from(at.page_offset()).unwrap()
}
