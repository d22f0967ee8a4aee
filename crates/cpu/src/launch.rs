//! Who decides whose enclaves may launch: SDM vol. 3D, chapter on launch control, and vol. 4, IA32_FEATURE_CONTROL and
//! IA32_SGXLEPUBKEYHASH.

use anyclave_arch::msr::{LEPUBKEYHASH_RESET, lepubkeyhash_bytes, lepubkeyhash_msrs};

/// Launch control, as the processor has it and its firmware has left it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LaunchControl {
    /// Flexible, and left to the operating system: it may write IA32_SGXLEPUBKEYHASH at any time.
    #[default]
    Writable,
    /// Flexible, but the firmware has locked the hash, to this MRSIGNER.
    Locked([u8; 32]),
    /// Not flexible: EINIT trusts the key of Intel's launch enclave, and there is no hash to be read.
    Absent,
}

impl LaunchControl {
    /// Locked to the key of Intel's launch enclave, as parts come.
    #[must_use]
    pub fn intel() -> Self {
        Self::Locked(lepubkeyhash_bytes(LEPUBKEYHASH_RESET))
    }

    /// Whether CPUID.7.0:ECX announces IA32_SGXLEPUBKEYHASH.
    #[must_use]
    pub const fn is_announced(self) -> bool {
        !matches!(self, Self::Absent)
    }

    /// IA32_FEATURE_CONTROL.SGX_LC: whether the hash may be written.
    #[must_use]
    pub const fn is_writable(self) -> bool {
        matches!(self, Self::Writable)
    }

    /// IA32_SGXLEPUBKEYHASH0..3 as EINIT finds them before anybody writes them.
    #[must_use]
    pub fn hash(self) -> [u64; 4] {
        match self {
            Self::Locked(mrsigner) => lepubkeyhash_msrs(&mrsigner),
            Self::Writable | Self::Absent => LEPUBKEYHASH_RESET,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_locked_hash_differs_from_reset() {
        assert_eq!(LaunchControl::intel().hash(), LEPUBKEYHASH_RESET);
        assert_eq!(LaunchControl::Writable.hash(), LEPUBKEYHASH_RESET);
        assert_eq!(LaunchControl::Absent.hash(), LEPUBKEYHASH_RESET);
        let mut mrsigner = [0; 32];
        mrsigner[8] = 7;
        assert_eq!(LaunchControl::Locked(mrsigner).hash(), [0, 7, 0, 0]);
    }
}
