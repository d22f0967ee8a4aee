//! Makes the image of the test enclave: assembles enclave.S, measures and signs it. The format is that of
//! enclave.h.

use crate::compile::{assemble, scratch};
use anyclave_arch::{Attributes, Flags, MiscSelect, PageType, SecInfo, SecInfoFlags};
use anyclave_sign::{Measurer, PAGE_BYTES, PrivateKey, SignOptions};
use object::{Object, ObjectSection};
use std::path::Path;
use std::sync::OnceLock;
use zerocopy::IntoBytes;

/// SECS.SIZE; enclave.S needs less, and a power of two.
const ENCLAVE_BYTES: u64 = 0x20000;
const SSA_FRAME_PAGES: u32 = 1;
const XFRM_LEGACY: u64 = 3;
const XFRM_AVX: u64 = 4;

/// The path of the image, made on first use.
pub(crate) fn image() -> &'static Path {
    static IMAGE: OnceLock<std::path::PathBuf> = OnceLock::new();
    IMAGE.get_or_init(|| {
        let folder = scratch("image");
        let object = std::fs::read(assemble("enclave", &folder)).unwrap();
        let path = folder.join("enclave.image");
        std::fs::write(&path, make(&object)).unwrap();
        path
    })
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

    let mut measurer = Measurer::ecreate(SSA_FRAME_PAGES, ENCLAVE_BYTES);
    let mut pages = Vec::new();
    let mut count = 0_u64;
    for segment in &segments {
        for number in 0..segment.pages {
            let offset = segment.offset + number * PAGE_BYTES as u64;
            let start = usize::try_from(offset).unwrap();
            let page: &[u8; PAGE_BYTES] = bytes[start..start + PAGE_BYTES].try_into().unwrap();
            measurer.add_page(offset, &segment.secinfo, page, segment.measured);
            pages.extend(offset.to_le_bytes());
            pages.extend(segment.secinfo.flags.get().to_le_bytes());
            pages.extend(u64::from(segment.measured).to_le_bytes());
            pages.extend(page);
            count += 1;
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

    let mut image = b"ENCLIMG1".to_vec();
    image.extend(ENCLAVE_BYTES.to_le_bytes());
    image.extend(SSA_FRAME_PAGES.to_le_bytes());
    image.extend(MiscSelect::EXINFO.bits().to_le_bytes());
    image.extend(Flags::MODE64BIT.bits().to_le_bytes());
    image.extend(xfrm.to_le_bytes());
    image.extend(count.to_le_bytes());
    image.extend(pages);
    image.extend(sigstruct.as_bytes());
    image
}
