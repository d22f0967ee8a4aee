//! EINIT's check of a signature (ENCLS[EINIT], INVALID_SIGNATURE).

use core::cmp::Ordering;

use crypto_bigint::{U3072, U6144};
use thiserror::Error;

use super::{PKCS1_PADDING, PKCS1_PADDING_BYTES, RSA_BYTES, from_le, product};

/// Why a signature does not hold, in the order of the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Rejected {
    /// S ≥ N.
    #[error("the signature is not below the modulus")]
    SignatureNotBelowModulus,
    /// S² − Q1·N < 0.
    #[error("Q1 is above the quotient of the squared signature")]
    Q1TooLarge,
    /// S² − Q1·N ≥ N.
    #[error("Q1 is below the quotient of the squared signature")]
    Q1TooSmall,
    /// T1·S − Q2·N < 0.
    #[error("Q2 is above the quotient of the cubed signature")]
    Q2TooLarge,
    /// T1·S − Q2·N ≥ N.
    #[error("Q2 is below the quotient of the cubed signature")]
    Q2TooSmall,
    /// S³ mod N is no padded SHA-256: another key, or damaged key or signature.
    #[error("the signature was not made by this key")]
    Padding,
    /// S³ mod N is a padded SHA-256 of other bytes.
    #[error("the signature covers other contents")]
    Hash,
}

/// Checks that `signature` is the signature of a message with the hash `message_hash` under
/// `modulus` and exponent 3, and that `q1` and `q2` are the quotients ⌊S²/N⌋ and ⌊S·(S² mod N)/N⌋.
///
/// As in hardware there is no division: the quotients give S³ mod N by two subtractions, and being
/// right shows in both remainders lying in [0, N).
///
/// # Errors
/// The first [`Rejected`] that applies.
pub fn verify(
    modulus: &[u8; RSA_BYTES],
    signature: &[u8; RSA_BYTES],
    q1: &[u8; RSA_BYTES],
    q2: &[u8; RSA_BYTES],
    message_hash: &[u8; 32],
) -> Result<(), Rejected> {
    let n = from_le(modulus);
    let s = from_le(signature);
    if s.cmp_vartime(&n) != Ordering::Less {
        return Err(Rejected::SignatureNotBelowModulus);
    }

    let square = product(&s, &s);
    let t1 = remainder(&square, &from_le(q1), &n).map_err(|quotient| match quotient {
        Quotient::TooLarge => Rejected::Q1TooLarge,
        Quotient::TooSmall => Rejected::Q1TooSmall,
    })?;
    let cube = product(&t1, &s);
    let t2 = remainder(&cube, &from_le(q2), &n).map_err(|quotient| match quotient {
        Quotient::TooLarge => Rejected::Q2TooLarge,
        Quotient::TooSmall => Rejected::Q2TooSmall,
    })?;

    let encoded = t2.to_be_bytes();
    let (padding, hash) = encoded.as_slice().split_at(PKCS1_PADDING_BYTES);
    if padding != PKCS1_PADDING {
        return Err(Rejected::Padding);
    }
    if hash != message_hash {
        return Err(Rejected::Hash);
    }
    Ok(())
}

/// How a claimed quotient is wrong.
enum Quotient {
    TooLarge,
    TooSmall,
}

/// `dividend − quotient·n`, provided that it lies in [0, n).
fn remainder(dividend: &U6144, quotient: &U3072, n: &U3072) -> Result<U3072, Quotient> {
    let multiple = product(quotient, n);
    if multiple.cmp_vartime(dividend) == Ordering::Greater {
        return Err(Quotient::TooLarge);
    }
    let (low, high): (U3072, U3072) = dividend.wrapping_sub(&multiple).split();
    if !high.is_zero_vartime() || low.cmp_vartime(n) != Ordering::Less {
        return Err(Quotient::TooSmall);
    }
    Ok(low)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rsa::{PrivateKey, Signature, to_le};
    use crate::sha256;

    fn signed() -> (PrivateKey, Signature, [u8; 32]) {
        let key = PrivateKey::from_seed(&[7; 32]);
        let hash = sha256(b"the message");
        let signature = key.sign(&hash);
        (key, signature, hash)
    }

    fn plus_one(bytes: &[u8; RSA_BYTES]) -> [u8; RSA_BYTES] {
        to_le(&from_le(bytes).wrapping_add(&U3072::ONE))
    }

    fn minus_one(bytes: &[u8; RSA_BYTES]) -> [u8; RSA_BYTES] {
        to_le(&from_le(bytes).wrapping_sub(&U3072::ONE))
    }

    #[test]
    fn each_rule_has_its_rejection() {
        let (key, good, hash) = signed();
        let n = key.modulus();
        let check = |s: &Signature, hash: &[u8; 32]| verify(n, &s.signature, &s.q1, &s.q2, hash);
        assert_eq!(check(&good, &hash), Ok(()));

        let case = |edit: fn(&mut Signature)| {
            let mut bad = good.clone();
            edit(&mut bad);
            check(&bad, &hash)
        };
        assert_eq!(case(|s| s.signature = [0xff; RSA_BYTES]), Err(Rejected::SignatureNotBelowModulus));
        assert_eq!(case(|s| s.q1 = plus_one(&s.q1)), Err(Rejected::Q1TooLarge));
        assert_eq!(case(|s| s.q1 = minus_one(&s.q1)), Err(Rejected::Q1TooSmall));
        assert_eq!(case(|s| s.q2 = plus_one(&s.q2)), Err(Rejected::Q2TooLarge));
        assert_eq!(case(|s| s.q2 = minus_one(&s.q2)), Err(Rejected::Q2TooSmall));
        assert_eq!(check(&good, &sha256(b"another")), Err(Rejected::Hash));

        let one = |byte| core::array::from_fn(|i| if i == 0 { byte } else { 0 });
        let of_one = Signature { signature: one(1), q1: one(0), q2: one(0) };
        assert_eq!(check(&of_one, &hash), Err(Rejected::Padding));
    }

    #[test]
    fn a_signature_equal_to_the_modulus_is_rejected() {
        let (key, good, hash) = signed();
        let n = key.modulus();
        assert_eq!(verify(n, n, &good.q1, &good.q2, &hash), Err(Rejected::SignatureNotBelowModulus));
    }

    #[test]
    fn degenerate_integers_are_rejected() {
        for byte in [0, 1, 0xff] {
            for fill in [0, 1, 0xff] {
                let (n, s) = ([byte; RSA_BYTES], [fill; RSA_BYTES]);
                assert!(verify(&n, &s, &s, &s, &[fill; 32]).is_err());
            }
        }
    }

    #[test]
    fn another_key_does_not_verify() {
        let (_, good, hash) = signed();
        let stranger = PrivateKey::from_seed(&[8; 32]);
        assert!(verify(stranger.modulus(), &good.signature, &good.q1, &good.q2, &hash).is_err());
    }
}
