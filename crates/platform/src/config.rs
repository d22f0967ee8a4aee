//! What a machine is made of.

use anyclave_arch::attributes::XFRM_LEGACY;
use anyclave_arch::cpuid::Registers;
use anyclave_cpu::xsave::XsaveLayout;
use anyclave_cpu::{Inject, LaunchControl};

use crate::cpu::Cpu;
use crate::epc::EpcLayout;
use crate::keys::{CPUSVN, Keys};

/// Extended features that enclaves may have where the host has them: x87, SSE, AVX, AVX-512 and protection
/// keys.
pub const XFRM_MASK: u64 = 0x2e7;

/// What a machine takes over from the processor that it runs on.
#[derive(Clone, Debug)]
pub struct Host {
    /// XCR0.
    pub xcr0: u64,
    /// Where XSAVE puts each component: CPUID.0DH.
    pub xsave: XsaveLayout,
    /// CPUID.0:EAX, the last basic leaf.
    pub last_basic_leaf: u32,
    /// CPUID.4 as far as the host has it elsewhere: the subleaves of 8000_001DH, which have the same form. Empty
    /// where leaf 4 itself is answered.
    pub caches: Vec<Registers>,
}

/// A machine before it boots.
#[derive(Clone, Debug)]
pub struct Config {
    /// What kind of processor it is.
    pub cpu: Cpu,
    /// EPC sections.
    pub epc: EpcLayout,
    /// XFRM bits that enclaves may have.
    pub xfrm: u64,
    /// log2 of the size that a 64-bit enclave must stay below.
    pub max_size_64: u8,
    /// log2 of the size that a 32-bit enclave must stay below.
    pub max_size_32: u8,
    /// Who decides whose enclaves may launch. Unless that is the operating system, Linux has no enclave node.
    pub launch_control: LaunchControl,
    /// Rare events that programs are to meet.
    pub inject: Inject,
    /// The secrets of the processor.
    pub keys: Keys,
    /// What the host contributes.
    pub host: Host,
}

impl Config {
    /// The default processor with flexible launch control and 256 MiB of EPC.
    #[must_use]
    pub fn new(host: Host, keys: Keys) -> Self {
        Self {
            cpu: Cpu::default(),
            epc: EpcLayout::default(),
            xfrm: host.xcr0 & XFRM_MASK | XFRM_LEGACY,
            // A process has 47 bits of linear addresses, so its largest enclave has 2^46 bytes.
            max_size_64: 47,
            max_size_32: 31,
            launch_control: LaunchControl::Writable,
            inject: Inject::default(),
            keys,
            host,
        }
    }

    /// The processor of this machine.
    #[must_use]
    pub fn processor(&self) -> anyclave_cpu::Config {
        anyclave_cpu::Config {
            sections: self.epc.placed(),
            features: self.cpu.leaves(),
            attributes: self.cpu.attributes(),
            xfrm: self.xfrm,
            miscselect: self.cpu.miscselect(),
            max_size_64: self.max_size_64,
            max_size_32: self.max_size_32,
            xcr0: self.host.xcr0,
            xsave: self.host.xsave.clone(),
            cpusvn: CPUSVN,
            device_root: self.keys.device_root,
            seal_fuses: self.keys.seal_fuses,
            owner_epoch: self.keys.owner_epoch,
            launch_control: self.launch_control,
            inject: self.inject,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyclave_arch::MiscSelect;

    fn host(xcr0: u64) -> Host {
        Host { xcr0, xsave: XsaveLayout::avx(), last_basic_leaf: 0x10, caches: Vec::new() }
    }

    #[test]
    fn enclaves_may_have_what_the_host_has_and_we_support() {
        let xfrm = |xcr0| Config::new(host(xcr0), Keys::from_seed("")).xfrm;
        assert_eq!(xfrm(0x7), 0x7);
        assert_eq!(xfrm(0x6_02ff), 0x2e7); // MPX and AMX left out
        assert_eq!(xfrm(0), 3);
    }

    #[test]
    fn the_default_is_an_ice_lake() {
        let processor = Config::new(host(7), Keys::from_seed("")).processor();
        assert_eq!(processor.attributes, Cpu::default().attributes());
        assert_eq!(processor.miscselect, MiscSelect::EXINFO);
        assert_eq!(processor.sections.len(), 1);
        assert_eq!(processor.sections[0].base, 0x80_0000_0000);
        assert_eq!(processor.sections[0].size, 256 << 20);
        assert_eq!(processor.sgx_leaf(0).eax, Cpu::default().leaves().bits());
    }

    #[test]
    fn a_processor_without_exinfo_has_no_miscselect() {
        let config = Config { cpu: "sgx1".parse().unwrap(), ..Config::new(host(7), Keys::from_seed("")) };
        assert_eq!(config.processor().miscselect, MiscSelect::empty());
        assert_eq!(config.processor().sgx_leaf(0).ebx, 0);
    }
}
