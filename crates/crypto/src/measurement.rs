//! The running SHA-256 behind MRENCLAVE.
//!
//! ECREATE, EADD and EEXTEND append whole 64-byte blocks, EINIT finishes the hash. In between, the
//! state rests in the SECS, so it has a plain form: eight words and the number of blocks.

use sha2::block_api::compress256;

/// Bytes of one block, the only unit in which a measurement grows.
pub const BLOCK_BYTES: usize = 64;

/// The initial hash value of SHA-256 (FIPS 180-4, 5.3.3).
const INITIAL: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// SHA-256 after some number of whole blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measurement {
    state: [u32; 8],
    blocks: u64,
}

impl Measurement {
    /// No block yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { state: INITIAL, blocks: 0 }
    }

    /// The measurement that [`to_parts`](Self::to_parts) took apart. Any parts are accepted; parts
    /// from elsewhere give a meaningless hash, not a failure.
    #[must_use]
    pub const fn from_parts(state: [u32; 8], blocks: u64) -> Self {
        Self { state, blocks }
    }

    /// The eight working words (H0 first) and the count of blocks consumed.
    #[must_use]
    pub const fn to_parts(&self) -> ([u32; 8], u64) {
        (self.state, self.blocks)
    }

    /// Blocks consumed so far: 1 by ECREATE and by each EADD, 5 by each EEXTEND.
    #[must_use]
    pub const fn blocks(&self) -> u64 {
        self.blocks
    }

    /// Appends one block.
    #[inline]
    pub fn update(&mut self, block: &[u8; BLOCK_BYTES]) {
        self.update_blocks(core::slice::from_ref(block));
    }

    /// Appends blocks in order.
    #[inline]
    pub fn update_blocks(&mut self, blocks: &[[u8; BLOCK_BYTES]]) {
        compress256(&mut self.state, blocks);
        for _ in blocks {
            self.blocks = self.blocks.wrapping_add(1);
        }
    }

    /// The hash of the blocks so far. The running state stays as it is: an EINIT that fails may be
    /// tried again.
    #[must_use]
    pub fn finish(&self) -> [u8; 32] {
        // The message ends on a block boundary, so its padding is one block of its own: the bit 1,
        // zeros, and the length in bits, which SHA-256 takes modulo 2^64.
        let mut padding = [0; BLOCK_BYTES];
        padding[0] = 0x80;
        padding[BLOCK_BYTES - 8..].copy_from_slice(&self.blocks.wrapping_mul(512).to_be_bytes());
        let mut state = self.state;
        compress256(&mut state, &[padding]);

        let mut digest = [0; 32];
        for (bytes, word) in digest.chunks_exact_mut(4).zip(state) {
            bytes.copy_from_slice(&word.to_be_bytes());
        }
        digest
    }
}

impl Default for Measurement {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sha256;

    fn blocks<const N: usize>() -> [[u8; BLOCK_BYTES]; N] {
        core::array::from_fn(|i| [u8::try_from(i).expect("few blocks"); BLOCK_BYTES])
    }

    #[test]
    fn equals_sha256_of_the_same_bytes() {
        assert_eq!(Measurement::new().finish(), sha256(b""));
        let blocks = blocks::<9>();
        let mut measurement = Measurement::new();
        measurement.update_blocks(&blocks);
        assert_eq!(measurement.finish(), sha256(blocks.as_flattened()));
        assert_eq!(measurement.blocks(), 9);
    }

    #[test]
    fn one_by_one_equals_all_at_once() {
        let blocks = blocks::<5>();
        let mut at_once = Measurement::new();
        at_once.update_blocks(&blocks);
        let mut one_by_one = Measurement::default();
        for block in &blocks {
            one_by_one.update(block);
        }
        assert_eq!(one_by_one, at_once);
    }

    #[test]
    fn finishing_leaves_the_running_state() {
        let blocks = blocks::<2>();
        let mut measurement = Measurement::new();
        measurement.update(&blocks[0]);
        let early = measurement.finish();
        assert_eq!(early, measurement.finish());
        measurement.update(&blocks[1]);
        assert_eq!(measurement.finish(), sha256(blocks.as_flattened()));
    }

    #[test]
    fn survives_being_taken_apart() {
        let blocks = blocks::<3>();
        let mut measurement = Measurement::new();
        measurement.update_blocks(&blocks[..2]);
        let (state, count) = measurement.to_parts();
        let mut restored = Measurement::from_parts(state, count);
        assert_eq!(restored, measurement);
        restored.update(&blocks[2]);
        assert_eq!(restored.finish(), sha256(blocks.as_flattened()));
    }

    #[test]
    fn hostile_block_counts_do_not_panic() {
        let mut measurement = Measurement::from_parts([0; 8], u64::MAX);
        measurement.update(&[0; BLOCK_BYTES]);
        assert_eq!(measurement.blocks(), 0);
        let _ = Measurement::from_parts([u32::MAX; 8], u64::MAX).finish();
    }
}
