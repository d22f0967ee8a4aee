//! The cryptography of SGX: SHA-256 whose running state can be stored (MRENCLAVE), AES-128-CMAC
//! (REPORT, EINITTOKEN), AES-128-GCM (pages in transit) and RSA-3072 with exponent 3 (SIGSTRUCT).
//!
//! Everything here is a function of its arguments: no clock, no entropy, no allocation.
#![no_std]
#![forbid(unsafe_code)]

// To ask the processor what it has.
extern crate std;

mod cmac;
mod gcm;
mod measurement;
pub mod rsa;
mod sha256;
#[cfg(test)]
mod testing;

pub use crate::cmac::{aes128_cmac, aes128_cmac_parts};
pub use crate::gcm::{Gcm, IV_BYTES, TAG_BYTES, WrongTag};
pub use crate::measurement::{BLOCK_BYTES, Measurement};
pub use crate::sha256::{sha256, sha256_parts};
