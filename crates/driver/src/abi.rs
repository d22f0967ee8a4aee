//! Numbers and structures of the ioctls: Linux's `asm/sgx.h`.

use zerocopy::little_endian::U64;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// The type byte of every SGX ioctl.
pub const MAGIC: u8 = 0xa4;

const WRITE: u32 = 1;
const READ: u32 = 2;

/// An ioctl number as Linux composes it: direction, size, type, number.
const fn ioctl(direction: u32, number: u32, size: usize) -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "the structures are smaller than 2^14 bytes")]
    let size = size as u32;
    direction << 30 | size << 16 | (MAGIC as u32) << 8 | number
}

/// SGX_IOC_ENCLAVE_CREATE.
pub const ENCLAVE_CREATE: u32 = ioctl(WRITE, 0, size_of::<Create>());
/// SGX_IOC_ENCLAVE_ADD_PAGES.
pub const ENCLAVE_ADD_PAGES: u32 = ioctl(READ | WRITE, 1, size_of::<AddPages>());
/// SGX_IOC_ENCLAVE_INIT.
pub const ENCLAVE_INIT: u32 = ioctl(WRITE, 2, size_of::<Init>());
/// SGX_IOC_ENCLAVE_PROVISION.
pub const ENCLAVE_PROVISION: u32 = ioctl(WRITE, 3, size_of::<Provision>());
/// SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS.
pub const ENCLAVE_RESTRICT_PERMISSIONS: u32 = ioctl(READ | WRITE, 5, 40);
/// SGX_IOC_ENCLAVE_MODIFY_TYPES.
pub const ENCLAVE_MODIFY_TYPES: u32 = ioctl(READ | WRITE, 6, 40);
/// SGX_IOC_ENCLAVE_REMOVE_PAGES.
pub const ENCLAVE_REMOVE_PAGES: u32 = ioctl(READ | WRITE, 7, 24);

/// Flag of ADD_PAGES: measure the contents. Other bits have no meaning and are ignored.
pub const PAGE_MEASURE: u64 = 1;

/// struct sgx_enclave_create.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(C)]
pub struct Create {
    /// Address of the SECS; any alignment.
    pub src: U64,
}

/// struct sgx_enclave_add_pages.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(C)]
pub struct AddPages {
    /// Address of the contents, page-aligned.
    pub src: U64,
    /// Where the pages go, in bytes from the enclave's base.
    pub offset: U64,
    /// Bytes.
    pub length: U64,
    /// Address of the SECINFO of all the pages; any alignment.
    pub secinfo: U64,
    /// See [`PAGE_MEASURE`].
    pub flags: U64,
    /// Out: bytes added.
    pub count: U64,
}

impl AddPages {
    /// As a program has it in memory.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; size_of::<Self>()]) -> Self {
        zerocopy::transmute!(bytes)
    }
}

/// struct sgx_enclave_init.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(C)]
pub struct Init {
    /// Address of the SIGSTRUCT; any alignment.
    pub sigstruct: U64,
}

/// struct sgx_enclave_provision.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(C)]
pub struct Provision {
    /// An open file of the provision node; the upper 32 bits are ignored.
    pub fd: U64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_headers() {
        assert_eq!(ENCLAVE_CREATE, 0x4008_a400);
        assert_eq!(ENCLAVE_ADD_PAGES, 0xc030_a401);
        assert_eq!(ENCLAVE_INIT, 0x4008_a402);
        assert_eq!(ENCLAVE_PROVISION, 0x4008_a403);
        assert_eq!(ENCLAVE_RESTRICT_PERMISSIONS, 0xc028_a405);
        assert_eq!(ENCLAVE_MODIFY_TYPES, 0xc028_a406);
        assert_eq!(ENCLAVE_REMOVE_PAGES, 0xc018_a407);
    }

    #[test]
    fn structures_have_the_headers_layout() {
        use core::mem::offset_of;
        assert_eq!(size_of::<AddPages>(), 48);
        assert_eq!(offset_of!(AddPages, secinfo), 24);
        assert_eq!(offset_of!(AddPages, count), 40);
        assert_eq!((size_of::<Create>(), size_of::<Init>(), size_of::<Provision>()), (8, 8, 8));
    }
}
