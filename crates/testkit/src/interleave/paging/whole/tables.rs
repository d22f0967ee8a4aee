//! Page tables and ordinary memory: one address space for kernel and program, which use different halves of it.

use anyclave_arch::{EpcAddr, Linear, Pfec};
use anyclave_cpu::{Access, AddressSpace, PAGE_BYTES, PageFault, Target};

use super::frames::SharedPage;
use super::{Page, build};
use crate::enclave::BASE;

/// Where the kernel sees physical memory.
const DIRECT_MAP: u64 = 0xffff_8880_0000_0000;
/// Where the operands of ENCLS lie, a page each.
const OPERANDS: u64 = 0xffff_c900_0000_0000;

/// Linear address of an EPC page for the kernel.
pub(super) const fn direct(at: EpcAddr) -> Linear {
    Linear(DIRECT_MAP).offset(at.0)
}

/// Operands in ordinary memory.
#[derive(Clone, Copy, Debug)]
pub(super) enum Operand {
    PageInfo,
    SecInfo,
    Pcmd,
    /// SRCPGE.
    Source,
    SigStruct,
    Token,
}

impl Operand {
    const COUNT: usize = 6;

    pub(super) const fn at(self) -> Linear {
        Linear(OPERANDS).offset(4096 * self as u64)
    }
}

/// What leaves find behind linear addresses.
#[derive(Clone, Debug)]
pub(super) struct Tables {
    operands: Vec<SharedPage>,
    /// Threads of the enclave.
    threads: usize,
    /// The frame where the data page is mapped.
    pub(super) data: Option<usize>,
}

impl Tables {
    pub(super) fn new(threads: usize) -> Self {
        Self { operands: vec![SharedPage::default(); Operand::COUNT], threads, data: Some(0) }
    }

    pub(super) fn put(&mut self, operand: Operand, bytes: &[u8]) {
        self.operands[operand as usize].write(0, bytes);
    }

    pub(super) fn digests(&self) -> Vec<u64> {
        // what EWB leaves for ELDU; the others are written before they are read
        [Operand::Pcmd, Operand::Source].map(|operand| self.operands[operand as usize].digest()).to_vec()
    }

    /// The page of the enclave at an offset.
    fn enclave_page(&self, offset: u64) -> Option<Page> {
        let threads = (0..self.threads).flat_map(|thread| [Page::Tcs(thread), Page::Ssa(thread)]);
        let pages = self.data.map(Page::Frame).into_iter().chain([Page::Requests]).chain(threads);
        pages.into_iter().find(|page| page.offset() == Some(offset))
    }

    /// The operand page at an address, and the offset in it.
    fn operand(at: Linear, length: usize) -> Result<(usize, usize), PageFault> {
        let fault = PageFault { address: at, code: Pfec::empty() };
        let offset =
            at.0.checked_sub(OPERANDS).and_then(|offset| usize::try_from(offset).ok()).ok_or(fault)?;
        let (page, offset) = (offset / PAGE_BYTES, offset % PAGE_BYTES);
        let inside = page < Operand::COUNT && offset + length <= PAGE_BYTES;
        if inside { Ok((page, offset)) } else { Err(fault) }
    }
}

impl AddressSpace for Tables {
    fn translate(&mut self, at: Linear, _: Access) -> Result<Target, PageFault> {
        let physical = at.0.wrapping_sub(DIRECT_MAP);
        if physical.wrapping_sub(build::EPC_BASE) < build::EPC_SIZE {
            return Ok(Target::Epc(EpcAddr(physical)));
        }
        let offset = at.0.wrapping_sub(BASE);
        if let Some(page) = self.enclave_page(offset & !0xfff) {
            return Ok(Target::Epc(EpcAddr(page.epc().0 + at.page_offset())));
        }
        Self::operand(at, 0).map(|_| Target::Ordinary)
    }

    fn read(&mut self, at: Linear, into: &mut [u8]) -> Result<(), PageFault> {
        let (page, offset) = Self::operand(at, into.len())?;
        into.copy_from_slice(&self.operands[page].bytes()[offset..offset + into.len()]);
        Ok(())
    }

    fn write(&mut self, at: Linear, from: &[u8]) -> Result<(), PageFault> {
        let (page, offset) = Self::operand(at, from.len())?;
        self.operands[page].write(offset, from);
        Ok(())
    }
}
