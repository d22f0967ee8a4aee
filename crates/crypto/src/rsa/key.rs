//! Private keys and signatures with Q1 and Q2.

use core::fmt;

use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
use crypto_bigint::{NonZero, Odd, U1536, U3072, U6144};

use super::{RSA_BYTES, encoded_message, prime, product, to_le};

/// The public exponent.
const EXPONENT: NonZero<U3072> = NonZero::<U3072>::new_unwrap(U3072::from_u8(3));

/// An RSA-3072 private key with public exponent 3.
#[derive(Clone)]
pub struct PrivateKey {
    modulus: [u8; RSA_BYTES],
    n: Odd<U3072>,
    d: U3072,
}

/// A signature and the two quotients that let EINIT verify it without division; all three are
/// little-endian.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// S, with S³ mod N the padded hash.
    pub signature: [u8; RSA_BYTES],
    /// ⌊S²/N⌋.
    pub q1: [u8; RSA_BYTES],
    /// ⌊S·(S² mod N)/N⌋.
    pub q2: [u8; RSA_BYTES],
}

impl PrivateKey {
    /// The key that belongs to `seed`: the same one on every machine and in every build. It takes
    /// about half a second. Whoever knows the seed can sign; it is as secret as the key has to be.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self::from_primes(&prime::derive(seed, b'p'), &prime::derive(seed, b'q'))
    }

    /// `p` and `q` are distinct primes of 1536 bits, two high bits set, both 2 modulo 3.
    fn from_primes(p: &U1536, q: &U1536) -> Self {
        let n: U3072 = p.concatenating_mul(q);
        let phi: U3072 = p.wrapping_sub(&U1536::ONE).concatenating_mul(&q.wrapping_sub(&U1536::ONE));
        // φ is 1 modulo 3, so with d = φ − (φ−1)/3 we have 3d = 2φ + 1, that is 1 modulo φ.
        let third = phi.wrapping_div_vartime(&EXPONENT);
        let d = phi.wrapping_sub(&third);
        let n = Odd::new(n).into_option().expect("a product of odd primes is odd");
        Self { modulus: to_le(&n), n, d }
    }

    /// The modulus, little-endian. Its SHA-256 is MRSIGNER.
    #[must_use]
    pub fn modulus(&self) -> &[u8; RSA_BYTES] {
        &self.modulus
    }

    /// Signs the message whose SHA-256 is `message_hash`. PKCS #1 v1.5 has no randomness: equal
    /// hashes give equal signatures.
    #[must_use]
    pub fn sign(&self, message_hash: &[u8; 32]) -> Signature {
        let encoded = U3072::from_be_slice(&encoded_message(message_hash));
        let params = FixedMontyParams::new_vartime(self.n);
        let s = FixedMontyForm::new(&encoded, &params).pow(&self.d).retrieve();

        let (q1, t1) = divide(&product(&s, &s), self.n.as_nz_ref());
        let (q2, _) = divide(&product(&s, &t1), self.n.as_nz_ref());
        Signature { signature: to_le(&s), q1: to_le(&q1), q2: to_le(&q2) }
    }
}

impl fmt::Debug for PrivateKey {
    /// Leaves the private exponent out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey").field("n", &self.n).finish_non_exhaustive()
    }
}

/// Quotient and remainder of a product of two residues modulo `n`; the quotient is below `n`.
fn divide(dividend: &U6144, n: &NonZero<U3072>) -> (U3072, U3072) {
    let (quotient, remainder) = dividend.div_rem_vartime(n);
    let (low, _zero): (U3072, U3072) = quotient.split();
    (low, remainder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rsa::{from_le, verify};
    use crate::testing::hex;
    use crate::{sha256, sha256_parts};

    /// Computed apart from this crate, in a few lines of Python from the description of the
    /// derivation; OpenSSL accepts the key and signs "abc" with the same bytes.
    const SEED: [u8; 32] = [0; 32];
    const MRSIGNER: &str = "14b9f79b02b7c61263942aa83b53fa1848e371b67044f0139f6081206f7fa4ce";
    const SHA256_OF_SIGNATURE_Q1_Q2: &str =
        "976d2cf230a9f9ba524591c3c787790f0d037ec8a7bfdb58ad5721f73b09167f";

    #[test]
    fn key_and_signature_are_the_known_ones() {
        let key = PrivateKey::from_seed(&SEED);
        assert_eq!(sha256(key.modulus()), hex::<32>(MRSIGNER));
        let Signature { signature, q1, q2 } = key.sign(&sha256(b"abc"));
        assert_eq!(sha256_parts(&[&signature, &q1, &q2]), hex::<32>(SHA256_OF_SIGNATURE_Q1_Q2));
    }

    #[test]
    fn another_seed_gives_another_key() {
        let [one, two] = [[1; 32], [2; 32]].map(|seed| *PrivateKey::from_seed(&seed).modulus());
        assert_ne!(one, two);
    }

    #[test]
    fn the_modulus_has_3072_bits() {
        let key = PrivateKey::from_seed(&[2; 32]);
        assert!(key.modulus()[RSA_BYTES - 1] >= 0x80);
        assert_eq!(key.modulus()[0] & 1, 1);
    }

    #[test]
    fn signatures_verify_and_cube_to_the_padded_hash() {
        let key = PrivateKey::from_seed(&[3; 32]);
        for message in ["", "a", "an enclave"] {
            let hash = sha256(message.as_bytes());
            let Signature { signature, q1, q2 } = key.sign(&hash);
            assert_eq!(verify(key.modulus(), &signature, &q1, &q2, &hash), Ok(()));

            let s = from_le(&signature);
            let n = key.n.as_nz_ref();
            let (_, square) = divide(&product(&s, &s), n);
            let (_, cube) = divide(&product(&square, &s), n);
            assert_eq!(cube, U3072::from_be_slice(&encoded_message(&hash)));
        }
    }

    #[test]
    fn signing_is_deterministic() {
        let key = PrivateKey::from_seed(&[4; 32]);
        assert_eq!(key.sign(&[9; 32]), key.sign(&[9; 32]));
    }
}
