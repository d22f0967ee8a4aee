//! Makes the image of the test enclave: assembles enclave.S, measures and signs it. The format is that of
//! enclave.h.

use crate::compile::{assemble, scratch};
use anyclave_arch::{Attributes, Flags, MiscSelect, PageType, SecInfo, SecInfoFlags};
use anyclave_sign::{Measurer, PAGE_BYTES, PrivateKey, SignOptions};
use object::{Object, ObjectSection};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use zerocopy::IntoBytes;

const SSA_FRAME_PAGES: u32 = 1;
/// At least as much of ELRANGE has no pages, at its end.
const HOLE_BYTES: u64 = 0x4000;
const XFRM_LEGACY: u64 = 3;
const XFRM_AVX: u64 = 4;

/// The path of the image with three threads, made on first use.
pub(crate) fn image() -> &'static Path {
    static IMAGE: OnceLock<PathBuf> = OnceLock::new();
    IMAGE.get_or_init(|| make_file("image", "enclave", 3))
}

/// The path of the image with eight threads, made on first use.
pub(crate) fn image_of_eight() -> &'static Path {
    static IMAGE: OnceLock<PathBuf> = OnceLock::new();
    IMAGE.get_or_init(|| make_file("image-of-eight", "enclave", 8))
}

/// The path of the image whose thread asks for AEX-Notify, made on first use.
pub(crate) fn image_that_is_notified() -> &'static Path {
    static IMAGE: OnceLock<PathBuf> = OnceLock::new();
    IMAGE.get_or_init(|| make_file("image-that-is-notified", "notify", 1))
}

fn make_file(name: &str, source: &str, threads: u32) -> PathBuf {
    let folder = scratch(name);
    let object = std::fs::read(assemble(source, threads, &folder)).unwrap();
    let path = folder.join("enclave.image");
    std::fs::write(&path, make(&object)).unwrap();
    path
}

/// One line of the section .layout.
struct Segment {
    offset: u64,
    pages: u64,
    secinfo: SecInfo,
    measured: bool,
}

fn segments(layout: &[u8]) -> Vec<Segment> {
    let words: Vec<u64> = layout.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect();
    let (lines, rest) = words.as_chunks::<4>();
    assert!(rest.is_empty());
    let segment = |&[offset, pages, flags, measured]: &[u64; 4]| {
        let kind = if flags >> 8 == 1 { PageType::Tcs } else { PageType::Reg };
        let secinfo = SecInfo::new(kind, SecInfoFlags::from_bits_retain(flags & 7));
        Segment { offset, pages, secinfo, measured: measured != 0 }
    };
    lines.iter().map(segment).collect()
}

fn section<'data>(file: &object::File<'data>, name: &str) -> &'data [u8] {
    let section = file.section_by_name(name).unwrap();
    assert_eq!(section.relocations().count(), 0, "{name} must be position-independent");
    section.data().unwrap()
}

/// The image of the enclave in this object file.
fn make(object: &[u8]) -> Vec<u8> {
    let file = object::File::parse(object).unwrap();
    let bytes = section(&file, ".enclave");
    let segments = segments(section(&file, ".layout"));
    let xfrm = XFRM_LEGACY | if std::is_x86_feature_detected!("avx") { XFRM_AVX } else { 0 };

    // SECS.SIZE is a power of two; a hole is left behind the pages.
    let size = (bytes.len() as u64 + HOLE_BYTES).next_power_of_two();
    let mut measurer = Measurer::ecreate(SSA_FRAME_PAGES, size);
    let mut pages = Vec::new();
    for segment in &segments {
        for number in 0..segment.pages {
            let offset = segment.offset + number * PAGE_BYTES as u64;
            let start = usize::try_from(offset).unwrap();
            let page: &[u8; PAGE_BYTES] = bytes[start..start + PAGE_BYTES].try_into().unwrap();
            measurer.add_page(offset, &segment.secinfo, page, segment.measured);
            pages.push(ImagePage {
                offset,
                secinfo: segment.secinfo,
                measured: segment.measured,
                bytes: page,
            });
        }
    }

    let options = SignOptions {
        miscselect: MiscSelect::EXINFO,
        miscmask: MiscSelect::empty(),
        attributes: Attributes::new(Flags::MODE64BIT, xfrm),
        // The programs choose attributes at CREATE; EINIT shall compare no more than it must.
        attributemask: Attributes::new(Flags::MODE64BIT, XFRM_LEGACY),
        isvprodid: 7,
        isvsvn: 3,
        ..SignOptions::default()
    };
    let sigstruct = options.sign(&measurer.mrenclave(), &PrivateKey::from_seed(&[7; 32]));

    let attributes = options.attributes;
    let miscselect = MiscSelect::EXINFO;
    let sigstruct = sigstruct.as_bytes();
    let ssaframesize = SSA_FRAME_PAGES;
    ImageFile { ssaframesize, size, miscselect, attributes, pages, sigstruct }.to_bytes()
}

/// What an image file holds, in the words of enclave.h.
pub(crate) struct ImageFile<'data> {
    pub(crate) ssaframesize: u32,
    pub(crate) size: u64,
    pub(crate) miscselect: MiscSelect,
    pub(crate) attributes: Attributes,
    pub(crate) pages: Vec<ImagePage<'data>>,
    pub(crate) sigstruct: &'data [u8],
}

/// One page of an image file.
pub(crate) struct ImagePage<'data> {
    pub(crate) offset: u64,
    pub(crate) secinfo: SecInfo,
    pub(crate) measured: bool,
    pub(crate) bytes: &'data [u8; PAGE_BYTES],
}

impl ImageFile<'_> {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut image = b"ENCLIMG1".to_vec();
        image.extend(self.size.to_le_bytes());
        image.extend(self.ssaframesize.to_le_bytes());
        image.extend(self.miscselect.bits().to_le_bytes());
        image.extend(self.attributes.as_bytes());
        image.extend((self.pages.len() as u64).to_le_bytes());
        for page in &self.pages {
            image.extend(page.offset.to_le_bytes());
            image.extend(page.secinfo.flags.get().to_le_bytes());
            image.extend(u64::from(page.measured).to_le_bytes());
            image.extend(page.bytes);
        }
        image.extend(self.sigstruct);
        image
    }
}
