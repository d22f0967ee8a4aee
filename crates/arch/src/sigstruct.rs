//! SIGSTRUCT: the enclave's certificate, 1808 bytes.

use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::attributes::Attributes;

/// HEADER, as bytes.
pub const HEADER: [u8; 16] = [6, 0, 0, 0, 0xe1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0];
/// HEADER2, as bytes.
pub const HEADER2: [u8; 16] = [1, 1, 0, 0, 0x60, 0, 0, 0, 0x60, 0, 0, 0, 1, 0, 0, 0];
/// VENDOR of Intel's enclaves; all others use zero.
pub const VENDOR_INTEL: u32 = 0x8086;
/// Bytes of modulus, signature, Q1 and Q2.
pub const RSA_SIZE: usize = 384;

/// SIGSTRUCT. Big integers are little-endian. Bytes 0..128 and 900..1028 are signed.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct SigStruct {
    /// Must be [`HEADER`].
    pub header: [u8; 16],
    /// Zero or [`VENDOR_INTEL`].
    pub vendor: U32,
    /// Build date, BCD yyyymmdd; not checked.
    pub date: U32,
    /// Must be [`HEADER2`].
    pub header2: [u8; 16],
    /// Free for the signer.
    pub swdefined: U32,
    /// Must be zero.
    pub reserved1: [u8; 84],
    /// RSA modulus.
    pub modulus: [u8; RSA_SIZE],
    /// RSA exponent: 3.
    pub exponent: U32,
    /// RSA signature.
    pub signature: [u8; RSA_SIZE],
    /// MISCSELECT that the enclave must have, where `miscmask` says so.
    pub miscselect: U32,
    /// Bits of MISCSELECT that are enforced.
    pub miscmask: U32,
    /// CET attributes that the enclave must have.
    pub cet_attributes: u8,
    /// Bits of the CET attributes that are enforced.
    pub cet_attributes_mask: u8,
    /// Must be zero.
    pub reserved2: [u8; 2],
    /// KSS: family of the product.
    pub isvfamilyid: [u8; 16],
    /// ATTRIBUTES that the enclave must have, where `attributemask` says so.
    pub attributes: Attributes,
    /// Bits of ATTRIBUTES that are enforced.
    pub attributemask: Attributes,
    /// MRENCLAVE that the enclave must have.
    pub enclavehash: [u8; 32],
    /// Must be zero.
    pub reserved3: [u8; 16],
    /// KSS: extended product id.
    pub isvextprodid: [u8; 16],
    /// Product id.
    pub isvprodid: U16,
    /// Security version.
    pub isvsvn: U16,
    /// Must be zero.
    pub reserved4: [u8; 12],
    /// floor(S² / N).
    pub q1: [u8; RSA_SIZE],
    /// floor(S · (S² mod N) / N).
    pub q2: [u8; RSA_SIZE],
}

impl SigStruct {
    /// The 256 bytes that the signature covers.
    #[must_use]
    pub fn signed_bytes(&self) -> [u8; 256] {
        let mut message = [0; 256];
        let bytes = self.as_bytes();
        message[..128].copy_from_slice(&bytes[..128]);
        message[128..].copy_from_slice(&bytes[900..1028]);
        message
    }
}

const _: () = {
    use core::mem::offset_of;
    assert!(size_of::<SigStruct>() == 1808);
    assert!(offset_of!(SigStruct, modulus) == 128);
    assert!(offset_of!(SigStruct, signature) == 516);
    assert!(offset_of!(SigStruct, miscselect) == 900);
    assert!(offset_of!(SigStruct, attributes) == 928);
    assert!(offset_of!(SigStruct, enclavehash) == 960);
    assert!(offset_of!(SigStruct, isvprodid) == 1024);
    assert!(offset_of!(SigStruct, q1) == 1040);
};
