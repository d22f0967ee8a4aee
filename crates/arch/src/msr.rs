//! Model-specific registers of SGX.

/// IA32_FEATURE_CONTROL.
pub const FEATURE_CONTROL: u32 = 0x3a;
/// IA32_FEATURE_CONTROL: locked by firmware.
pub const FEATURE_CONTROL_LOCK: u64 = 1 << 0;
/// IA32_FEATURE_CONTROL: IA32_SGXLEPUBKEYHASH is writable.
pub const FEATURE_CONTROL_SGX_LC: u64 = 1 << 17;
/// IA32_FEATURE_CONTROL: SGX is enabled.
pub const FEATURE_CONTROL_SGX: u64 = 1 << 18;

/// IA32_SGXLEPUBKEYHASH0; 1 to 3 follow.
pub const LEPUBKEYHASH0: u32 = 0x8c;

/// IA32_SGXLEPUBKEYHASH0..3 at reset: the hash of Intel's launch enclave key.
pub const LEPUBKEYHASH_RESET: [u64; 4] =
    [0xa605_3e05_1270_b7ac, 0x6cfb_e8ba_8b3b_413d, 0xc491_6d99_f2b3_735d, 0xd4f8_c059_09f9_bb3b];

/// The hash MSRs as the 32 bytes of an MRSIGNER.
#[must_use]
pub fn lepubkeyhash_bytes(msrs: [u64; 4]) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (chunk, msr) in bytes.chunks_exact_mut(8).zip(msrs) {
        chunk.copy_from_slice(&msr.to_le_bytes());
    }
    bytes
}

/// The hash MSRs for an MRSIGNER: the reverse of [`lepubkeyhash_bytes`].
#[must_use]
pub fn lepubkeyhash_msrs(mrsigner: &[u8; 32]) -> [u64; 4] {
    let mut msrs = [0; 4];
    let (words, _) = mrsigner.as_chunks::<8>();
    for (msr, word) in msrs.iter_mut().zip(words) {
        *msr = u64::from_le_bytes(*word);
    }
    msrs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reset_value_is_the_known_mrsigner() {
        let bytes = lepubkeyhash_bytes(LEPUBKEYHASH_RESET);
        assert_eq!(bytes[..4], [0xac, 0xb7, 0x70, 0x12]);
        assert_eq!(bytes[28..], [0x59, 0xc0, 0xf8, 0xd4]);
        assert_eq!(lepubkeyhash_msrs(&bytes), LEPUBKEYHASH_RESET);
    }
}
