//! Rights of mappings, and the most that a page allows.

use anyclave_arch::{PageType, SecInfo, SecInfoFlags};

bitflags::bitflags! {
    /// PROT_READ, PROT_WRITE and PROT_EXEC, with Linux's numbers.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct Rights: u32 {
        /// PROT_READ.
        const READ = 1;
        /// PROT_WRITE.
        const WRITE = 2;
        /// PROT_EXEC.
        const EXEC = 4;
    }
}

impl Rights {
    /// The rights among the PROT_ bits of a system call.
    #[must_use]
    pub const fn from_prot(prot: u64) -> Self {
        let [low, ..] = prot.to_le_bytes();
        Self::from_bits_truncate(low as u32)
    }

    /// The most that a mapping may have over a page that is added with this SECINFO: its own R, W and X.
    /// A TCS has none of them, but the processor reads and writes it, so a mapping needs both.
    pub(crate) fn most(secinfo: &SecInfo) -> Self {
        if secinfo.page_type() == Some(PageType::Tcs) {
            return Self::READ | Self::WRITE;
        }
        Self::of_page(secinfo.bits())
    }

    /// R, W and X of a page, as SECINFO and EPCM have them.
    #[must_use]
    pub fn of_page(bits: SecInfoFlags) -> Self {
        let mut rights = Self::empty();
        rights.set(Self::READ, bits.contains(SecInfoFlags::R));
        rights.set(Self::WRITE, bits.contains(SecInfoFlags::W));
        rights.set(Self::EXEC, bits.contains(SecInfoFlags::X));
        rights
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_follow_the_secinfo() {
        let most = |page_type, flags| Rights::most(&SecInfo::new(page_type, flags));
        assert_eq!(most(PageType::Tcs, SecInfoFlags::empty()), Rights::READ | Rights::WRITE);
        assert_eq!(most(PageType::Reg, SecInfoFlags::empty()), Rights::empty());
        assert_eq!(most(PageType::Reg, SecInfoFlags::RWX), Rights::all());
        assert_eq!(most(PageType::Reg, SecInfoFlags::R | SecInfoFlags::X), Rights::READ | Rights::EXEC);
    }

    #[test]
    fn other_prot_bits_are_dropped() {
        assert_eq!(Rights::from_prot(0x0100_0003), Rights::READ | Rights::WRITE);
    }
}
