//! What kind of processor this is.

use anyclave_arch::cpuid::{Registers, SgxFeatures};
use anyclave_arch::{Flags, MiscSelect};

use crate::inject::Inject;
use crate::launch::LaunchControl;
use crate::xsave::XsaveLayout;

/// One EPC section: `size` bytes of physical memory from `base`, both multiples of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section {
    /// First physical address.
    pub base: u64,
    /// Bytes.
    pub size: u64,
}

impl Section {
    /// Whether a physical address lies in the section.
    #[must_use]
    pub const fn contains(&self, physical: u64) -> bool {
        physical.wrapping_sub(self.base) < self.size
    }
}

/// The processor's make: what CPUID announces, and the secrets that its maker put in.
#[derive(Clone, Debug)]
pub struct Config {
    /// EPC sections, ascending and apart.
    pub sections: Vec<Section>,
    /// The leaves that there are: CPUID.12H.0:EAX. KSS and AEX-Notify are among `attributes`, EXINFO is in
    /// `miscselect`.
    pub features: SgxFeatures,
    /// ATTRIBUTES.FLAGS that an enclave may have: CPUID.12H.1:EBX:EAX. INIT is never among them.
    pub attributes: Flags,
    /// XFRM bits that an enclave may have: CPUID.12H.1:EDX:ECX.
    pub xfrm: u64,
    /// MISCSELECT bits that an enclave may have: CPUID.12H.0:EBX.
    pub miscselect: MiscSelect,
    /// log2 of the size that a 64-bit enclave must stay below: CPUID.12H.0:EDX[15:8].
    pub max_size_64: u8,
    /// log2 of the size that a 32-bit enclave must stay below: CPUID.12H.0:EDX[7:0].
    pub max_size_32: u8,
    /// XCR0 of the logical processors outside enclaves.
    pub xcr0: u64,
    /// Where XSAVE puts each component.
    pub xsave: XsaveLayout,
    /// Security version of the processor, which EUPDATESVN raises; its pattern is impossible on hardware.
    pub cpusvn: [u8; 16],
    /// Root of all keys but the provisioning ones' owner part.
    pub device_root: [u8; 16],
    /// Second device secret, absent from the provisioning key.
    pub seal_fuses: [u8; 16],
    /// OWNEREPOCH MSRs.
    pub owner_epoch: [u8; 16],
    /// Who decides whose enclaves may launch.
    pub launch_control: LaunchControl,
    /// Rare events that software is to meet; none on a processor as it comes.
    pub inject: Inject,
}

impl Config {
    /// CPUID.12H.`subleaf`.
    #[must_use]
    pub fn sgx_leaf(&self, subleaf: u32) -> Registers {
        use anyclave_arch::cpuid;
        let split = |value: u64| {
            let [a, b, c, d, e, f, g, h] = value.to_le_bytes();
            (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]))
        };
        match subleaf {
            0 => Registers {
                eax: self.features.bits(),
                ebx: self.miscselect.bits(),
                ecx: 0,
                edx: u32::from(self.max_size_64) << 8 | u32::from(self.max_size_32),
            },
            1 => {
                let (eax, ebx) = split(self.attributes.bits());
                let (ecx, edx) = split(self.xfrm);
                Registers { eax, ebx, ecx, edx }
            }
            _ => usize::try_from(subleaf - cpuid::FIRST_SECTION_SUBLEAF)
                .ok()
                .and_then(|index| self.sections.get(index))
                .map_or_else(Registers::default, |section| cpuid::section(section.base, section.size)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The answers of an i5-8400.
    #[test]
    fn cpuid_describes_the_processor_as_real_hardware_does() {
        let config = Config {
            sections: vec![Section { base: 0x5020_0000, size: 0x5d8_0000 }],
            features: SgxFeatures::SGX1,
            attributes: Flags::DEBUG | Flags::MODE64BIT | Flags::PROVISIONKEY | Flags::EINITTOKENKEY,
            xfrm: 0x1f,
            miscselect: MiscSelect::empty(),
            max_size_64: 0x24,
            max_size_32: 0x1f,
            ..crate::testing::config()
        };
        let registers = |eax, ebx, ecx, edx| Registers { eax, ebx, ecx, edx };
        assert_eq!(config.sgx_leaf(0), registers(1, 0, 0, 0x241f));
        assert_eq!(config.sgx_leaf(1), registers(0x36, 0, 0x1f, 0));
        assert_eq!(config.sgx_leaf(2), registers(0x5020_0001, 0, 0x5d8_0001, 0));
        assert_eq!(config.sgx_leaf(3), Registers::default());
        assert_eq!(config.sgx_leaf(u32::MAX), Registers::default());
    }

    #[test]
    fn a_section_ends_where_its_size_says() {
        let section = Section { base: 0x1000, size: 0x2000 };
        assert!(section.contains(0x1000) && section.contains(0x2fff));
        assert!(!section.contains(0xfff) && !section.contains(0x3000) && !section.contains(u64::MAX));
    }
}
