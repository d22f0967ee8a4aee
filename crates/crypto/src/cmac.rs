//! AES-128-CMAC (NIST SP 800-38B), the MAC of REPORT and EINITTOKEN and the core of key derivation.

use aes::Aes128;
use cmac::{Cmac, KeyInit, Mac};

/// AES-128-CMAC of `message` under `key`.
#[must_use]
pub fn aes128_cmac(key: &[u8; 16], message: &[u8]) -> [u8; 16] {
    aes128_cmac_parts(key, &[message])
}

/// AES-128-CMAC of the concatenation of `parts` under `key`.
#[must_use]
pub fn aes128_cmac_parts(key: &[u8; 16], parts: &[&[u8]]) -> [u8; 16] {
    let mut mac = Cmac::<Aes128>::new(key.into());
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::hex;

    const KEY: &str = "2b7e1516 28aed2a6 abf71588 09cf4f3c";
    const MESSAGE: &str = "6bc1bee2 2e409f96 e93d7e11 7393172a ae2d8a57 1e03ac9c 9eb76fac 45af8e51
        30c81c46 a35ce411 e5fbc119 1a0a52ef f69f2445 df4f9b17 ad2b417b e66c3710";

    /// RFC 4493, section 4: one message cut at four lengths.
    #[test]
    fn rfc_4493_vectors() {
        let message = hex::<64>(MESSAGE);
        for (length, mac) in [
            (0, "bb1d6929 e9593728 7fa37d12 9b756746"),
            (16, "070a16b4 6b4d4144 f79bdd9d d04a287c"),
            (40, "dfa66747 de9ae630 30ca3261 1497c827"),
            (64, "51f0bebf 7e3b9d92 fc497417 79363cfe"),
        ] {
            assert_eq!(aes128_cmac(&hex(KEY), &message[..length]), hex::<16>(mac), "{length} bytes");
        }
    }

    #[test]
    fn parts_are_authenticated_as_their_concatenation() {
        let (key, message) = (hex(KEY), hex::<64>(MESSAGE));
        let whole = aes128_cmac(&key, &message);
        for cut in [0, 1, 15, 16, 17, 63, 64] {
            assert_eq!(aes128_cmac_parts(&key, &[&message[..cut], &[], &message[cut..]]), whole);
        }
    }
}
