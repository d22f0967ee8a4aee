//! Addresses of the three spaces that meet in SGX. They never convert silently into one another.

/// Bytes in a page of any kind.
pub const PAGE_SIZE: u64 = 4096;

/// A linear address as software gave it: an allegation until a translation confirms it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Linear(pub u64);

impl Linear {
    /// Whether the address is a multiple of `alignment`, which must be a power of two.
    #[must_use]
    pub const fn is_aligned(self, alignment: u64) -> bool {
        self.0 & (alignment - 1) == 0
    }

    /// The address of the page that holds this address.
    #[must_use]
    pub const fn page(self) -> Self {
        Self(self.0 & !(PAGE_SIZE - 1))
    }

    /// Offset within the page.
    #[must_use]
    pub const fn page_offset(self) -> u64 {
        self.0 & (PAGE_SIZE - 1)
    }

    /// Whether the address is canonical with 48 bits of linear address.
    #[must_use]
    pub const fn is_canonical(self) -> bool {
        let top = self.0 >> 47;
        top == 0 || top == 0x1_ffff
    }

    /// The address `bytes` further on, wrapping as address arithmetic does.
    #[must_use]
    pub const fn offset(self, bytes: u64) -> Self {
        Self(self.0.wrapping_add(bytes))
    }
}

impl core::fmt::Display for Linear {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

/// A physical address inside an EPC section. Only a translation or the EPC manager makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EpcAddr(pub u64);

impl EpcAddr {
    /// The address of the EPC page that holds this address.
    #[must_use]
    pub const fn page(self) -> Self {
        Self(self.0 & !(PAGE_SIZE - 1))
    }

    /// Offset within the EPC page.
    #[must_use]
    pub const fn page_offset(self) -> u64 {
        self.0 & (PAGE_SIZE - 1)
    }
}

impl core::fmt::Display for EpcAddr {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "epc:{:#x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_addresses_repeat_bit_47() {
        assert!(Linear(0x7fff_ffff_ffff).is_canonical());
        assert!(Linear(0xffff_8000_0000_0000).is_canonical());
        assert!(!Linear(0x8000_0000_0000).is_canonical());
        assert!(!Linear(0xffff_0000_0000_0000).is_canonical());
    }

    #[test]
    fn pages_and_offsets_split_an_address() {
        let address = Linear(0x1234_5678);
        assert_eq!(address.page(), Linear(0x1234_5000));
        assert_eq!(address.page_offset(), 0x678);
        assert!(address.is_aligned(8));
        assert!(!address.is_aligned(16));
    }
}
