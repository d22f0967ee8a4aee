//! What the driver learns from CPUID when it starts.

use anyclave_arch::cpuid::{self, Registers};
use anyclave_arch::{Flags, MiscSelect};

/// Features of the processor, as far as the driver looks at them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Features {
    /// SGX2 leaves.
    pub sgx2: bool,
    /// MISCSELECT bits.
    pub miscselect: MiscSelect,
    /// ATTRIBUTES that enclaves may have.
    pub attributes: Flags,
    /// XFRM bits that enclaves may have.
    pub xfrm: u64,
}

/// Attributes that the driver knows nothing of, whatever CPUID says.
const UNKNOWN_ATTRIBUTES: u64 = 1 << 3 | 1 << 6 | 1 << 8 | 1 << 9 | !0 << 11;

impl Features {
    /// Reads CPUID.12H.0 and .1.
    #[must_use]
    pub const fn from_cpuid(leaf0: Registers, leaf1: Registers) -> Self {
        const fn join(low: u32, high: u32) -> u64 {
            low as u64 | (high as u64) << 32
        }
        Self {
            sgx2: leaf0.eax & cpuid::SgxFeatures::SGX2.bits() != 0,
            miscselect: MiscSelect::from_bits_retain(leaf0.ebx),
            attributes: Flags::from_bits_retain(join(leaf1.eax, leaf1.ebx)),
            xfrm: join(leaf1.ecx, leaf1.edx),
        }
    }

    /// Attributes that a SIGSTRUCT may not enforce.
    pub(crate) const fn reserved_attributes(&self) -> u64 {
        !self.attributes.bits() | UNKNOWN_ATTRIBUTES
    }

    /// MISCSELECT bits that a SIGSTRUCT may not enforce. The driver knows EXINFO alone.
    pub(crate) const fn reserved_miscselect(&self) -> u32 {
        !(self.miscselect.bits() & MiscSelect::EXINFO.bits())
    }

    /// XFRM bits that a SIGSTRUCT may not enforce.
    pub(crate) const fn reserved_xfrm(&self) -> u64 {
        !self.xfrm
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_bits_are_what_cpuid_lacks_and_what_the_driver_does_not_know() {
        let leaf0 = Registers { eax: 1, ebx: 3, ecx: 0, edx: 0 };
        let leaf1 = Registers { eax: 0x77, ebx: 0, ecx: 7, edx: 2 };
        let features = Features::from_cpuid(leaf0, leaf1);
        assert!(!features.sgx2);
        assert_eq!(features.reserved_attributes(), !0x37);
        assert_eq!(features.reserved_miscselect(), !1);
        assert_eq!(features.reserved_xfrm(), !0x2_0000_0007);
    }
}
