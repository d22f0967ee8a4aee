//! Measures and signs enclaves: MRENCLAVE from build steps, `.sgxs` streams, SIGSTRUCT.
//!
//! This is the enclave author's side, for build scripts, tools and tests. The processor measures and
//! verifies on its own (crate `cpu`); the two share only the hash and the integers, so that each checks
//! the other.

#![forbid(unsafe_code)]

mod block;
mod image;
mod measurer;
mod sgxs;
mod sigstruct;
mod verify;

pub use image::{Image, ImageError, Page};
pub use measurer::{CHUNK_BYTES, CHUNKS_PER_PAGE, Measurer, PAGE_BYTES};
pub use sgxs::{Record, Records, SgxsError, measure_stream};
pub use sigstruct::{SIGSTRUCT_BYTES, SignOptions};
pub use verify::{SigError, SigInfo, verify_sigstruct};

pub use anyclave_crypto::rsa::PrivateKey;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod vectors;
