//! The 64-byte blocks that the build leaves append to a measurement. A `.sgxs` stream is made of the same
//! blocks, which is why they have a layout of their own.

use anyclave_arch::SecInfo;
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

pub(crate) const BLOCK_BYTES: usize = 64;

/// First eight bytes of ECREATE's block.
pub(crate) const ECREATE: [u8; 8] = *b"ECREATE\0";
/// First eight bytes of EADD's block.
pub(crate) const EADD: [u8; 8] = *b"EADD\0\0\0\0";
/// First eight bytes of EEXTEND's block.
pub(crate) const EEXTEND: [u8; 8] = *b"EEXTEND\0";

/// What ECREATE measures. BASEADDR, ATTRIBUTES and MISCSELECT are absent on purpose: an enclave has the same
/// identity wherever and however it is loaded.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(crate) struct CreateBlock {
    pub(crate) tag: [u8; 8],
    pub(crate) ssaframesize: U32,
    pub(crate) size: U64,
    /// CET_LEG_BITMAP_OFFSET and zeros behind it; all zero without CET.
    pub(crate) reserved: [u8; 44],
}

/// What EADD measures: where the page lies and the first 48 bytes of its SECINFO.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(crate) struct AddBlock {
    pub(crate) tag: [u8; 8],
    pub(crate) offset: U64,
    pub(crate) flags: U64,
    pub(crate) reserved: [u8; 40],
}

/// What EEXTEND measures ahead of its 256 bytes: where they lie.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(crate) struct ExtendBlock {
    pub(crate) tag: [u8; 8],
    pub(crate) offset: U64,
    pub(crate) reserved: [u8; 48],
}

const _: () = {
    assert!(size_of::<CreateBlock>() == BLOCK_BYTES);
    assert!(size_of::<AddBlock>() == BLOCK_BYTES);
    assert!(size_of::<ExtendBlock>() == BLOCK_BYTES);
    // SIZE follows SSAFRAMESIZE without a gap.
    assert!(core::mem::offset_of!(CreateBlock, size) == 12);
};

impl CreateBlock {
    pub(crate) fn new(ssaframesize: u32, size: u64) -> Self {
        Self { tag: ECREATE, ssaframesize: ssaframesize.into(), size: size.into(), reserved: [0; 44] }
    }
}

impl AddBlock {
    pub(crate) fn new(offset: u64, secinfo: &SecInfo) -> Self {
        let mut reserved = [0; 40];
        reserved.copy_from_slice(&secinfo.reserved[..40]);
        Self { tag: EADD, offset: offset.into(), flags: secinfo.flags, reserved }
    }
}

impl ExtendBlock {
    pub(crate) fn new(offset: u64) -> Self {
        Self { tag: EEXTEND, offset: offset.into(), reserved: [0; 48] }
    }
}
