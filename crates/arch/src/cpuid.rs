//! CPUID leaves 7 and 12H: how software learns of SGX.

/// The four registers of a CPUID answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "register names")]
pub struct Registers {
    pub eax: u32,
    pub ebx: u32,
    pub ecx: u32,
    pub edx: u32,
}

/// CPUID.7.0:EBX: SGX is there.
pub const LEAF7_EBX_SGX: u32 = 1 << 2;
/// CPUID.7.0:ECX: launch control is flexible (IA32_SGXLEPUBKEYHASH may be writable).
pub const LEAF7_ECX_SGX_LC: u32 = 1 << 30;
/// CPUID.7.0:EDX: attestation services for SGX.
pub const LEAF7_EDX_SGX_KEYS: u32 = 1 << 1;

/// The leaf that describes SGX.
pub const SGX_LEAF: u32 = 0x12;

bitflags::bitflags! {
    /// CPUID.12H.0:EAX: which leaves the processor has.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct SgxFeatures: u32 {
        /// The leaves of the first processors with SGX.
        const SGX1 = 1 << 0;
        /// EAUG, EMODPR, EMODT; EACCEPT, EACCEPTCOPY, EMODPE; RDTSC inside.
        const SGX2 = 1 << 1;
        /// ENCLV: EDECVIRTCHILD, EINCVIRTCHILD, ESETCONTEXT.
        const ENCLV = 1 << 5;
        /// Oversubscription of a hypervisor's EPC: ETRACKC, ERDINFO, ELDBC, ELDUC.
        const OVERSUB = 1 << 6;
        /// EVERIFYREPORT2.
        const EVERIFYREPORT2 = 1 << 7;
        /// EUPDATESVN.
        const EUPDATESVN = 1 << 10;
        /// EDECCSSA.
        const EDECCSSA = 1 << 11;
    }
}

/// First subleaf of leaf 12H that describes an EPC section.
pub const FIRST_SECTION_SUBLEAF: u32 = 2;

/// The answer for an EPC section: `base` and `size` are physical bytes, page-aligned and below 2^52.
/// Confidentiality and integrity are announced.
#[must_use]
pub const fn section(base: u64, size: u64) -> Registers {
    const fn low(value: u64) -> u32 {
        let [a, b, c, d, ..] = value.to_le_bytes();
        u32::from_le_bytes([a, b, c, d]) & 0xffff_f000
    }
    const fn high(value: u64) -> u32 {
        let [.., a, b, c, d] = value.to_le_bytes();
        u32::from_le_bytes([a, b, c, d]) & 0xf_ffff
    }
    Registers { eax: low(base) | 1, ebx: high(base), ecx: low(size) | 1, edx: high(size) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_described_as_real_hardware_does() {
        // i5-8400: base 0x50200000, size 0x5d80000.
        assert_eq!(
            section(0x5020_0000, 0x5d8_0000),
            Registers { eax: 0x5020_0001, ebx: 0, ecx: 0x5d8_0001, edx: 0 }
        );
        assert_eq!(section(0x80_1234_5000, 0x10_0000_0000).ebx, 0x80);
        assert_eq!(section(0x80_1234_5000, 0x10_0000_0000).edx, 0x10);
    }
}
