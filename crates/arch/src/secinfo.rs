//! SECINFO: rights, state and type of an EPC page, 64 bytes at a 64-byte boundary.

use zerocopy::little_endian::U64;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

bitflags::bitflags! {
    /// SECINFO.FLAGS without the page type.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct SecInfoFlags: u64 {
        /// Readable by the enclave.
        const R = 1 << 0;
        /// Writable by the enclave.
        const W = 1 << 1;
        /// Executable by the enclave.
        const X = 1 << 2;
        /// Waiting for EACCEPT of an EAUG.
        const PENDING = 1 << 3;
        /// Waiting for EACCEPT of an EMODT.
        const MODIFIED = 1 << 4;
        /// A restriction of permissions is in progress.
        const PR = 1 << 5;
        /// Bits without a name are kept.
        const _ = !0;
    }
}

impl SecInfoFlags {
    /// Read, write and execute.
    pub const RWX: Self = Self::R.union(Self::W).union(Self::X);
}

/// PAGE_TYPE, bits 15:8 of SECINFO.FLAGS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum PageType {
    /// Enclave control structure.
    Secs = 0,
    /// Thread control structure.
    Tcs = 1,
    /// Ordinary enclave page.
    Reg = 2,
    /// Version array.
    Va = 3,
    /// Page on its way out of the enclave.
    Trim = 4,
    /// First page of a shadow stack (CET).
    SsFirst = 5,
    /// Further page of a shadow stack (CET).
    SsRest = 6,
}

impl PageType {
    /// The type with this number.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::Secs,
            1 => Self::Tcs,
            2 => Self::Reg,
            3 => Self::Va,
            4 => Self::Trim,
            5 => Self::SsFirst,
            6 => Self::SsRest,
            _ => return None,
        })
    }

    /// Whether pages of this type belong to an enclave, and so count as children of its SECS.
    #[must_use]
    pub const fn is_child(self) -> bool {
        matches!(self, Self::Tcs | Self::Reg | Self::Trim | Self::SsFirst | Self::SsRest)
    }

    /// The manual's name, `PT_` included.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Secs => "PT_SECS",
            Self::Tcs => "PT_TCS",
            Self::Reg => "PT_REG",
            Self::Va => "PT_VA",
            Self::Trim => "PT_TRIM",
            Self::SsFirst => "PT_SS_FIRST",
            Self::SsRest => "PT_SS_REST",
        }
    }
}

/// SECINFO, 64 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct SecInfo {
    /// Rights, state bits and page type.
    pub flags: U64,
    /// Must be zero.
    pub reserved: [u8; 56],
}

impl SecInfo {
    /// A SECINFO with these rights and this page type.
    #[must_use]
    pub const fn new(page_type: PageType, flags: SecInfoFlags) -> Self {
        Self { flags: U64::new(flags.bits() | (page_type as u64) << 8), reserved: [0; 56] }
    }

    /// The flags below the page type; bits above bit 15 included.
    #[must_use]
    pub const fn bits(&self) -> SecInfoFlags {
        SecInfoFlags::from_bits_retain(self.flags.get() & !0xff00)
    }

    /// The page type, or None where the number has no meaning.
    #[must_use]
    pub const fn page_type(&self) -> Option<PageType> {
        let [_, number, ..] = self.flags.get().to_le_bytes();
        PageType::from_number(number)
    }

    /// Whether a bit that the manual reserves is set: bits 7:6 and 63:16 of FLAGS, and all bytes behind.
    #[must_use]
    pub fn has_reserved(&self) -> bool {
        self.flags.get() & !0xff3f != 0 || self.reserved != [0; 56]
    }
}

const _: () = assert!(size_of::<SecInfo>() == 64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tcs_is_100h() {
        let secinfo = SecInfo::new(PageType::Tcs, SecInfoFlags::empty());
        assert_eq!(secinfo.flags.get(), 0x100);
        assert_eq!(secinfo.page_type(), Some(PageType::Tcs));
        assert!(!secinfo.has_reserved());
    }

    #[test]
    fn reserved_bits_are_seen() {
        for bit in [6, 7, 16, 63] {
            let mut secinfo = SecInfo::new(PageType::Reg, SecInfoFlags::R);
            secinfo.flags.set(secinfo.flags.get() | 1 << bit);
            assert!(secinfo.has_reserved(), "bit {bit}");
        }
        let mut secinfo = SecInfo::new(PageType::Reg, SecInfoFlags::RWX);
        secinfo.reserved[55] = 1;
        assert!(secinfo.has_reserved());
    }
}
