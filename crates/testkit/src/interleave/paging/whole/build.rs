//! The enclave, built as a kernel builds it.

use anyclave_arch::cpuid::SgxFeatures;
use anyclave_arch::msr::lepubkeyhash_msrs;
use anyclave_arch::token::EinitToken;
use anyclave_arch::{Encls, Linear, PageInfo, PageType, SecInfo, SecInfoFlags, Tcs};
use anyclave_cpu::xsave::XsaveArea;
use anyclave_cpu::{Config, PAGE_BYTES, Package, Processor, Section, State};
use anyclave_crypto::sha256;
use anyclave_sign::Image;
use zerocopy::{FromZeros, IntoBytes};

use super::super::leaves::{Acceptance, Answer, FRAMES};
use super::frames::SharedFrames;
use super::tables::{Operand, Tables, direct};
use super::{OUTSIDE, Page, SECOND_REQUEST, Thread, Venue, Whole};
use crate::enclave;
use crate::entropy::Seeded;
use crate::machine;

/// The EPC: as many pages as four threads need.
pub(super) const EPC_BASE: u64 = 0x8000_0000;
pub(super) const EPC_SIZE: u64 = 16 * 4096;

/// What EMODPR or EMODT is told, and EACCEPT asked.
pub(super) fn request(what: Acceptance) -> SecInfo {
    match what {
        Acceptance::ReadOnly => SecInfo::new(PageType::Reg, SecInfoFlags::R | SecInfoFlags::PR),
        Acceptance::Trim => SecInfo::new(PageType::Trim, SecInfoFlags::MODIFIED),
    }
}

/// The pages with their places in the EPC, as a loader adds them.
fn image(threads: usize) -> (Image, Vec<Page>) {
    let rw = SecInfoFlags::R | SecInfoFlags::W;
    let mut requests = [0; PAGE_BYTES];
    requests[..64].copy_from_slice(request(Acceptance::ReadOnly).as_bytes());
    requests[64..128].copy_from_slice(request(Acceptance::Trim).as_bytes());
    let mut pages = vec![
        (Page::Frame(0), SecInfo::new(PageType::Reg, rw), [0; PAGE_BYTES]),
        (Page::Requests, SecInfo::new(PageType::Reg, rw), requests),
    ];
    for thread in 0..threads {
        let ossa = Page::Ssa(thread).offset().unwrap_or(0);
        let tcs = Tcs { ossa: ossa.into(), nssa: 1.into(), ..Tcs::new_zeroed() };
        let secinfo = SecInfo::new(PageType::Tcs, SecInfoFlags::empty());
        pages.push((Page::Tcs(thread), secinfo, zerocopy::transmute!(tcs)));
        pages.push((Page::Ssa(thread), SecInfo::new(PageType::Reg, rw), [0; PAGE_BYTES]));
    }
    let placed = pages.iter().map(|(page, ..)| *page).collect();
    let add = |(page, secinfo, data): (Page, SecInfo, [u8; PAGE_BYTES])| anyclave_sign::Page {
        offset: page.offset().unwrap_or(0),
        secinfo,
        data: Box::new(data),
        measured: 0,
    };
    let image = Image { ssaframesize: 1, size: 0x1_0000, pages: pages.into_iter().map(add).collect() };
    (image, placed)
}

/// ECREATE, EADDs, EINIT, and EPA for the version array.
pub(super) fn build(threads: usize, venue: Venue) -> Whole {
    assert_eq!(SECOND_REQUEST, size_of::<SecInfo>() as u64);
    let config = Config {
        sections: vec![Section { base: EPC_BASE, size: EPC_SIZE }],
        features: SgxFeatures::SGX1 | SgxFeatures::SGX2,
        ..machine::config("1M").processor()
    };
    let data = (0..FRAMES).map(|frame| Page::Frame(frame).epc()).collect();
    let mut state = State { xsave: XsaveArea(vec![0; 832]), ..State::default() };
    state.gprs.rip = OUTSIDE;
    let thread = Thread { processor: Processor::default(), state, interrupted: false };
    let mut whole = Whole {
        package: Package::new(config, SharedFrames::new(data, venue), Seeded(1)),
        kernel: Processor::default(),
        threads: vec![thread; threads],
        tables: Tables::new(threads),
    };
    let (image, places) = image(threads);
    let secs = SecInfo::new(PageType::Secs, SecInfoFlags::empty());
    whole.add(Encls::Ecreate, Page::Secs, None, &secs, enclave::secs(&image).as_bytes());
    for (page, place) in image.pages.iter().zip(places) {
        whole.add(Encls::Eadd, place, Some(page.offset), &page.secinfo, &page.data[..]);
    }
    let va = [Linear(PageType::Va as u64), direct(Page::Va.epc()), Linear(0)];
    whole.must(Encls::Epa, va);
    whole.initialise(&image);
    whole
}

impl Whole {
    fn must(&mut self, leaf: Encls, operands: [Linear; 3]) {
        assert_eq!(self.encls(leaf, operands), Answer::Done, "{leaf:?}");
    }

    /// ECREATE or EADD.
    fn add(&mut self, leaf: Encls, page: Page, offset: Option<u64>, secinfo: &SecInfo, data: &[u8]) {
        let pageinfo = PageInfo {
            linaddr: offset.map_or(0, |offset| enclave::BASE + offset).into(),
            srcpge: Operand::Source.at().0.into(),
            secinfo: Operand::SecInfo.at().0.into(),
            secs: offset.map_or(0, |_| direct(Page::Secs.epc()).0).into(),
        };
        self.tables.put(Operand::PageInfo, pageinfo.as_bytes());
        self.tables.put(Operand::SecInfo, secinfo.as_bytes());
        self.tables.put(Operand::Source, data);
        self.must(leaf, [Operand::PageInfo.at(), direct(page.epc()), Linear(0)]);
    }

    fn initialise(&mut self, image: &Image) {
        let sigstruct = enclave::sign(image);
        let hash = lepubkeyhash_msrs(&sha256(&sigstruct.modulus));
        assert!(self.package.set_lepubkeyhash(hash).is_ok(), "launch control is flexible");
        self.tables.put(Operand::SigStruct, sigstruct.as_bytes());
        self.tables.put(Operand::Token, EinitToken::new_zeroed().as_bytes());
        let operands = [Operand::SigStruct.at(), direct(Page::Secs.epc()), Operand::Token.at()];
        self.must(Encls::Einit, operands);
    }
}
