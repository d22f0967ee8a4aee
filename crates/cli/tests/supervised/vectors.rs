//! Enclaves that others made and signed, loaded by ordinary hosts through the device. Where the folder of vectors
//! is absent each test says that it is skipped.

use crate::compile::{Flavour, compile, scratch};
use crate::image::{ImageFile, ImagePage, image};
use crate::run::{run, supervised};
use anyclave_arch::targetinfo::TargetInfo;
use anyclave_arch::{Attributes, Flags, MiscSelect, PageType, SecInfo, SecInfoFlags, SigStruct};
use anyclave_sign::{Image, PAGE_BYTES, Page, PrivateKey, SignOptions};
use anyclave_testkit::vectors::vector;
use std::path::{Path, PathBuf};
use zerocopy::{FromBytes, IntoBytes};

const XFRM_LEGACY: u64 = 3;
/// Where report.sgxs reads its TARGETINFO.
const TARGETINFO_PAGE: u64 = 0x3000;

/// Not a debug enclave: what a production enclave is launched with.
fn production() -> Attributes {
    Attributes::new(Flags::MODE64BIT, XFRM_LEGACY)
}

/// Writes the image file of an enclave that is measured whole.
fn write(folder: &Path, image: &Image, sigstruct: &[u8]) -> PathBuf {
    fn whole(page: &Page) -> ImagePage<'_> {
        assert_eq!(page.measured, u16::MAX, "the ioctl measures whole pages");
        ImagePage { offset: page.offset, secinfo: page.secinfo, measured: true, bytes: &page.data }
    }
    let file = ImageFile {
        ssaframesize: image.ssaframesize,
        size: image.size,
        miscselect: MiscSelect::empty(),
        attributes: production(),
        pages: image.pages.iter().map(whole).collect(),
        sigstruct,
    };
    let path = folder.join("vector.image");
    std::fs::write(&path, file.to_bytes()).unwrap();
    path
}

fn check(program: &str, folder: &Path, images: &[&Path]) {
    let program = compile(program, Flavour::Default, folder);
    let command = std::iter::once(program.as_path()).chain(images.iter().copied());
    let outcome = run(&mut supervised(command), folder);
    outcome.assert_code(0);
    assert_eq!(outcome.stderr, "");
}

#[test]
fn production_signed_enclave_launches_without_debug() {
    const NAME: &str = "production_signed_enclave_launches_without_debug";
    let (Some(stream), Some(sigstruct)) =
        (vector(NAME, "test_enclave.sgxs"), vector(NAME, "test_enclave.sig"))
    else {
        return;
    };
    let folder = scratch("vector_test_enclave");
    let image = write(&folder, &Image::parse(&stream).unwrap(), &sigstruct);
    check("vector_test_enclave", &folder, &[&image]);
}

#[test]
fn enclave_of_flat_pages_launches() {
    const NAME: &str = "enclave_of_flat_pages_launches";
    let (Some(bytes), Some(sigstruct)) =
        (vector(NAME, "sgx-crate-encl.bin"), vector(NAME, "sgx-crate-encl.ss"))
    else {
        return;
    };
    let tcs = SecInfo::new(PageType::Tcs, SecInfoFlags::empty());
    let regular = SecInfo::new(PageType::Reg, SecInfoFlags::RWX);
    let pages = (0_u64..).zip(bytes.as_chunks::<PAGE_BYTES>().0).map(|(number, page)| Page {
        offset: number * PAGE_BYTES as u64,
        secinfo: if number == 0 { tcs } else { regular },
        data: Box::new(*page),
        measured: u16::MAX,
    });
    let image = Image { ssaframesize: 1, size: 0x8000, pages: pages.collect() };
    let folder = scratch("vector_sgx_crate");
    let image = write(&folder, &image, &sigstruct);
    check("vector_sgx_crate", &folder, &[&image]);
}

/// TARGETINFO of the enclave in the image file that all programs here use.
fn target(image: &[u8]) -> TargetInfo {
    let sigstruct = &image[image.len() - size_of::<SigStruct>()..];
    let sigstruct = SigStruct::read_from_bytes(sigstruct).unwrap();
    let mut target = TargetInfo::read_from_bytes(&[0; 512]).unwrap();
    target.measurement = sigstruct.enclavehash;
    let xfrm = u64::from_le_bytes(*image[32..].first_chunk().unwrap());
    target.attributes = Attributes::new(Flags::MODE64BIT | Flags::INIT, xfrm);
    target.miscselect = MiscSelect::EXINFO.bits().into();
    target
}

#[test]
fn report_is_verified_by_its_target_alone() {
    let Some(stream) = vector("report_is_verified_by_its_target_alone", "report.sgxs") else { return };
    let mut reporter = Image::parse(&stream).unwrap();
    let mut data = Box::new([0; PAGE_BYTES]);
    data[..size_of::<TargetInfo>()].copy_from_slice(target(&std::fs::read(image()).unwrap()).as_bytes());
    let secinfo = SecInfo::new(PageType::Reg, SecInfoFlags::R | SecInfoFlags::W);
    reporter.pages.push(Page { offset: TARGETINFO_PAGE, secinfo, data, measured: u16::MAX });

    let options =
        SignOptions { attributes: production(), isvprodid: 21, isvsvn: 2, ..SignOptions::default() };
    let sigstruct = options.sign(&reporter.mrenclave(), &PrivateKey::from_seed(&[8; 32]));
    let folder = scratch("vector_report");
    let reporter = write(&folder, &reporter, sigstruct.as_bytes());
    check("vector_report", &folder, &[image(), &reporter]);
}
