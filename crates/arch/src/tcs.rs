//! TCS: the control structure of an enclave thread, one EPC page.

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

bitflags::bitflags! {
    /// TCS.FLAGS.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct TcsFlags: u64 {
        /// Debug opt-in; only EDBGWR sets it.
        const DBGOPTIN = 1 << 0;
        /// AEX-Notify for this thread.
        const AEXNOTIFY = 1 << 1;
        /// Bits without a name are kept.
        const _ = !0;
    }
}

/// Bytes of a TCS that have a meaning; the rest is reserved and zero.
pub const TCS_LIMIT: u64 = 72;

/// TCS, 4096 bytes.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Tcs {
    /// 0 inactive, 1 active; not readable by software.
    pub state: U64,
    /// See [`TcsFlags`].
    pub flags: U64,
    /// Offset of the SSA stack from the enclave base.
    pub ossa: U64,
    /// Index of the current SSA frame.
    pub cssa: U32,
    /// Number of SSA frames.
    pub nssa: U32,
    /// Offset of the entry point.
    pub oentry: U64,
    /// Asynchronous exit pointer, as the last entry gave it.
    pub aep: U64,
    /// Offset of the FS segment.
    pub ofsbase: U64,
    /// Offset of the GS segment.
    pub ogsbase: U64,
    /// FS limit (32-bit enclaves).
    pub fslimit: U32,
    /// GS limit (32-bit enclaves).
    pub gslimit: U32,
    /// Must be zero.
    pub reserved: [u8; 4024],
}

const _: () = {
    use core::mem::offset_of;
    assert!(size_of::<Tcs>() == 4096);
    assert!(offset_of!(Tcs, cssa) == 24);
    assert!(offset_of!(Tcs, oentry) == 32);
    assert!(offset_of!(Tcs, fslimit) == 64);
    assert!(offset_of!(Tcs, reserved) as u64 == TCS_LIMIT);
};
