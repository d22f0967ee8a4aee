//! The EINIT token key once more, computed from the documented derivation and not by the processor under test.

use anyclave_arch::token::{EinitToken, MACED_SIZE};
use anyclave_cpu::Config;
use anyclave_crypto::aes128_cmac;
use zerocopy::IntoBytes;

/// The MAC of a token of a launch enclave whose MRSIGNER is `signer`.
pub(super) fn token_mac(config: &Config, token: &EinitToken, signer: &[u8; 32]) -> [u8; 16] {
    let mut block = [0; 672];
    let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"SGXKDv1\0");
    put(12, token.isvprodidle.as_bytes());
    put(14, token.isvsvnle.as_bytes());
    put(18, &[token.cet_masked_attributes_le]);
    put(20, token.maskedmiscselectle.as_bytes());
    put(32, token.maskedattributesle.as_bytes());
    put(64, &token.cpusvnle);
    put(80, &config.owner_epoch);
    put(96, &config.seal_fuses);
    put(160, &token.keyid);
    put(224, signer);
    // the constant top of a padded SHA-256 hash, least significant byte last
    put(320, &[0, 1]);
    put(322, &[0xff; 330]);
    put(652, &[0, 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01]);
    put(668, &[0x05, 0x00, 0x04, 0x20]);
    let mut root = [0; 32];
    root[..8].copy_from_slice(b"SGX-ROOT");
    root[16..].copy_from_slice(&token.cpusvnle);
    let key = aes128_cmac(&aes128_cmac(&config.device_root, &root), &block);
    aes128_cmac(&key, &token.as_bytes()[..MACED_SIZE])
}
