//! Where the entries lie in [`code`](crate::code), in bytes from its start.

// A label is a place and no object: as arrays without elements these statics claim no byte of what stands
// there, which belongs to other labels as well.
unsafe extern "C" {
    static anyclave_stub_begin: [u8; 0];
    static anyclave_stub_end: [u8; 0];
    static anyclave_stub_syscall: [u8; 0];
    static anyclave_stub_park: [u8; 0];
    static anyclave_stub_sentinel: [u8; 0];
    static anyclave_stub_restorer: [u8; 0];
    static anyclave_stub_enter: [u8; 0];
    static anyclave_stub_enter_end: [u8; 0];
    static anyclave_stub_enclu: [u8; 0];
    static anyclave_stub_fixup: [u8; 0];
    static anyclave_stub_cfi: [u8; 0];
    static anyclave_stub_cfi_end: [u8; 0];
}

/// The first byte, as a pointer to all of the code. A pointer taken from the static itself would be good for its
/// zero bytes only; what the assembler laid out belongs to no Rust object and is reached by its address.
pub(crate) fn begin() -> *const u8 {
    core::ptr::with_exposed_provenance((&raw const anyclave_stub_begin).expose_provenance())
}

fn of(label: *const [u8; 0]) -> usize {
    label.addr() - (&raw const anyclave_stub_begin).addr()
}

/// Defines one function for each label.
macro_rules! labels {
    ($($(#[$doc:meta])* $vis:vis $name:ident = $label:ident;)*) => {$(
        $(#[$doc])*
        #[must_use]
        $vis fn $name() -> usize {
            of(&raw const $label)
        }
    )*};
}

labels! {
    /// A `syscall` instruction, followed by `ud2`: for system calls made on the supervisor's behalf.
    pub syscall = anyclave_stub_syscall;
    /// A loop of short sleeps for a thread that has no tracer for a moment. It uses no stack, clobbers
    /// registers, and ends the process with [`PARK_STATUS`](crate::PARK_STATUS) after about ten seconds.
    pub park = anyclave_stub_park;
    /// A signal handler that is never meant to run; it traps.
    pub sentinel = anyclave_stub_sentinel;
    /// The restorer (`sa_restorer`) of that handler.
    pub restorer = anyclave_stub_restorer;
    /// The function `__vdso_sgx_enter_enclave`.
    pub enter_enclave = anyclave_stub_enter;
    /// The first byte behind that function.
    pub enter_enclave_end = anyclave_stub_enter_end;
    /// Its ENCLU, which is also the AEP. An EEXIT arrives right behind it.
    pub enclu = anyclave_stub_enclu;
    /// Where a thread goes on when an exception at the ENCLU or inside the enclave is reported: EAX is the
    /// leaf that the thread stands at, RDI the vector, RSI the error code, RDX the address of a page fault
    /// or 0; RSP and RBP are those of the function.
    pub fixup = anyclave_stub_fixup;
    pub(crate) cfi = anyclave_stub_cfi;
    pub(crate) cfi_end = anyclave_stub_cfi_end;
    pub(crate) end = anyclave_stub_end;
}
