//! The address space of a kernel that executes ENCLS: the EPC by physical address, and the operands.

use anyclave_arch::{EpcAddr, Linear, Pfec};

use crate::config::Section;
use crate::space::{Access, AddressSpace, PageFault, Target};

/// Where physical memory begins: the direct map, placed as Linux places it.
const DIRECT_MAP: u64 = 0xffff_8880_0000_0000;

/// Where the operand buffers lie, a page each, so that every alignment is met.
const OPERANDS: u64 = 0xffff_c900_0000_0000;

/// Linear address of the operand buffer with this number.
#[inline]
pub(super) const fn operand(number: u64) -> Linear {
    Linear(OPERANDS + number * 4096)
}

/// Linear address of physical memory. Wraps for addresses no processor has, which the EPC check refuses.
#[inline]
pub(super) const fn direct(at: EpcAddr) -> Linear {
    Linear(DIRECT_MAP).offset(at.0)
}

/// The sections through the direct map, and buffers at [`operand`] 0, 1, 2…
pub(super) struct KernelSpace<'a> {
    pub(super) sections: &'a [Section],
    pub(super) operands: &'a [&'a [u8]],
}

impl AddressSpace for KernelSpace<'_> {
    #[inline]
    fn translate(&mut self, at: Linear, _: Access) -> Result<Target, PageFault> {
        let physical = at.0.wrapping_sub(DIRECT_MAP);
        let epc = self.sections.iter().any(|section| section.contains(physical));
        Ok(if epc { Target::Epc(EpcAddr(physical)) } else { Target::Ordinary })
    }

    #[inline]
    fn read(&mut self, at: Linear, into: &mut [u8]) -> Result<(), PageFault> {
        let fault = PageFault { address: at, code: Pfec::empty() };
        let offset = at.0.checked_sub(OPERANDS).ok_or(fault)?;
        let bytes = usize::try_from(offset / 4096)
            .ok()
            .and_then(|number| self.operands.get(number))
            .and_then(|bytes| bytes.get(usize::try_from(offset % 4096).ok()?..)?.get(..into.len()))
            .ok_or(fault)?;
        into.copy_from_slice(bytes);
        Ok(())
    }

    /// No leaf of [`super::Encls`] writes ordinary memory, and the buffers are read-only.
    fn write(&mut self, at: Linear, _: &[u8]) -> Result<(), PageFault> {
        Err(PageFault { address: at, code: Pfec::W })
    }
}
