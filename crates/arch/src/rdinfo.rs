//! RDINFO: what ERDINFO tells of an EPC page, 32 bytes at a 32-byte boundary.

use zerocopy::little_endian::U64;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

bitflags::bitflags! {
    /// RDINFO.STATUS, of a SECS.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct RdInfoStatus: u64 {
        /// Pages of the enclave are in the EPC.
        const CHILDPRESENT = 1 << 0;
        /// A hypervisor has counted pages of the enclave that it keeps out of the EPC.
        const VIRTCHILDPRESENT = 1 << 1;
    }
}

/// RDINFO.FLAGS.BLOCKED; the bits below it are those of SECINFO.FLAGS.
pub const BLOCKED: u64 = 1 << 63;

/// RDINFO, of which the leaf writes the first 24 bytes.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(C)]
pub struct RdInfo {
    /// See [`RdInfoStatus`].
    pub status: U64,
    /// Rights, state and type of the page, in the form of SECINFO.FLAGS, and [`BLOCKED`].
    pub flags: U64,
    /// The name that a hypervisor has given to the enclave by ESETCONTEXT; at first the physical address of its SECS.
    pub enclavecontext: U64,
}

const _: () = assert!(size_of::<RdInfo>() == 24);
