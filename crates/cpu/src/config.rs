//! What kind of processor this is.

use anyclave_arch::cpuid::Registers;
use anyclave_arch::{Flags, MiscSelect};

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
    /// Security version of the processor; its pattern is impossible on hardware.
    pub cpusvn: [u8; 16],
    /// Root of all keys but the provisioning ones' owner part.
    pub device_root: [u8; 16],
    /// Second device secret, absent from the provisioning key.
    pub seal_fuses: [u8; 16],
    /// OWNEREPOCH MSRs.
    pub owner_epoch: [u8; 16],
    /// Whether IA32_SGXLEPUBKEYHASH is writable (FEATURE_CONTROL.SGX_LC).
    pub flexible_launch_control: bool,
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
                eax: cpuid::SGX_EAX_SGX1,
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
                .map_or(Registers::default(), |section| cpuid::section(section.base, section.size)),
        }
    }
}
