//! The smallest enclave: its source, what it agrees on with a host, and how a build script makes it.
//!
//! The enclave is `enclave.rs` beside this crate. It uses no SDK: the manual and the Linux ABI alone. A build
//! script calls [`build`], which compiles it with `rustc`, lays its pages out, measures and signs them; the
//! program then includes the two files.

#![forbid(unsafe_code)]

pub mod abi;
#[cfg(test)]
mod cmac;
mod compile;
mod layout;
mod stream;

use std::io;
use std::path::Path;

use anyclave_arch::attributes::XFRM_LEGACY;
use anyclave_arch::{Attributes, Flags, MiscSelect, SigStruct};
use anyclave_sign::{PrivateKey, SignOptions};
use thiserror::Error;
use zerocopy::IntoBytes;

pub use compile::Tools;
pub use layout::LayoutError;

/// The file of the pages, a `.sgxs` stream.
pub const STREAM_FILE: &str = "hello.sgxs";
/// The file of the SIGSTRUCT.
pub const SIGSTRUCT_FILE: &str = "hello.sig";

/// ATTRIBUTES of the enclave. Its host may add DEBUG.
pub const ATTRIBUTES: Attributes = Attributes::new(Flags::MODE64BIT, XFRM_LEGACY);
/// MISCSELECT of the enclave: it wants to see the address of its page faults.
pub const MISCSELECT: MiscSelect = MiscSelect::EXINFO;

/// The signer's secret. Everyone knows it, so the signature says nothing but that the files fit together.
const TEST_KEY: &[u8; 32] = b"a test key that is worth nothing";

/// Why the enclave could not be made.
#[derive(Debug, Error)]
pub enum BuildError {
    /// A file.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The compiler ran and failed.
    #[error("rustc cannot compile the enclave:\n{0}")]
    Compiler(String),
    /// The compiler's output is not an enclave.
    #[error("the linker's output cannot be laid out as an enclave: {0}")]
    Layout(#[from] LayoutError),
}

/// Makes the enclave: [`STREAM_FILE`] and [`SIGSTRUCT_FILE`] in `directory`.
///
/// # Errors
/// See [`BuildError`].
pub fn build(tools: &Tools, directory: &Path) -> Result<(), BuildError> {
    let elf = compile::compile(tools, directory)?;
    let image = layout::lay_out(&elf)?;
    std::fs::write(directory.join(STREAM_FILE), stream::write(&image))?;
    std::fs::write(directory.join(SIGSTRUCT_FILE), sign(&image.mrenclave()).as_bytes())?;
    Ok(())
}

fn sign(mrenclave: &[u8; 32]) -> SigStruct {
    let options = SignOptions {
        date: 0x2026_0101,
        miscselect: MISCSELECT,
        attributes: ATTRIBUTES,
        isvprodid: 1,
        isvsvn: 1,
        ..SignOptions::default()
    };
    options.sign(mrenclave, &PrivateKey::from_seed(TEST_KEY))
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyclave_arch::{PageType, Tcs};
    use anyclave_sign::{Image, measure_stream, verify_sigstruct};
    use zerocopy::FromBytes;

    fn built() -> (Vec<u8>, Vec<u8>) {
        let directory = std::env::temp_dir().join(format!("anyclave-hello-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        build(&Tools::default(), &directory).unwrap();
        let read = |name| std::fs::read(directory.join(name)).unwrap();
        let files = (read(STREAM_FILE), read(SIGSTRUCT_FILE));
        std::fs::remove_dir_all(&directory).unwrap();
        files
    }

    #[test]
    fn the_enclave_is_built_measured_and_signed() {
        let (stream, sigstruct) = built();
        let sigstruct: [u8; 1808] = sigstruct.try_into().unwrap();
        let image = Image::parse(&stream).unwrap();
        assert_eq!(image.size, abi::ELRANGE as u64);

        let info = verify_sigstruct(&sigstruct).unwrap();
        assert_eq!(info.sigstruct.enclavehash, image.mrenclave());
        assert_eq!(image.mrenclave(), measure_stream(&stream).unwrap());

        let tcs: Vec<_> =
            image.pages.iter().filter(|page| page.secinfo.page_type() == Some(PageType::Tcs)).collect();
        let [page] = tcs.as_slice() else { panic!("one thread") };
        let tcs = Tcs::read_from_bytes(page.data.as_slice()).unwrap();
        assert_eq!(tcs.nssa.get(), 2);
        assert!(image.pages.iter().any(|page| page.offset == tcs.ossa.get() + 0x1000));
        assert!(image.pages.iter().any(|page| page.offset == tcs.oentry.get() & !0xfff));
    }
}
