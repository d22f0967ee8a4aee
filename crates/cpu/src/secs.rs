//! The SECS as the processor keeps it in its EPC page: software's fields and the private ones behind them.

use anyclave_arch::{Attributes, Linear, Secs};
use anyclave_crypto::{BLOCK_BYTES, Measurement};
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::kernel::PAGE_BYTES;

/// The first 1024 bytes of a SECS page; the rest is reserved and stays zero.
///
/// Everything that outlives a leaf stands here, so that eviction of the page carries it. While the
/// enclave is being built, `mrenclave` holds the running SHA-256 state.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
#[expect(missing_docs, reason = "the architectural fields are documented in anyclave_arch::Secs")]
pub struct SecsPage {
    pub size: U64,
    pub base: U64,
    pub ssaframesize: U32,
    pub miscselect: U32,
    pub cet_leg_bitmap_offset: U64,
    pub cet_attributes: u8,
    pub reserved1: [u8; 15],
    pub attributes: Attributes,
    pub mrenclave: [u8; 32],
    pub reserved2: [u8; 32],
    pub mrsigner: [u8; 32],
    pub reserved3: [u8; 32],
    pub configid: [u8; 64],
    pub isvprodid: U16,
    pub isvsvn: U16,
    pub configsvn: U16,
    pub reserved4: [u8; 250],
    /// Identity of the enclave, never used twice.
    pub eid: U64,
    /// Blocks of 64 bytes measured so far.
    pub measured_blocks: U64,
    /// Pages of the enclave that are in the EPC, the SECS not counted.
    pub child_count: U64,
    /// Set by ECREATE to the page's own address; a hypervisor may change it.
    pub enclavecontext: U64,
    /// KSS: set by EINIT.
    pub isvfamilyid: [u8; 16],
    /// KSS: set by EINIT.
    pub isvextprodid: [u8; 16],
    /// The constant part of the signature's padding, set by EINIT; enters every key.
    pub padding: [u8; 352],
    /// Tracking: epochs begun by ETRACK and ETRACKC.
    pub epoch: U64,
    /// Pages that a hypervisor keeps out of the EPC: EINCVIRTCHILD and EDECVIRTCHILD.
    pub virtchild_count: U64,
    pub reserved5: [u8; 80],
}

const _: () = {
    use core::mem::offset_of;
    assert!(size_of::<SecsPage>() == SecsPage::SIZE);
    assert!(offset_of!(SecsPage, eid) == 512);
    assert!(offset_of!(SecsPage, attributes) == offset_of!(Secs, attributes));
    assert!(offset_of!(SecsPage, configsvn) == offset_of!(Secs, configsvn));
};

impl SecsPage {
    /// Bytes of the page that carry anything.
    pub const SIZE: usize = 1024;

    /// Software's fields of a SECS that ECREATE accepts, and nothing in the others.
    pub(crate) fn from_source(source: &Secs) -> Self {
        Self {
            size: source.size,
            base: source.base,
            ssaframesize: source.ssaframesize,
            miscselect: source.miscselect,
            cet_leg_bitmap_offset: source.cet_leg_bitmap_offset,
            cet_attributes: source.cet_attributes,
            attributes: source.attributes,
            configid: source.configid,
            configsvn: source.configsvn,
            ..Self::new_zeroed()
        }
    }

    /// First address of ELRANGE.
    #[must_use]
    pub const fn base(&self) -> Linear {
        Linear(self.base.get())
    }

    /// Whether an address lies in ELRANGE.
    #[must_use]
    pub const fn contains(&self, at: Linear) -> bool {
        at.0.wrapping_sub(self.base.get()) < self.size.get()
    }

    /// The running measurement.
    #[inline]
    pub(crate) fn measurement(&self) -> Measurement {
        let mut state = [0; 8];
        let (words, _) = self.mrenclave.as_chunks::<4>();
        for (word, bytes) in state.iter_mut().zip(words) {
            *word = u32::from_le_bytes(*bytes);
        }
        Measurement::from_parts(state, self.measured_blocks.get())
    }

    /// Keeps a running measurement.
    #[inline]
    pub(crate) fn set_measurement(&mut self, measurement: &Measurement) {
        let (state, blocks) = measurement.to_parts();
        for (bytes, word) in self.mrenclave.chunks_exact_mut(4).zip(state) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        self.measured_blocks.set(blocks);
    }

    /// Appends blocks to the running measurement.
    #[inline]
    pub(crate) fn measure(&mut self, blocks: &[[u8; BLOCK_BYTES]]) {
        let mut measurement = self.measurement();
        measurement.update_blocks(blocks);
        self.set_measurement(&measurement);
    }
}

/// A page that holds a SECS.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(crate) struct PageOfSecs {
    pub(crate) secs: SecsPage,
    rest: [u8; PAGE_BYTES - SecsPage::SIZE],
}
