//! What the enclave and its host agree on. This file is compiled into both: as a module of this crate, and
//! as a module of `enclave.rs`, which has no crate around it.

/// Bytes of the enclave's ELRANGE.
pub const ELRANGE: usize = 0x2_0000;

/// One call into the enclave, in memory of the host. RDI holds its address at EENTER; the enclave copies it
/// in, works on the copy and copies it back.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(8))]
pub struct Call {
    /// Which function: one of the constants below. Not looked at when an exception is handled.
    pub number: u64,
    /// In: the function's argument. Out, after an exception was handled: the address of a page fault, all
    /// its bits, which the host does not learn from the processor.
    pub argument: u64,
    /// Out: what the function says. After an exception was handled: its vector.
    pub result: u64,
    /// In and out: a structure, where the function has one.
    pub buffer: [u8; 512],
}

/// Result of anything the enclave refuses: an unknown function, an exception it did not raise on purpose.
pub const REFUSED: u64 = u64::MAX;

/// Result: the argument.
pub const ECHO: u64 = 0;
/// Adds the argument to a counter that only the enclave knows. Result: the counter.
pub const COUNT: u64 = 1;
/// Executes an undefined instruction, then goes on. Result: the argument.
pub const UNDEFINED: u64 = 2;
/// Writes to its own code, which is not writable, then goes on. Result: the argument.
pub const WRITE_CODE: u64 = 3;
/// EREPORT. Buffer in: the TARGETINFO; out: the REPORT. REPORTDATA begins with the argument, little-endian.
pub const REPORT: u64 = 4;
/// Checks the REPORT in the buffer with the key that EGETKEY gives this enclave. Result: [`GENUINE`],
/// [`FORGED`], or [`REFUSED`] where EGETKEY refused.
pub const VERIFY: u64 = 5;

/// The REPORT was made on this machine, for this enclave.
pub const GENUINE: u64 = 1;
/// It was not.
pub const FORGED: u64 = 0;
