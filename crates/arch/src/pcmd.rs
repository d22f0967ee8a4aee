//! PCMD: what a page that left the EPC is, and its proof, 128 bytes at a 128-byte boundary.

use zerocopy::little_endian::U64;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::SecInfo;

/// PCMD, 128 bytes: written by EWB, read by ELDB and ELDU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Pcmd {
    /// Type, rights and state of the page. All of it is authenticated.
    pub secinfo: SecInfo,
    /// EID of the owner, for software to tell pages apart. Not authenticated: the SECS that ELDB and ELDU name
    /// is.
    pub enclaveid: U64,
    /// Zero, and authenticated.
    pub reserved: [u8; 40],
    /// MAC of page, SECINFO, EID, linear address and reserved bytes, under the version in the VA slot.
    pub mac: [u8; 16],
}

const _: () = {
    use core::mem::offset_of;
    assert!(size_of::<Pcmd>() == 128);
    assert!(offset_of!(Pcmd, enclaveid) == 64);
    assert!(offset_of!(Pcmd, mac) == 112);
};
