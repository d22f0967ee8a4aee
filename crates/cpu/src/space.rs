//! The address space a leaf runs in: what its linear operands mean.

use anyclave_arch::{EpcAddr, Linear, Pfec};

/// What an access wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Read data.
    Read,
    /// Write data.
    Write,
    /// Fetch an instruction.
    Fetch,
}

/// What a linear address leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// A byte in the EPC.
    Epc(EpcAddr),
    /// Memory outside the EPC.
    Ordinary,
}

/// An ordinary page fault: the operating system's paging forbids the access. The SGX bit is never set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageFault {
    /// The address, all its bits.
    pub address: Linear,
    /// The error code.
    pub code: Pfec,
}

/// Translation and access to memory outside the EPC, as the operating system has set them up.
///
/// Memory has hostile writers: a leaf copies an operand once and checks the copy.
pub trait AddressSpace {
    /// Translates an address by ordinary paging.
    ///
    /// # Errors
    /// The page fault that the access raises before any SGX check.
    fn translate(&mut self, at: Linear, access: Access) -> Result<Target, PageFault>;

    /// Copies ordinary memory out. Pages of the EPC read as all ones here (abort page).
    ///
    /// # Errors
    /// The page fault of the first byte that cannot be read.
    fn read(&mut self, at: Linear, into: &mut [u8]) -> Result<(), PageFault>;

    /// Copies into ordinary memory. Writes to pages of the EPC vanish here (abort page).
    ///
    /// # Errors
    /// The page fault of the first byte that cannot be written.
    fn write(&mut self, at: Linear, from: &[u8]) -> Result<(), PageFault>;
}
