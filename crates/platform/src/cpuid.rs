//! What CPUID answers to the programs of a machine.

pub(crate) mod intel;

use anyclave_arch::cpuid::{self, Registers};
use anyclave_cpu::LaunchControl;

use crate::config::Config;
use crate::cpu::Feature;

const LAST_BASIC: u32 = 0;
const FEATURES: u32 = 7;

/// The host's CPUID with SGX put in. It never changes while the machine runs.
#[derive(Clone, Debug)]
pub struct CpuidModel {
    processor: anyclave_cpu::Config,
    host_last_basic: u32,
    /// See [`crate::Host::caches`]; None unless the processor is to be known as Intel's.
    genuine_intel: Option<Vec<Registers>>,
}

impl CpuidModel {
    /// The answers for a machine.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self {
            processor: config.processor(),
            host_last_basic: config.host.last_basic_leaf,
            genuine_intel: config.cpu.has(Feature::GenuineIntel).then(|| config.host.caches.clone()),
        }
    }

    /// The last basic leaf, of a host whose own is `host`.
    #[must_use]
    pub fn last_basic_leaf(host: u32) -> u32 {
        host.max(cpuid::SGX_LEAF)
    }

    /// Who decides whose enclaves may launch.
    #[must_use]
    pub const fn launch_control(&self) -> LaunchControl {
        self.processor.launch_control
    }

    /// Whether the processor is to be known as Intel's, whoever made the host's.
    #[must_use]
    pub const fn genuine_intel(&self) -> bool {
        self.genuine_intel.is_some()
    }

    /// The answer to CPUID with `leaf` in EAX and `subleaf` in ECX, where the host answers `host`.
    #[must_use]
    pub fn answer(&self, leaf: u32, subleaf: u32, host: Registers) -> Registers {
        // Beyond its last leaf a processor answers with other leaves' data.
        let known = leaf <= self.host_last_basic;
        let host = if known || leaf > cpuid::SGX_LEAF { host } else { Registers::default() };
        let host = match &self.genuine_intel {
            Some(caches) => intel::answer(leaf, subleaf, host, caches),
            None => host,
        };
        match (leaf, subleaf) {
            (LAST_BASIC, _) => Registers { eax: Self::last_basic_leaf(host.eax), ..host },
            (FEATURES, 0) => self.features(host),
            (cpuid::SGX_LEAF, _) => self.processor.sgx_leaf(subleaf),
            _ => host,
        }
    }

    /// Whether the answers for a leaf can differ from the host's.
    #[must_use]
    pub fn amends(&self, leaf: u32) -> bool {
        if self.genuine_intel.as_ref().is_some_and(|caches| intel::amends(leaf, caches)) {
            return true;
        }
        match leaf {
            LAST_BASIC => self.host_last_basic < cpuid::SGX_LEAF,
            FEATURES | cpuid::SGX_LEAF => true,
            _ => leaf > self.host_last_basic && leaf < cpuid::SGX_LEAF,
        }
    }

    fn features(&self, host: Registers) -> Registers {
        let announced = self.processor.launch_control.is_announced();
        let launch_control = if announced { cpuid::LEAF7_ECX_SGX_LC } else { 0 };
        Registers {
            ebx: host.ebx | cpuid::LEAF7_EBX_SGX,
            ecx: host.ecx & !cpuid::LEAF7_ECX_SGX_LC | launch_control,
            // attestation services of the processor itself: the host's own are not ours
            edx: host.edx & !cpuid::LEAF7_EDX_SGX_KEYS,
            ..host
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Host;
    use crate::keys::Keys;
    use anyclave_cpu::xsave::XsaveLayout;

    const NOISE: Registers =
        Registers { eax: 0x1111_1111, ebx: 0x2222_2200, ecx: 0x0333_3333, edx: 0x4444_4446 };

    fn config(last_basic_leaf: u32) -> Config {
        let host = Host { xcr0: 7, xsave: XsaveLayout::avx(), last_basic_leaf, caches: Vec::new() };
        Config { epc: "64M,32M".parse().unwrap(), ..Config::new(host, Keys::from_seed("")) }
    }

    #[test]
    fn the_last_leaf_reaches_sgx() {
        let model = CpuidModel::new(&config(0x10));
        let answer = |eax| model.answer(0, 0, Registers { eax, ..NOISE });
        assert_eq!(answer(0x10), Registers { eax: 0x12, ..NOISE });
        assert_eq!(answer(0x20), Registers { eax: 0x20, ..NOISE });
    }

    #[test]
    fn leaf_7_announces_sgx_and_launch_control() {
        let answer = CpuidModel::new(&config(0x10)).answer(7, 0, NOISE);
        assert_eq!(answer, Registers { ebx: 0x2222_2204, ecx: 0x4333_3333, edx: 0x4444_4444, ..NOISE });
        assert_eq!(CpuidModel::new(&config(0x10)).answer(7, 1, NOISE), NOISE);
        let host = Registers { ecx: !0, ..NOISE };
        let ecx = |launch_control| {
            let config = Config { launch_control, ..config(0x10) };
            CpuidModel::new(&config).answer(7, 0, host).ecx
        };
        assert_eq!(ecx(LaunchControl::Absent), 0xbfff_ffff);
        // That the firmware has locked it is not for CPUID to say.
        assert_eq!(ecx(LaunchControl::intel()), 0xffff_ffff);
    }

    #[test]
    fn leaf_12h_is_ours() {
        let cpu = "sgx1,+exinfo,+kss".parse().unwrap();
        let model = CpuidModel::new(&Config { cpu, ..config(0x20) });
        let answer = |subleaf| model.answer(0x12, subleaf, NOISE);
        assert_eq!(answer(0), Registers { eax: 1, ebx: 1, ecx: 0, edx: 0x2f1f });
        assert_eq!(answer(1), Registers { eax: 0xb6, ebx: 0, ecx: 7, edx: 0 });
        assert_eq!(answer(2), Registers { eax: 1, ebx: 0x80, ecx: 0x400_0001, edx: 0 });
        assert_eq!(answer(3), Registers { eax: 0x4000_0001, ebx: 0x80, ecx: 0x200_0001, edx: 0 });
        assert_eq!(answer(4), Registers::default());
        assert_eq!(answer(u32::MAX), Registers::default());
    }

    #[test]
    fn what_is_not_amended_is_the_hosts() {
        let caches = [Vec::new(), vec![Registers::default()]];
        let intel = |caches| {
            let cpu = "icelake,+genuineintel".parse().unwrap();
            Config { cpu, host: Host { caches, ..config(0x10).host }, ..config(0x10) }
        };
        let of_hosts = [5, 0x10, 0x16, 0x20].map(config);
        for config in of_hosts.into_iter().chain(caches.map(intel)) {
            let last = config.host.last_basic_leaf;
            let model = CpuidModel::new(&config);
            let host = Registers { eax: last, ..NOISE };
            for leaf in (0..0x40).chain(0x8000_0000..0x8000_0020) {
                let same = (0..4).all(|subleaf| model.answer(leaf, subleaf, host) == host);
                assert_eq!(model.amends(leaf), !same, "leaf {leaf:#x} of a host with {last:#x}");
            }
        }
    }

    #[test]
    fn leaves_between_the_hosts_last_and_ours_are_empty() {
        let model = CpuidModel::new(&config(0x10));
        assert_eq!(model.answer(0x11, 0, NOISE), Registers::default());
        assert_eq!(model.answer(0x10, 0, NOISE), NOISE);
        assert_eq!(model.answer(0x13, 0, NOISE), NOISE);
        assert_eq!(model.answer(0x8000_0001, 0, NOISE), NOISE);
        // a host without leaf 7
        assert_eq!(CpuidModel::new(&config(5)).answer(7, 0, NOISE).ebx, 4);
    }

    #[test]
    fn sections_are_all_in_leaf_12h_to_the_eighth() {
        let epc = ["64M"; 8].join(",").parse().unwrap();
        let model = CpuidModel::new(&Config { epc, ..config(0x10) });
        for subleaf in 2..10 {
            assert_eq!(model.answer(0x12, subleaf, NOISE).eax & 0xf, 1, "{subleaf}");
        }
        assert_eq!(model.answer(0x12, 10, NOISE), Registers::default());
    }

    /// What a program of the host's may use, its debug enclaves may too: runtimes ask for XCR0 filtered by 12H.1.
    #[test]
    fn xfrm_covers_the_hosts_state_up_to_avx_512_and_protection_keys() {
        for xcr0 in [0x7, 0xe7, 0x207, 0x2e7] {
            let host = Host { xcr0, ..config(0x10).host };
            let config = Config { host: host.clone(), ..Config::new(host, Keys::from_seed("")) };
            let answer = CpuidModel::new(&config).answer(0x12, 1, NOISE);
            assert_eq!(u64::from(answer.ecx) | u64::from(answer.edx) << 32, xcr0);
        }
    }

    #[test]
    fn another_name_changes_nothing_of_sgx() {
        let cpu = "icelake,+genuineintel".parse().unwrap();
        let host = Host { caches: vec![NOISE], ..config(0x10).host };
        let model = CpuidModel::new(&Config { cpu, host, ..config(0x10) });
        assert!(model.genuine_intel());
        let vendor = Registers { eax: 0x12, ebx: 0x756e_6547, ecx: 0x6c65_746e, edx: 0x4965_6e69 };
        assert_eq!(model.answer(0, 0, Registers { eax: 0x10, ..NOISE }), vendor);
        let plain = CpuidModel::new(&config(0x10));
        for (leaf, subleaf) in [(7, 0), (7, 1), (0x12, 0), (0x12, 1), (0x12, 2), (0x12, 3), (0xd, 0)] {
            assert_eq!(model.answer(leaf, subleaf, NOISE), plain.answer(leaf, subleaf, NOISE));
        }
    }
}
