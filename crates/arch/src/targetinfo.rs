//! TARGETINFO: for whom EREPORT makes a REPORT, 512 bytes at a 512-byte boundary.

use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::attributes::Attributes;

/// TARGETINFO.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct TargetInfo {
    /// MRENCLAVE of the target.
    pub measurement: [u8; 32],
    /// ATTRIBUTES of the target.
    pub attributes: Attributes,
    /// CET attributes of the target.
    pub cet_attributes: u8,
    /// Must be zero.
    pub reserved1: u8,
    /// KSS: CONFIGSVN of the target.
    pub configsvn: U16,
    /// MISCSELECT of the target.
    pub miscselect: U32,
    /// Must be zero.
    pub reserved2: [u8; 8],
    /// KSS: CONFIGID of the target.
    pub configid: [u8; 64],
    /// Must be zero.
    pub reserved3: [u8; 384],
}

const _: () = {
    use core::mem::offset_of;
    assert!(size_of::<TargetInfo>() == 512);
    assert!(offset_of!(TargetInfo, miscselect) == 52);
    assert!(offset_of!(TargetInfo, configid) == 64);
};
