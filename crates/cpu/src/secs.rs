//! The SECS as the processor keeps it in its EPC page: software's fields and the private ones behind them.

use anyclave_arch::{Attributes, EpcAddr, Linear, Secs};
use anyclave_crypto::{BLOCK_BYTES, Measurement};
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::frames::Frames;

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
    pub reserved5: [u8; 96],
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
    pub(crate) fn measurement(&self) -> Measurement {
        running(&self.mrenclave, self.measured_blocks)
    }

    /// Keeps a running measurement.
    pub(crate) fn set_measurement(&mut self, measurement: &Measurement) {
        (self.mrenclave, self.measured_blocks) = at_rest(measurement);
    }
}

/// The part of a SECS that the leaves look at and change which add pages, measure them and remove them: one page is
/// measured by sixteen EEXTENDs, so they need not move the whole of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Growing {
    pub(crate) head: SecsHead,
    pub(crate) counts: SecsCounts,
}

/// The first fields of a SECS.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, Unaligned)]
#[repr(C)]
pub(crate) struct SecsHead {
    size: U64,
    base: U64,
    unused: [u8; 32],
    pub(crate) attributes: Attributes,
    mrenclave: [u8; 32],
}

/// The first of the private fields.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, Unaligned)]
#[repr(C)]
pub(crate) struct SecsCounts {
    pub(crate) eid: U64,
    measured_blocks: U64,
    pub(crate) child_count: U64,
}

const _: () = {
    use core::mem::offset_of;
    assert!(offset_of!(SecsHead, base) == offset_of!(SecsPage, base));
    assert!(offset_of!(SecsHead, attributes) == offset_of!(SecsPage, attributes));
    assert!(offset_of!(SecsHead, mrenclave) == offset_of!(SecsPage, mrenclave));
    let behind_eid = offset_of!(SecsPage, measured_blocks) - SecsCounts::OFFSET;
    assert!(offset_of!(SecsCounts, measured_blocks) == behind_eid);
    assert!(offset_of!(SecsCounts, child_count) == offset_of!(SecsPage, child_count) - SecsCounts::OFFSET);
};

impl SecsHead {
    /// Where MRENCLAVE lies in the page.
    const MRENCLAVE_OFFSET: usize = core::mem::offset_of!(SecsPage, mrenclave);
}

impl SecsCounts {
    /// Where they lie in the page.
    const OFFSET: usize = core::mem::offset_of!(SecsPage, eid);
}

impl Growing {
    /// First address of ELRANGE.
    pub(crate) const fn base(&self) -> Linear {
        Linear(self.head.base.get())
    }

    /// Whether an address lies in ELRANGE.
    pub(crate) const fn contains(&self, at: Linear) -> bool {
        at.0.wrapping_sub(self.head.base.get()) < self.head.size.get()
    }

    /// Appends blocks to the running measurement.
    pub(crate) fn measure(&mut self, blocks: &[[u8; BLOCK_BYTES]]) {
        let mut measurement = running(&self.head.mrenclave, self.counts.measured_blocks);
        measurement.update_blocks(blocks);
        (self.head.mrenclave, self.counts.measured_blocks) = at_rest(&measurement);
    }

    /// Copies it out of the page of a SECS.
    pub(crate) fn load(frames: &mut impl Frames, page: EpcAddr) -> Self {
        let (mut head, mut counts) = (SecsHead::new_zeroed(), SecsCounts::new_zeroed());
        frames.read(page, 0, head.as_mut_bytes());
        frames.read(page, SecsCounts::OFFSET, counts.as_mut_bytes());
        Self { head, counts }
    }

    /// Keeps what has changed of it.
    pub(crate) fn store(&self, frames: &mut impl Frames, page: EpcAddr) {
        frames.write(page, SecsHead::MRENCLAVE_OFFSET, &self.head.mrenclave);
        frames.write(page, SecsCounts::OFFSET, self.counts.as_bytes());
    }
}

/// A measurement from its plain form.
fn running(mrenclave: &[u8; 32], measured_blocks: U64) -> Measurement {
    let mut state = [0; 8];
    let (words, _) = mrenclave.as_chunks::<4>();
    for (word, bytes) in state.iter_mut().zip(words) {
        *word = u32::from_le_bytes(*bytes);
    }
    Measurement::from_parts(state, measured_blocks.get())
}

/// The plain form of a measurement.
fn at_rest(measurement: &Measurement) -> ([u8; 32], U64) {
    let (state, blocks) = measurement.to_parts();
    let mut mrenclave = [0; 32];
    for (bytes, word) in mrenclave.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    (mrenclave, blocks.into())
}
