//! Enclaves and SIGSTRUCTs that others made. The files are not part of this repository: they are read from
//! the folder named by ANYCLAVE_VECTORS or from `shared/vectors` beside the workspace.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyclave_arch::{PageType, SecInfo, SecInfoFlags, SigStruct};
use anyclave_crypto::sha256;

use crate::testing::hex;
use crate::{
    Image, Measurer, PAGE_BYTES, SIGSTRUCT_BYTES, SigError, SigInfo, measure_stream, verify_sigstruct,
};

const TEST_ENCLAVE: &str = "784acfd7d5096a8f0fbd3265760bff21b120f62407a9a9e5ba31aa3c8ed198fc";
const SGX_CRATE_ENCLAVE: &str = "b999536238fcf4e9d360ef6cd3e0c20ef8a684c7b93f74a9c4a4c6d517d61fc0";
const REPORT_ENCLAVE: &str = "a06a560b26f5e397b2d7872fac66fe4b43bf4f507296ee048f110be6fb1a2290";
const REPORT_ENCLAVE_WITH_TARGETINFO: &str =
    "fcf6c0858517e8e3a4185fb237dabbdc2885a0e03cb3e37fb39e20c70d213dce";

/// The file, or None (said aloud) where the folder of vectors is absent. A folder without the file fails.
fn vector(test: &str, name: &str) -> Option<Vec<u8>> {
    let folder = std::env::var_os("ANYCLAVE_VECTORS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors"), PathBuf::from);
    if !folder.is_dir() {
        // Past the capture of the test harness, which hides what a passing test prints.
        let _ = writeln!(std::io::stderr(), "skipped: {test}: {} is absent", folder.display());
        return None;
    }
    Some(std::fs::read(folder.join(name)).unwrap())
}

fn verify(bytes: &[u8]) -> Result<SigInfo, SigError> {
    let bytes: &[u8; SIGSTRUCT_BYTES] = bytes.try_into().expect("1808 bytes");
    verify_sigstruct(bytes)
}

fn attributes(sigstruct: &SigStruct) -> [u64; 4] {
    let (value, mask) = (sigstruct.attributes, sigstruct.attributemask);
    [value.flags.get(), value.xfrm.get(), mask.flags.get(), mask.xfrm.get()]
}

#[test]
fn test_enclave_measures() {
    let Some(stream) = vector("test_enclave_measures", "test_enclave.sgxs") else { return };
    assert_eq!(sha256(&stream), hex::<32>(TEST_ENCLAVE));
    assert_eq!(measure_stream(&stream), Ok(hex(TEST_ENCLAVE)));

    let image = Image::parse(&stream).unwrap();
    assert_eq!(image.mrenclave(), hex::<32>(TEST_ENCLAVE));
    assert_eq!((image.ssaframesize, image.size, image.pages.len()), (1, 0x40000, 9));
    assert!(image.pages.iter().all(|page| page.measured == u16::MAX));
    let is_tcs = |secinfo: &SecInfo| secinfo.page_type() == Some(PageType::Tcs);
    assert_eq!(image.pages.iter().filter(|page| is_tcs(&page.secinfo)).count(), 1);
}

#[test]
fn test_enclave_is_signed() {
    let Some(bytes) = vector("test_enclave_is_signed", "test_enclave.sig") else { return };
    let SigInfo { sigstruct, mrsigner } = verify(&bytes).unwrap();
    assert_eq!(sigstruct.enclavehash, hex(TEST_ENCLAVE));
    assert_eq!(mrsigner, hex("fb4bab3d6036ac1d730fa83d7366df1dd2dfeac194ef335d6854d8a6c6475542"));
    assert_eq!(attributes(&sigstruct), [4, 3, 0xffff_ffff_ffff_fffd, 0xffff_ffff_ffff_ff1b]);
    assert_eq!(sigstruct.isvprodid.get(), 65535);
}

#[test]
fn sgx_crate_enclave_measures() {
    let Some(bytes) = vector("sgx_crate_enclave_measures", "sgx-crate-encl.bin") else { return };
    let (pages, rest) = bytes.as_chunks::<PAGE_BYTES>();
    assert_eq!((pages.len(), rest.len()), (6, 0));
    let mut measurer = Measurer::ecreate(1, 0x8000);
    for (number, page) in (0_u64..).zip(pages) {
        let secinfo = match number {
            0 => SecInfo::new(PageType::Tcs, SecInfoFlags::empty()),
            _ => SecInfo::new(PageType::Reg, SecInfoFlags::RWX),
        };
        measurer.add_page(number * PAGE_BYTES as u64, &secinfo, page, true);
    }
    assert_eq!(measurer.mrenclave(), hex::<32>(SGX_CRATE_ENCLAVE));
}

#[test]
fn sgx_crate_enclave_is_signed() {
    let Some(bytes) = vector("sgx_crate_enclave_is_signed", "sgx-crate-encl.ss") else { return };
    let SigInfo { sigstruct, mrsigner } = verify(&bytes).unwrap();
    assert_eq!(sigstruct.enclavehash, hex(SGX_CRATE_ENCLAVE));
    assert_eq!(mrsigner, hex("2f9f8fd4fe12d77232f1d87571ca8252ca27714efe7705e46222cffd5a22e8c4"));
    assert_eq!(attributes(&sigstruct)[2..], [0, 0]);
}

#[test]
fn report_enclave_measures() {
    let Some(stream) = vector("report_enclave_measures", "report.sgxs") else { return };
    assert_eq!(measure_stream(&stream), Ok(hex(REPORT_ENCLAVE)));

    // The enclave lacks the page at 3000H from which it reads its TARGETINFO.
    let mut image = Image::parse(&stream).unwrap();
    assert_eq!(image.mrenclave(), hex::<32>(REPORT_ENCLAVE));
    let mut page = image.pages[0].clone();
    page.offset = 0x3000;
    page.secinfo = SecInfo::new(PageType::Reg, SecInfoFlags::R | SecInfoFlags::W);
    page.data.fill(0);
    image.pages.push(page);
    assert_eq!(image.mrenclave(), hex::<32>(REPORT_ENCLAVE_WITH_TARGETINFO));
}

#[test]
fn launch_enclave_is_signed_by_the_default_launch_key() {
    let Some(bytes) = vector("launch_enclave_is_signed_by_the_default_launch_key", "le_prod_css.bin") else {
        return;
    };
    let SigInfo { sigstruct, mrsigner } = verify(&bytes).unwrap();
    assert_eq!(mrsigner, hex("acb77012053e05a63d413b8bbae8fb6c5d73b3f2996d91c43bbbf90959c0f8d4"));
    assert_eq!(
        sigstruct.enclavehash,
        hex("7881af9f9def547da9908c008f29cde9bd78064e36ac7e14c83c294ca4806150")
    );
    assert_eq!((sigstruct.vendor.get(), sigstruct.date.get()), (0x8086, 0x2024_0811));
    assert_eq!(sigstruct.swdefined.get(), 0x10);
    assert_eq!(attributes(&sigstruct)[..2], [0x24, 3]);
    assert_eq!(sigstruct.miscmask.get(), u32::MAX);
    assert_eq!((sigstruct.isvprodid.get(), sigstruct.isvsvn.get()), (32, 7));
}

#[test]
fn a_changed_byte_breaks_a_real_signature() {
    let Some(mut bytes) = vector("a_changed_byte_breaks_a_real_signature", "test_enclave.sig") else {
        return;
    };
    bytes[960] ^= 1;
    assert!(matches!(verify(&bytes), Err(SigError::Signature(_))));
}
