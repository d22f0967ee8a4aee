//! `struct sgx_enclave_run` of the kernel's `asm/sgx.h`.

/// What a caller of `__vdso_sgx_enter_enclave` says of its entry, and is told of the exit.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct SgxEnclaveRun {
    /// Linear address of the TCS.
    pub tcs: u64,
    /// The leaf that was left: EEXIT after a regular exit, else what EAX held at the exception.
    pub function: u32,
    /// Vector of the exception.
    pub exception_vector: u16,
    /// Error code of the exception.
    pub exception_error_code: u16,
    /// Faulting address of a page fault, else 0.
    pub exception_addr: u64,
    /// Address of the exit handler, or 0.
    pub user_handler: u64,
    /// The caller's own.
    pub user_data: u64,
    /// Must be zero.
    pub reserved: [u64; 27],
}

const _: () =
    assert!(size_of::<SgxEnclaveRun>() == 256 && core::mem::offset_of!(SgxEnclaveRun, reserved) == 40);
