//! The secrets that a processor's maker and owner put in.

use std::fmt;

use anyclave_crypto::sha256;

/// CPUSVN of every machine. On hardware the bytes are small version numbers; no part will ever have these.
pub const CPUSVN: [u8; 16] = *b"AnyclaveSoftware";

/// All secrets of a processor. They derive from one root of 32 bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    /// Root of all keys.
    pub device_root: [u8; 16],
    /// Second device secret, absent from provisioning keys.
    pub seal_fuses: [u8; 16],
    /// OWNEREPOCH.
    pub owner_epoch: [u8; 16],
}

impl Keys {
    /// The secrets that follow from a root: random bytes that are kept, or made for one run.
    #[must_use]
    pub fn from_root(root: &[u8; 32]) -> Self {
        let derive = |label: &[u8]| {
            let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, ..] = sha256(&[root, label].concat());
            [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]
        };
        Self {
            device_root: derive(b"device root"),
            seal_fuses: derive(b"seal fuses"),
            owner_epoch: derive(b"owner epoch"),
        }
    }

    /// The secrets that follow from a text, the same on every machine: `--seed`.
    #[must_use]
    pub fn from_seed(text: &str) -> Self {
        Self::from_root(&sha256(&[b"anyclave seed\0", text.as_bytes()].concat()))
    }
}

/// Secrets stay out of logs.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_names_its_keys() {
        assert_eq!(Keys::from_seed("one"), Keys::from_seed("one"));
        assert_ne!(Keys::from_seed("one"), Keys::from_seed("two"));
    }

    #[test]
    fn the_secrets_of_one_root_differ() {
        let keys = Keys::from_root(&[0; 32]);
        assert_ne!(keys.device_root, keys.seal_fuses);
        assert_ne!(keys.seal_fuses, keys.owner_epoch);
        assert_ne!(keys.device_root, keys.owner_epoch);
    }

    #[test]
    fn debug_output_keeps_the_secrets() {
        assert_eq!(format!("{:?}", Keys::from_seed("x")), "Keys(…)");
    }
}
