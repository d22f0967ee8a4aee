//! The EPCM: what the processor knows of each EPC page.

use anyclave_arch::{EpcAddr, Linear, PageType, SecInfo, SecInfoFlags};

use crate::table::EpcTable;

/// The EPCM entry of one page. The default is a page that is not in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpcmEntry {
    /// The page is in use.
    pub valid: bool,
    /// R, W and X.
    pub rights: SecInfoFlags,
    /// Type of the page.
    pub page_type: PageType,
    /// The SECS of the enclave that owns the page; the page itself for a SECS.
    pub secs: EpcAddr,
    /// Linear address at which the enclave may use the page.
    pub address: Linear,
    /// EBLOCK has been executed.
    pub blocked: bool,
    /// EAUG has been executed, EACCEPT has not.
    pub pending: bool,
    /// EMODT has been executed, EACCEPT has not.
    pub modified: bool,
    /// EMODPR has been executed, EACCEPT has not.
    pub pr: bool,
    /// The enclave's epoch at the last EBLOCK, EMODPR or EMODT; None where none has been executed since the page
    /// came. What was waited for then is gone when the page is tracked.
    pub mark: Option<u64>,
}

impl EpcmEntry {
    /// A page that is not in use.
    pub const INVALID: Self = Self {
        valid: false,
        rights: SecInfoFlags::empty(),
        page_type: PageType::Secs,
        secs: EpcAddr(0),
        address: Linear(0),
        blocked: false,
        pending: false,
        modified: false,
        pr: false,
        mark: None,
    };

    /// A page in use, with no rights and no state bits.
    #[must_use]
    pub const fn new(page_type: PageType, secs: EpcAddr, address: Linear) -> Self {
        Self { valid: true, page_type, secs, address, ..Self::INVALID }
    }

    /// The same, with the rights and state bits of a SECINFO.
    #[must_use]
    pub const fn with_flags(self, flags: SecInfoFlags) -> Self {
        Self {
            rights: flags.intersection(SecInfoFlags::RWX),
            pending: flags.contains(SecInfoFlags::PENDING),
            modified: flags.contains(SecInfoFlags::MODIFIED),
            pr: flags.contains(SecInfoFlags::PR),
            ..self
        }
    }

    /// Type, rights and state as a SECINFO says them; BLOCKED has no place in it.
    #[must_use]
    pub fn secinfo(&self) -> SecInfo {
        let state = [
            (self.pending, SecInfoFlags::PENDING),
            (self.modified, SecInfoFlags::MODIFIED),
            (self.pr, SecInfoFlags::PR),
        ];
        let state = state.into_iter().filter_map(|(is_set, flag)| is_set.then_some(flag));
        SecInfo::new(self.page_type, state.fold(self.rights, SecInfoFlags::union))
    }

    /// Whether the page belongs to an enclave and is not its SECS.
    #[must_use]
    pub const fn is_child(&self) -> bool {
        self.page_type.is_child()
    }
}

impl Default for EpcmEntry {
    fn default() -> Self {
        Self::INVALID
    }
}

/// The EPCM.
#[derive(Clone, Debug, Default)]
pub struct Epcm {
    entries: EpcTable<EpcmEntry>,
    valid: u64,
}

impl Epcm {
    /// The entry of the page that holds `at`.
    #[inline]
    #[must_use]
    pub fn entry(&self, at: EpcAddr) -> EpcmEntry {
        self.entries.get(at).copied().unwrap_or(EpcmEntry::INVALID)
    }

    /// Sets the entry of the page that holds `at`.
    #[inline]
    pub(crate) fn set(&mut self, at: EpcAddr, entry: EpcmEntry) {
        let before = self.entries.replace(at, entry);
        self.valid = self.valid + u64::from(entry.valid) - u64::from(before.valid);
    }

    /// Pages that are in use.
    #[must_use]
    pub const fn valid_pages(&self) -> u64 {
        self.valid
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_make_the_way_through_a_secinfo_and_back() {
        let plain = EpcmEntry::new(PageType::Reg, EpcAddr(0x3000), Linear(0x5000));
        for bits in 0..0x40 {
            let flags = SecInfoFlags::from_bits_retain(bits);
            let entry = plain.with_flags(flags);
            assert_eq!(entry.secinfo(), SecInfo::new(PageType::Reg, flags));
            assert_eq!(entry.rights.bits(), bits & 7);
        }
        assert_eq!(plain.with_flags(SecInfoFlags::from_bits_retain(!0x3f)), plain);
    }

    #[test]
    fn pages_in_use_are_counted_once() {
        let mut epcm = Epcm::default();
        let entry = EpcmEntry::new(PageType::Reg, EpcAddr(0), Linear(0x5000));
        epcm.set(EpcAddr(0x1000), EpcmEntry::INVALID);
        assert_eq!(epcm.valid_pages(), 0);
        for _ in 0..2 {
            epcm.set(EpcAddr(0x1000), entry);
            epcm.set(EpcAddr(0x2000), EpcmEntry { blocked: true, ..entry });
            assert_eq!(epcm.valid_pages(), 2);
        }
        epcm.set(EpcAddr(0x1000), EpcmEntry::INVALID);
        epcm.set(EpcAddr(0x1000), EpcmEntry::INVALID);
        assert_eq!(epcm.valid_pages(), 1);
    }

    #[test]
    fn entries_of_neighbours_are_apart() {
        let mut epcm = Epcm::default();
        let entry = EpcmEntry::new(PageType::Reg, EpcAddr(0), Linear(0x5000));
        epcm.set(EpcAddr(0x1f_f000), entry);
        assert_eq!(epcm.entry(EpcAddr(0x1f_ffff)), entry);
        assert_eq!(epcm.entry(EpcAddr(0x20_0000)), EpcmEntry::INVALID);
        assert_eq!(epcm.entry(EpcAddr(0x1f_e000)), EpcmEntry::INVALID);
    }
}
