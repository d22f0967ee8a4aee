//! SHA-256 of complete messages (FIPS 180-4).

use sha2::{Digest, Sha256};

/// SHA-256 of `message`.
#[must_use]
pub fn sha256(message: &[u8]) -> [u8; 32] {
    Sha256::digest(message).into()
}

/// SHA-256 of the concatenation of `parts`.
#[must_use]
pub fn sha256_parts(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::hex;

    /// The examples of FIPS 180-4.
    #[test]
    fn known_answers() {
        for (message, digest) in [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
            ),
        ] {
            assert_eq!(sha256(message.as_bytes()), hex::<32>(digest), "{message:?}");
        }
    }

    #[test]
    fn parts_hash_as_their_concatenation() {
        let message = [0xa5_u8; 200];
        assert_eq!(sha256_parts(&[&message[..0], &message[..63], &message[63..]]), sha256(&message));
        assert_eq!(sha256_parts(&[]), sha256(b""));
    }
}
