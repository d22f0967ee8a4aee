//! REPORT: what EREPORT writes, 432 bytes at a 512-byte boundary.

use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::attributes::Attributes;

/// Bytes covered by the MAC.
pub const MACED_SIZE: usize = 384;

/// REPORT.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Report {
    /// Security version of the processor.
    pub cpusvn: [u8; 16],
    /// MISCSELECT of the reporting enclave.
    pub miscselect: U32,
    /// CET attributes of the reporting enclave.
    pub cet_attributes: u8,
    /// Zero.
    pub reserved1: [u8; 11],
    /// KSS: extended product id.
    pub isvextprodid: [u8; 16],
    /// ATTRIBUTES of the reporting enclave.
    pub attributes: Attributes,
    /// Measurement of the reporting enclave.
    pub mrenclave: [u8; 32],
    /// Zero.
    pub reserved2: [u8; 32],
    /// Signer of the reporting enclave.
    pub mrsigner: [u8; 32],
    /// Zero.
    pub reserved3: [u8; 32],
    /// KSS: configuration identity.
    pub configid: [u8; 64],
    /// Product id.
    pub isvprodid: U16,
    /// Security version of the reporting enclave.
    pub isvsvn: U16,
    /// KSS: security version of the configuration.
    pub configsvn: U16,
    /// Zero.
    pub reserved4: [u8; 42],
    /// KSS: family of the product.
    pub isvfamilyid: [u8; 16],
    /// 64 bytes of the reporting enclave's choice.
    pub reportdata: [u8; 64],
    /// KEYID of the report key.
    pub keyid: [u8; 32],
    /// CMAC over the first [`MACED_SIZE`] bytes with the target's report key.
    pub mac: [u8; 16],
}

const _: () = {
    use core::mem::offset_of;
    assert!(size_of::<Report>() == 432);
    assert!(offset_of!(Report, attributes) == 48);
    assert!(offset_of!(Report, configid) == 192);
    assert!(offset_of!(Report, isvfamilyid) == 304);
    assert!(offset_of!(Report, keyid) == MACED_SIZE);
};
