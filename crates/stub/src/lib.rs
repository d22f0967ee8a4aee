//! Code that is copied into each process of a machine.
//!
//! The supervisor maps one read-only executable area into a process and copies [`code`] there. The code is
//! position independent and has nothing to write to but the caller's stack and what the caller names. What
//! may never appear in it: a reference to a symbol outside, libc, thread-local storage, data to be written.
//!
//! It lies in a section of its own between two symbols; [`offset`] tells where the entries are. None of it
//! runs in the process of the supervisor.
#![allow(unsafe_code, reason = "one of the two crates where unsafe code lives")]
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

pub mod offset;
mod run;

pub use run::SgxEnclaveRun;

use core::mem::offset_of;

/// Status of a process whose thread waited in vain for its new tracer ([`offset::park`]).
pub const PARK_STATUS: i32 = 125;
/// How often a parked thread sleeps before it gives up; with [`PARK_SLEEP_NS`] about ten seconds.
const PARK_SLEEPS: u32 = 1000;
/// How long a parked thread sleeps at once.
const PARK_SLEEP_NS: u64 = 10_000_000;
/// Turns of a spin loop in place of a sleep that failed; some milliseconds.
const PARK_SPINS: u32 = 200_000;

core::arch::global_asm!(
    ".pushsection anyclave_stub, \"ax\", @progbits",
    ".globl anyclave_stub_begin, anyclave_stub_end, anyclave_stub_syscall, anyclave_stub_park",
    ".globl anyclave_stub_sentinel, anyclave_stub_restorer, anyclave_stub_enter, anyclave_stub_enter_end",
    ".globl anyclave_stub_enclu, anyclave_stub_fixup, anyclave_stub_cfi, anyclave_stub_cfi_end",
    ".hidden anyclave_stub_begin, anyclave_stub_end, anyclave_stub_syscall, anyclave_stub_park",
    ".hidden anyclave_stub_sentinel, anyclave_stub_restorer, anyclave_stub_enter, anyclave_stub_enter_end",
    ".hidden anyclave_stub_enclu, anyclave_stub_fixup, anyclave_stub_cfi, anyclave_stub_cfi_end",
    ".balign 64",
    "anyclave_stub_begin:",
    include_str!("asm/calls.s"),
    include_str!("asm/enter.s"),
    ".balign 64",
    "anyclave_stub_end:",
    ".popsection",
    SYS_NANOSLEEP = const libc::SYS_nanosleep,
    SYS_EXIT_GROUP = const libc::SYS_exit_group,
    SYS_RT_SIGRETURN = const libc::SYS_rt_sigreturn,
    PARK_STATUS = const PARK_STATUS,
    PARK_SLEEPS = const PARK_SLEEPS,
    PARK_SLEEP_NS = const PARK_SLEEP_NS,
    PARK_SPINS = const PARK_SPINS,
    EENTER = const 2,
    ERESUME = const 3,
    EEXIT = const 4,
    EINVAL = const libc::EINVAL,
    RUN_TCS = const offset_of!(SgxEnclaveRun, tcs),
    RUN_FUNCTION = const offset_of!(SgxEnclaveRun, function),
    RUN_VECTOR = const offset_of!(SgxEnclaveRun, exception_vector),
    RUN_ERROR_CODE = const offset_of!(SgxEnclaveRun, exception_error_code),
    RUN_ADDRESS = const offset_of!(SgxEnclaveRun, exception_addr),
    RUN_HANDLER = const offset_of!(SgxEnclaveRun, user_handler),
    RUN_RESERVED = const offset_of!(SgxEnclaveRun, reserved),
    RUN_RESERVED_QUADS = const (size_of::<SgxEnclaveRun>() - offset_of!(SgxEnclaveRun, reserved)) / 8,
);

/// The code, to be copied to an address that is a multiple of 64. Shorter than a page.
#[must_use]
pub fn code() -> &'static [u8] {
    // SAFETY: begin and end are the bounds of one section part of initialised, never written bytes, laid
    // out by one assembly block, begin first; the program's text lives as long as the program. `begin` is a
    // label and not an object of Rust's: what it points into is all that the assembler put there, of which
    // Rust knows no part by another name that is ever written.
    unsafe { core::slice::from_raw_parts(offset::begin(), offset::end()) }
}

/// Call frame instructions (DWARF) of the function at [`offset::enter_enclave`].
///
/// They go with a common information entry that says: CFA = rsp + 8, return address (column 16) at CFA − 8,
/// code alignment factor 1, data alignment factor −8.
#[must_use]
pub fn enter_enclave_cfi() -> &'static [u8] {
    &code()[offset::cfi()..offset::cfi_end()]
}

#[cfg(test)]
mod tests;
