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

/// A buffer of the kernel's that is an operand.
pub(super) enum Operand<'a> {
    /// Leaves only read it.
    In(&'a [u8]),
    /// Leaves may write it, too.
    Out(&'a mut [u8]),
}

/// The sections through the direct map, and buffers at [`operand`] 0, 1, 2…
pub(super) struct KernelSpace<'a, 'b> {
    pub(super) sections: &'a [Section],
    pub(super) operands: &'a mut [Operand<'b>],
}

/// The number of the buffer that would hold an address, and the offset in it.
#[inline]
fn position(at: Linear) -> Option<(usize, usize)> {
    let offset = at.0.checked_sub(OPERANDS)?;
    Some((usize::try_from(offset / 4096).ok()?, usize::try_from(offset % 4096).ok()?))
}

impl AddressSpace for KernelSpace<'_, '_> {
    #[inline]
    fn translate(&mut self, at: Linear, access: Access) -> Result<Target, PageFault> {
        let physical = at.0.wrapping_sub(DIRECT_MAP);
        if self.sections.iter().any(|section| section.contains(physical)) {
            return Ok(Target::Epc(EpcAddr(physical)));
        }
        let buffer = position(at).and_then(|(number, _)| self.operands.get(number));
        if access == Access::Write && matches!(buffer, Some(Operand::In(_))) {
            return Err(PageFault { address: at, code: Pfec::P | Pfec::W });
        }
        Ok(Target::Ordinary)
    }

    #[inline]
    fn read(&mut self, at: Linear, into: &mut [u8]) -> Result<(), PageFault> {
        let bytes = position(at)
            .and_then(|(number, offset)| match self.operands.get(number)? {
                Operand::In(bytes) => bytes.get(offset..),
                Operand::Out(bytes) => bytes.get(offset..),
            })
            .and_then(|bytes| bytes.get(..into.len()))
            .ok_or(PageFault { address: at, code: Pfec::empty() })?;
        into.copy_from_slice(bytes);
        Ok(())
    }

    #[inline]
    fn write(&mut self, at: Linear, from: &[u8]) -> Result<(), PageFault> {
        let bytes = position(at)
            .and_then(|(number, offset)| match self.operands.get_mut(number)? {
                Operand::In(_) => None,
                Operand::Out(bytes) => bytes.get_mut(offset..),
            })
            .and_then(|bytes| bytes.get_mut(..from.len()))
            .ok_or(PageFault { address: at, code: Pfec::W })?;
        bytes.copy_from_slice(from);
        Ok(())
    }
}
