//! RDMSR of the registers that SGX has.

use anyclave_arch::msr::{
    FEATURE_CONTROL, FEATURE_CONTROL_LOCK, FEATURE_CONTROL_SGX, FEATURE_CONTROL_SGX_LC, LEPUBKEYHASH0,
};

use crate::entropy::Entropy;
use crate::frames::Frames;
use crate::package::Package;

impl<F: Frames, E: Entropy> Package<F, E> {
    /// IA32_FEATURE_CONTROL as the firmware has left it, and IA32_SGXLEPUBKEYHASH0..3, which can be read also where
    /// they cannot be written. None, for #GP, where launch control is not flexible, and for all others.
    #[must_use]
    pub fn rdmsr(&self, number: u32) -> Option<u64> {
        if number == FEATURE_CONTROL {
            let launch_control =
                if self.config().launch_control.is_writable() { FEATURE_CONTROL_SGX_LC } else { 0 };
            return Some(FEATURE_CONTROL_LOCK | FEATURE_CONTROL_SGX | launch_control);
        }
        let word = usize::try_from(number.checked_sub(LEPUBKEYHASH0)?).ok()?;
        let announced = self.config().launch_control.is_announced();
        self.lepubkeyhash().get(word).copied().filter(|_| announced)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::launch::LaunchControl;
    use crate::package::WrmsrFault;
    use crate::testing::{TestEntropy, TestFrames, config};
    use anyclave_arch::msr::LEPUBKEYHASH_RESET;

    fn package(config: Config) -> Package<TestFrames, TestEntropy> {
        Package::new(config, TestFrames::default(), TestEntropy::default())
    }

    #[test]
    fn feature_control_is_locked_with_sgx_on() {
        let read = |launch_control| package(Config { launch_control, ..config() }).rdmsr(0x3a);
        assert_eq!(read(LaunchControl::Writable), Some(0x6_0001));
        assert_eq!(read(LaunchControl::intel()), Some(0x4_0001));
        assert_eq!(read(LaunchControl::Absent), Some(0x4_0001));
    }

    #[test]
    fn a_locked_hash_is_read_and_not_written() {
        let launch_control = LaunchControl::Locked([7; 32]);
        let mut package = package(Config { launch_control, ..config() });
        assert_eq!(package.rdmsr(0x8c), Some(0x0707_0707_0707_0707));
        assert_eq!(package.set_lepubkeyhash([0; 4]), Err(WrmsrFault));
        assert_eq!(package.lepubkeyhash(), [0x0707_0707_0707_0707; 4]);
    }

    #[test]
    fn without_flexible_launch_control_there_is_no_hash_register() {
        let mut package = package(Config { launch_control: LaunchControl::Absent, ..config() });
        for number in 0x8c..0x90 {
            assert_eq!(package.rdmsr(number), None);
        }
        assert_eq!(package.set_lepubkeyhash([0; 4]), Err(WrmsrFault));
        assert_eq!(package.lepubkeyhash(), LEPUBKEYHASH_RESET);
    }

    #[test]
    fn the_hash_registers_are_four() {
        let mut package = package(config());
        let read = |package: &Package<TestFrames, TestEntropy>| {
            [0x8c, 0x8d, 0x8e, 0x8f].map(|number| package.rdmsr(number))
        };
        assert_eq!(read(&package), LEPUBKEYHASH_RESET.map(Some));
        package.set_lepubkeyhash([1, 2, 3, 4]).unwrap();
        assert_eq!(read(&package), [1, 2, 3, 4].map(Some));
        for number in [0, 0x39, 0x3b, 0x8b, 0x90, 0xc000_0080, u32::MAX] {
            assert_eq!(package.rdmsr(number), None, "{number:x}");
        }
    }
}
