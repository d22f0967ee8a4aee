//! ATTRIBUTES (flags and XFRM) and MISCSELECT, as SECS, SIGSTRUCT, REPORT and tokens carry them.

use zerocopy::little_endian::U64;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

bitflags::bitflags! {
    /// ATTRIBUTES.FLAGS: the first eight bytes of ATTRIBUTES.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct Flags: u64 {
        /// EINIT has succeeded; never set by software.
        const INIT = 1 << 0;
        /// Debug access by EDBGRD and EDBGWR is permitted.
        const DEBUG = 1 << 1;
        /// The enclave runs in 64-bit mode.
        const MODE64BIT = 1 << 2;
        /// EGETKEY gives provisioning keys.
        const PROVISIONKEY = 1 << 4;
        /// EGETKEY gives the EINIT token key.
        const EINITTOKENKEY = 1 << 5;
        /// Control-flow enforcement.
        const CET = 1 << 6;
        /// Key separation and sharing.
        const KSS = 1 << 7;
        /// AEX-Notify.
        const AEXNOTIFY = 1 << 10;
        /// Bits without a name are kept.
        const _ = !0;
    }

    /// MISCSELECT: which MISC components an AEX writes into the SSA frame.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct MiscSelect: u32 {
        /// EXINFO: fault address and error code of #PF and #GP.
        const EXINFO = 1 << 0;
        /// CPINFO: error code of #CP.
        const CPINFO = 1 << 1;
        /// Bits without a name are kept.
        const _ = !0;
    }
}

/// XFRM bits 0 and 1 (x87 and SSE), which every enclave has.
pub const XFRM_LEGACY: u64 = 3;

/// ATTRIBUTES: 16 bytes.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(C)]
pub struct Attributes {
    /// See [`Flags`].
    pub flags: U64,
    /// Extended features enabled inside, in the form of XCR0.
    pub xfrm: U64,
}

impl Attributes {
    /// ATTRIBUTES with these flags and XFRM.
    #[must_use]
    pub const fn new(flags: Flags, xfrm: u64) -> Self {
        Self { flags: U64::new(flags.bits()), xfrm: U64::new(xfrm) }
    }

    /// The flags, unknown bits kept.
    #[must_use]
    pub const fn flags(&self) -> Flags {
        Flags::from_bits_retain(self.flags.get())
    }

    /// Whether all of `flags` are set.
    #[must_use]
    pub const fn has(&self, flags: Flags) -> bool {
        self.flags().contains(flags)
    }

    /// Both halves ANDed with a mask.
    #[must_use]
    pub const fn masked(&self, mask: &Self) -> Self {
        Self {
            flags: U64::new(self.flags.get() & mask.flags.get()),
            xfrm: U64::new(self.xfrm.get() & mask.xfrm.get()),
        }
    }
}

const _: () = assert!(size_of::<Attributes>() == 16);
