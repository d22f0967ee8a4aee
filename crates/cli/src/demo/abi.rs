//! The structures of Linux's `asm/sgx.h` that the demo's host fills in, written down once more on purpose: the
//! host shares nothing with the driver that answers it.

use zerocopy::{Immutable, IntoBytes};

/// SGX_IOC_ENCLAVE_CREATE.
pub(super) const CREATE: u32 = 0x4008_a400;
/// SGX_IOC_ENCLAVE_ADD_PAGES.
pub(super) const ADD_PAGES: u32 = 0xc030_a401;
/// SGX_IOC_ENCLAVE_INIT.
pub(super) const INIT: u32 = 0x4008_a402;

/// SGX_PAGE_MEASURE.
pub(super) const PAGE_MEASURE: u64 = 1;

/// `struct sgx_enclave_add_pages`.
#[derive(IntoBytes, Immutable, zerocopy::FromBytes)]
#[repr(C)]
pub(super) struct AddPages {
    pub(super) src: u64,
    pub(super) offset: u64,
    pub(super) length: u64,
    pub(super) secinfo: u64,
    pub(super) flags: u64,
    pub(super) count: u64,
}

const _: () = assert!(size_of::<AddPages>() == 48);
