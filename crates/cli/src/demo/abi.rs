//! The structures of Linux's `asm/sgx.h` that the hosts of demo and bench fill in, written down once more on
//! purpose: they share nothing with the driver that answers them.

use zerocopy::{Immutable, IntoBytes};

/// SGX_IOC_ENCLAVE_CREATE.
pub(crate) const CREATE: u32 = 0x4008_a400;
/// SGX_IOC_ENCLAVE_ADD_PAGES.
pub(crate) const ADD_PAGES: u32 = 0xc030_a401;
/// SGX_IOC_ENCLAVE_INIT.
pub(crate) const INIT: u32 = 0x4008_a402;

/// SGX_PAGE_MEASURE.
pub(crate) const PAGE_MEASURE: u64 = 1;

/// `struct sgx_enclave_add_pages`.
#[derive(IntoBytes, Immutable, zerocopy::FromBytes)]
#[repr(C)]
pub(crate) struct AddPages {
    pub(crate) src: u64,
    pub(crate) offset: u64,
    pub(crate) length: u64,
    pub(crate) secinfo: u64,
    pub(crate) flags: u64,
    pub(crate) count: u64,
}

const _: () = assert!(size_of::<AddPages>() == 48);

/// The address of something that the kernel reads.
pub(crate) fn exposed<T>(value: &T) -> u64 {
    std::ptr::from_ref(value).expose_provenance() as u64
}
