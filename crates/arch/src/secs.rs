//! SECS: the control structure of an enclave, one EPC page.

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::attributes::Attributes;

/// SECS as software supplies it to ECREATE, 4096 bytes. The processor keeps private fields in the space
/// that is reserved here; software never sees them.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Secs {
    /// Size of ELRANGE in bytes: a power of two, at least two pages.
    pub size: U64,
    /// First linear address of ELRANGE, aligned to `size`.
    pub base: U64,
    /// Pages in an SSA frame.
    pub ssaframesize: U32,
    /// See [`crate::MiscSelect`].
    pub miscselect: U32,
    /// CET: offset of the legacy code page bitmap.
    pub cet_leg_bitmap_offset: U64,
    /// CET: low byte of IA32_U_CET.
    pub cet_attributes: u8,
    /// Must be zero.
    pub reserved1: [u8; 15],
    /// See [`Attributes`].
    pub attributes: Attributes,
    /// Measurement; set by the processor.
    pub mrenclave: [u8; 32],
    /// Must be zero.
    pub reserved2: [u8; 32],
    /// Signer; set by EINIT.
    pub mrsigner: [u8; 32],
    /// Must be zero.
    pub reserved3: [u8; 32],
    /// KSS: configuration identity.
    pub configid: [u8; 64],
    /// Product of the signer; set by EINIT.
    pub isvprodid: U16,
    /// Security version of the enclave; set by EINIT.
    pub isvsvn: U16,
    /// KSS: security version of the configuration.
    pub configsvn: U16,
    /// Must be zero.
    pub reserved4: [u8; 3834],
}

const _: () = {
    use core::mem::offset_of;
    assert!(size_of::<Secs>() == 4096);
    assert!(offset_of!(Secs, attributes) == 48);
    assert!(offset_of!(Secs, mrenclave) == 64);
    assert!(offset_of!(Secs, mrsigner) == 128);
    assert!(offset_of!(Secs, configid) == 192);
    assert!(offset_of!(Secs, isvprodid) == 256);
    assert!(offset_of!(Secs, reserved4) == 262);
};
