//! What CPUID answers to the programs of a machine.

use anyclave_arch::cpuid::{self, Registers};

use crate::config::Config;

const LAST_BASIC: u32 = 0;
const FEATURES: u32 = 7;

/// The host's CPUID with SGX put in. It never changes while the machine runs.
#[derive(Clone, Debug)]
pub struct CpuidModel {
    processor: anyclave_cpu::Config,
    host_last_basic: u32,
}

impl CpuidModel {
    /// The answers for a machine.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self { processor: config.processor(), host_last_basic: config.host.last_basic_leaf }
    }

    /// The answer to CPUID with `leaf` in EAX and `subleaf` in ECX, where the host answers `host`.
    #[must_use]
    pub fn answer(&self, leaf: u32, subleaf: u32, host: Registers) -> Registers {
        // Beyond its last leaf a processor answers with other leaves' data.
        let known = leaf <= self.host_last_basic;
        let host = if known || leaf > cpuid::SGX_LEAF { host } else { Registers::default() };
        match (leaf, subleaf) {
            (LAST_BASIC, _) => Registers { eax: host.eax.max(cpuid::SGX_LEAF), ..host },
            (FEATURES, 0) => self.features(host),
            (cpuid::SGX_LEAF, _) => self.processor.sgx_leaf(subleaf),
            _ => host,
        }
    }

    /// Whether the answers for a leaf can differ from the host's.
    #[must_use]
    pub const fn amends(&self, leaf: u32) -> bool {
        match leaf {
            LAST_BASIC => self.host_last_basic < cpuid::SGX_LEAF,
            FEATURES | cpuid::SGX_LEAF => true,
            _ => leaf > self.host_last_basic && leaf < cpuid::SGX_LEAF,
        }
    }

    fn features(&self, host: Registers) -> Registers {
        let launch_control = if self.processor.flexible_launch_control { cpuid::LEAF7_ECX_SGX_LC } else { 0 };
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
        let host = Host { xcr0: 7, xsave: XsaveLayout::avx(), last_basic_leaf };
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
        let locked = Config { flexible_launch_control: false, ..config(0x10) };
        let host = Registers { ecx: !0, ..NOISE };
        assert_eq!(CpuidModel::new(&locked).answer(7, 0, host).ecx, 0xbfff_ffff);
    }

    #[test]
    fn leaf_12h_is_ours() {
        let model = CpuidModel::new(&config(0x20));
        let answer = |subleaf| model.answer(0x12, subleaf, NOISE);
        assert_eq!(answer(0), Registers { eax: 1, ebx: 1, ecx: 0, edx: 0x2f1f });
        assert_eq!(answer(1), Registers { eax: 0x36, ebx: 0, ecx: 7, edx: 0 });
        assert_eq!(answer(2), Registers { eax: 1, ebx: 0x80, ecx: 0x400_0001, edx: 0 });
        assert_eq!(answer(3), Registers { eax: 0x4000_0001, ebx: 0x80, ecx: 0x200_0001, edx: 0 });
        assert_eq!(answer(4), Registers::default());
        assert_eq!(answer(u32::MAX), Registers::default());
    }

    #[test]
    fn what_is_not_amended_is_the_hosts() {
        for last in [5, 0x10, 0x16, 0x20] {
            let model = CpuidModel::new(&config(last));
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
}
