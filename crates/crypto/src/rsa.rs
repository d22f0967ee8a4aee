//! RSA-3072 with public exponent 3 over SHA-256, EMSA-PKCS1-v1_5, as EINIT verifies a SIGSTRUCT.
//!
//! Integers are 384 bytes, least significant first, as a SIGSTRUCT stores them.

mod key;
mod prime;
mod verify;

use crypto_bigint::{U3072, U6144};

pub use key::{PrivateKey, Signature};
pub use verify::{Rejected, verify};

/// Bytes of a modulus, a signature, Q1 and Q2.
pub const RSA_BYTES: usize = 384;

/// Bytes of a padded message that do not depend on the message.
pub const PKCS1_PADDING_BYTES: usize = RSA_BYTES - 32;

/// `00 01`, `FF` × 330, `00`, and the DER prefix of a SHA-256 DigestInfo. The key derivation of
/// EGETKEY and EREPORT includes these bytes too (SECS.PADDING).
pub const PKCS1_PADDING: [u8; PKCS1_PADDING_BYTES] = pkcs1_padding();

const fn pkcs1_padding() -> [u8; PKCS1_PADDING_BYTES] {
    const DIGEST_INFO: [u8; 20] = [
        0x00, 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05,
        0x00, 0x04, 0x20,
    ];
    let mut padding = [0xff; PKCS1_PADDING_BYTES];
    padding[0] = 0x00;
    padding[1] = 0x01;
    let (_, tail) = padding.split_at_mut(PKCS1_PADDING_BYTES - DIGEST_INFO.len());
    tail.copy_from_slice(&DIGEST_INFO);
    padding
}

/// The padded message: [`PKCS1_PADDING`] and the hash, most significant byte first.
fn encoded_message(message_hash: &[u8; 32]) -> [u8; RSA_BYTES] {
    let mut encoded = [0; RSA_BYTES];
    let (padding, hash) = encoded.split_at_mut(PKCS1_PADDING_BYTES);
    padding.copy_from_slice(&PKCS1_PADDING);
    hash.copy_from_slice(message_hash);
    encoded
}

fn from_le(bytes: &[u8; RSA_BYTES]) -> U3072 {
    U3072::from_le_slice(bytes)
}

fn to_le(value: &U3072) -> [u8; RSA_BYTES] {
    let mut bytes = [0; RSA_BYTES];
    bytes.copy_from_slice(value.to_le_bytes().as_slice());
    bytes
}

fn product(a: &U3072, b: &U3072) -> U6144 {
    a.concatenating_mul(b)
}
