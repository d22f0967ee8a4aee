//! The SSA frame: XSAVE area at its start, GPRSGX at its end, MISC region just below GPRSGX.

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::attributes::MiscSelect;

/// GPRSGX: the last 184 bytes of an SSA frame.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(C)]
#[expect(missing_docs, reason = "register names")]
pub struct GprSgx {
    pub rax: U64,
    pub rcx: U64,
    pub rdx: U64,
    pub rbx: U64,
    pub rsp: U64,
    pub rbp: U64,
    pub rsi: U64,
    pub rdi: U64,
    pub r8: U64,
    pub r9: U64,
    pub r10: U64,
    pub r11: U64,
    pub r12: U64,
    pub r13: U64,
    pub r14: U64,
    pub r15: U64,
    pub rflags: U64,
    pub rip: U64,
    /// RSP outside, saved at entry.
    pub ursp: U64,
    /// RBP outside, saved at entry.
    pub urbp: U64,
    /// See [`ExitInfo`].
    pub exitinfo: U32,
    pub reserved: [u8; 3],
    /// AEX-Notify: bit 0 asks for a notification at ERESUME.
    pub aexnotify: u8,
    pub fsbase: U64,
    pub gsbase: U64,
}

/// Bytes of [`GprSgx`].
pub const GPRSGX_SIZE: u64 = 184;

/// EXITINFO: why the last AEX happened, where the reason may be told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ExitInfo(pub u32);

impl ExitInfo {
    /// EXIT_TYPE of exceptions raised by hardware.
    pub const HARDWARE: u32 = 3;
    /// EXIT_TYPE of INT3.
    pub const SOFTWARE: u32 = 6;

    /// A valid EXITINFO.
    #[must_use]
    pub const fn new(vector: u8, exit_type: u32) -> Self {
        Self(vector as u32 | exit_type << 8 | 1 << 31)
    }

    /// Whether VECTOR and EXIT_TYPE mean anything.
    #[must_use]
    pub const fn is_valid(self) -> bool {
        self.0 >> 31 == 1
    }

    /// The exception vector.
    #[must_use]
    pub const fn vector(self) -> u8 {
        self.0.to_le_bytes()[0]
    }
}

/// EXINFO: the MISC component that tells the address and error code of #PF and #GP.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(C)]
pub struct ExInfo {
    /// Fault address, all its bits (#PF), or zero (#GP).
    pub maddr: U64,
    /// Error code.
    pub errcd: U32,
    /// Zero.
    pub reserved: U32,
}

/// Bytes of the MISC region for a MISCSELECT.
#[must_use]
pub const fn misc_size(miscselect: MiscSelect) -> u64 {
    if miscselect.contains(MiscSelect::EXINFO) { 16 } else { 0 }
}

const _: () = {
    use core::mem::offset_of;
    assert!(size_of::<GprSgx>() as u64 == GPRSGX_SIZE);
    assert!(offset_of!(GprSgx, rflags) == 128);
    assert!(offset_of!(GprSgx, ursp) == 144);
    assert!(offset_of!(GprSgx, exitinfo) == 160);
    assert!(offset_of!(GprSgx, aexnotify) == 167);
    assert!(offset_of!(GprSgx, gsbase) == 176);
    assert!(size_of::<ExInfo>() == 16);
};
