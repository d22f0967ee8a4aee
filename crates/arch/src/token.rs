//! EINITTOKEN: a launch enclave's permission, 304 bytes at a 512-byte boundary.

use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::attributes::Attributes;

/// Bytes covered by the MAC.
pub const MACED_SIZE: usize = 192;

/// EINITTOKEN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct EinitToken {
    /// Bit 0: the token is to be checked. The rest is zero.
    pub valid: U32,
    /// Must be zero.
    pub reserved1: [u8; 44],
    /// ATTRIBUTES of the enclave that may launch.
    pub attributes: Attributes,
    /// MRENCLAVE of the enclave that may launch.
    pub mrenclave: [u8; 32],
    /// Must be zero.
    pub reserved2: [u8; 32],
    /// MRSIGNER of the enclave that may launch.
    pub mrsigner: [u8; 32],
    /// Must be zero.
    pub reserved3: [u8; 32],
    /// CPUSVN with which the launch enclave derived its key.
    pub cpusvnle: [u8; 16],
    /// ISVPRODID of the launch enclave.
    pub isvprodidle: U16,
    /// ISVSVN of the launch enclave.
    pub isvsvnle: U16,
    /// CET attributes of the launch enclave, masked.
    pub cet_masked_attributes_le: u8,
    /// Must be zero.
    pub reserved4: [u8; 23],
    /// MISCSELECT of the launch enclave, masked.
    pub maskedmiscselectle: U32,
    /// ATTRIBUTES of the launch enclave, masked.
    pub maskedattributesle: Attributes,
    /// KEYID of the token key.
    pub keyid: [u8; 32],
    /// CMAC over the first [`MACED_SIZE`] bytes.
    pub mac: [u8; 16],
}

const _: () = {
    use core::mem::offset_of;
    assert!(size_of::<EinitToken>() == 304);
    assert!(offset_of!(EinitToken, cpusvnle) == MACED_SIZE);
    assert!(offset_of!(EinitToken, maskedmiscselectle) == 236);
    assert!(offset_of!(EinitToken, mac) == 288);
};
