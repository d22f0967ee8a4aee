//! Where the bytes of EPC pages lie.

use std::ops::{Deref, DerefMut};

use anyclave_arch::EpcAddr;

use crate::kernel::PAGE_BYTES;

/// The place of a page's bytes.
///
/// A page that enclave code may touch lies in the *home* of its enclave, at its offset in ELRANGE, so that
/// one contiguous mapping serves a whole enclave. All other pages lie in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// Out of reach of enclave code: SECS, TCS, VA, and pages that are blocked, pending or modified.
    Store,
    /// In the home of enclave `eid`, `page` pages behind its base.
    Home {
        /// The enclave's EID.
        eid: u64,
        /// Offset in ELRANGE in pages.
        page: u64,
    },
}

/// Memory for the bytes of a page. It begins where a cache line does, so that nothing which moves or encrypts the
/// page in wide registers meets two lines at once.
#[derive(Clone, Debug, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct PageBuffer([u8; PAGE_BYTES]);

impl Default for PageBuffer {
    fn default() -> Self {
        Self([0; PAGE_BYTES])
    }
}

impl Deref for PageBuffer {
    type Target = [u8; PAGE_BYTES];

    fn deref(&self) -> &[u8; PAGE_BYTES] {
        &self.0
    }
}

impl DerefMut for PageBuffer {
    fn deref_mut(&mut self) -> &mut [u8; PAGE_BYTES] {
        &mut self.0
    }
}

/// The memory behind the EPC, by the address of a page.
///
/// Enclave threads write homes at any time, so bytes are copied in and out and never referred to.
/// Addresses are those of EPC pages; offset and length never cross the end of a page.
/// Failure of the host's memory is not an outcome an instruction knows: implementations end the machine.
pub trait Frames {
    /// Copies bytes of a page out.
    fn read(&mut self, page: EpcAddr, offset: usize, into: &mut [u8]);
    /// Copies bytes into a page.
    fn write(&mut self, page: EpcAddr, offset: usize, from: &[u8]);
    /// Gives a page all its bytes. What lies in the buffer afterwards has no meaning, so that memory can be exchanged
    /// instead of copied.
    fn give(&mut self, page: EpcAddr, bytes: &mut Box<PageBuffer>) {
        self.write(page, 0, bytes.as_slice());
    }
    /// Lets a structure of the processor's own be changed where it lies. For pages of the store, which nobody else
    /// writes; of any other page it is a copy that is changed and written back.
    fn with<R>(&mut self, page: EpcAddr, work: impl FnOnce(&mut [u8; PAGE_BYTES]) -> R) -> R {
        let mut bytes = [0; PAGE_BYTES];
        self.read(page, 0, &mut bytes);
        let result = work(&mut bytes);
        self.write(page, 0, &bytes);
        result
    }
    /// Makes a whole page zero. The processor does so with every page that falls out of use, so that a page
    /// of zeros in the store should cost no memory.
    fn zero(&mut self, page: EpcAddr);
    /// Moves a page's bytes to another place, keeping them. If a second page of the same enclave already
    /// lies at that offset of the home, this one stays in the store.
    fn relocate(&mut self, page: EpcAddr, to: Place);
    /// An enclave has come to be: its home starts at EID `eid`. Called once, before the first page goes home.
    fn enclave_created(&mut self, eid: u64, secs: EpcAddr);
    /// The enclave's SECS is gone for good, by EREMOVE.
    ///
    /// It may have come back from outside the EPC, in another page than it was created in. Of that nothing is said here:
    /// an enclave whose SECS is away has no page in its home, and keeps the home. Whether such an enclave comes back, only
    /// its owner knows; one that does not is the owner's to let go of.
    fn enclave_removed(&mut self, eid: u64);
}
