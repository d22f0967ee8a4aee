//! AES-128-GCM (NIST SP 800-38D) with IVs of 96 bits and whole tags: what EWB and ELDU do to pages.
//!
//! Which library does the work is decided in this file alone. Both give the same bytes, so what a machine
//! computes does not depend on its host.

use core::fmt;

use aes_gcm::{AeadInOut, Aes128Gcm, KeyInit};
use graviola::aead::AesGcm;
use thiserror::Error;

/// Bytes of an IV.
pub const IV_BYTES: usize = 12;
/// Bytes of a tag.
pub const TAG_BYTES: usize = 16;

/// Ciphertext, additional data, IV or tag are not what was encrypted under this key.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the tag does not belong to the ciphertext")]
pub struct WrongTag;

/// A key of AES-128-GCM, expanded once for many messages.
pub struct Gcm {
    key: [u8; 16],
    engine: Engine,
}

#[expect(clippy::large_enum_variant, reason = "a machine has one key of this kind")]
enum Engine {
    /// Vector instructions of the host.
    Fast(AesGcm),
    /// Any host.
    Portable(Aes128Gcm),
}

impl Gcm {
    /// Expands `key`.
    #[must_use]
    pub fn new(key: &[u8; 16]) -> Self {
        let engine = if is_fast() {
            Engine::Fast(AesGcm::new(key))
        } else {
            Engine::Portable(Aes128Gcm::new(key.into()))
        };
        Self { key: *key, engine }
    }

    /// Encrypts `text` in place and returns the tag over `additional` and the ciphertext.
    ///
    /// An IV must not be used twice. `text` is at most 64 GiB less 32 bytes, as GCM has it; what is longer is given back
    /// as zeros, with a tag of zeros.
    #[must_use]
    pub fn encrypt(&self, iv: &[u8; IV_BYTES], additional: &[u8], text: &mut [u8]) -> [u8; TAG_BYTES] {
        match &self.engine {
            Engine::Fast(engine) => {
                let mut tag = [0; TAG_BYTES];
                engine.encrypt(iv, additional, text, &mut tag);
                tag
            }
            Engine::Portable(engine) => {
                if let Ok(tag) = engine.encrypt_inout_detached(iv.into(), additional, (&mut *text).into()) {
                    return tag.into();
                }
                text.fill(0);
                [0; TAG_BYTES]
            }
        }
    }

    /// Decrypts `text` in place if `tag` is the one that [`encrypt`](Self::encrypt) returned for it.
    ///
    /// # Errors
    /// It is not; `text` is then zero.
    pub fn decrypt(
        &self,
        iv: &[u8; IV_BYTES],
        additional: &[u8],
        text: &mut [u8],
        tag: &[u8; TAG_BYTES],
    ) -> Result<(), WrongTag> {
        let done = match &self.engine {
            Engine::Fast(engine) => engine.decrypt(iv, additional, text, tag).is_ok(),
            Engine::Portable(engine) => {
                engine.decrypt_inout_detached(iv.into(), additional, (&mut *text).into(), tag.into()).is_ok()
            }
        };
        if done {
            return Ok(());
        }
        text.fill(0);
        Err(WrongTag)
    }
}

impl Clone for Gcm {
    fn clone(&self) -> Self {
        Self::new(&self.key)
    }
}

impl fmt::Debug for Gcm {
    /// Without the key.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Gcm").finish_non_exhaustive()
    }
}

/// Whether the host has what the fast library cannot do without; it panics where it misses something.
fn is_fast() -> bool {
    std::is_x86_feature_detected!("aes")
        && std::is_x86_feature_detected!("pclmulqdq")
        && std::is_x86_feature_detected!("ssse3")
        && std::is_x86_feature_detected!("avx")
        && std::is_x86_feature_detected!("avx2")
        && std::is_x86_feature_detected!("bmi1")
        && std::is_x86_feature_detected!("bmi2")
        && std::is_x86_feature_detected!("adx")
}

#[cfg(test)]
mod tests;
