//! PAGEINFO: the operand of ECREATE, EADD and the paging leaves, 32 bytes at a 32-byte boundary.

use zerocopy::little_endian::U64;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// PAGEINFO, 32 bytes. All fields are linear addresses.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(C)]
pub struct PageInfo {
    /// Linear address of the page inside the enclave.
    pub linaddr: U64,
    /// Source (or destination) page outside.
    pub srcpge: U64,
    /// SECINFO, or PCMD for the paging leaves.
    pub secinfo: U64,
    /// The EPC page that holds the SECS.
    pub secs: U64,
}

const _: () = assert!(size_of::<PageInfo>() == 32);
