use anyclave_arch::cpuid::SgxFeatures;
use anyclave_arch::msr::{LEPUBKEYHASH_RESET, lepubkeyhash_msrs};
use anyclave_arch::{Attributes, Flags, PageType, SecInfoFlags, Secs, Vector};
use anyclave_crypto::sha256;
use anyclave_sign::{Image, PrivateKey, SignOptions};
use anyclave_trace::cause::{EaddCause, EdbgrdCause, EinitCause, EremoveCause};
use zerocopy::{FromBytes, FromZeros};

use super::*;
use crate::locks::Lock;
use crate::testing::{EnclaveSpec, Machine, SECTION, hex, vector};

const SECS: SecInfo = SecInfo::new(PageType::Secs, SecInfoFlags::empty());

/// The page of the section with this number.
const fn page(number: u64) -> EpcAddr {
    EpcAddr(SECTION.base + number * 4096)
}

fn with_bare<T>(
    run: impl FnOnce(&mut Bare<'_, crate::testing::TestFrames, crate::testing::TestEntropy>) -> T,
) -> T {
    let Machine { mut package, mut processor, .. } = Machine::new();
    run(&mut Bare::new(&mut package, &mut processor))
}

/// Loads an image at `base` as Linux does, its SECS in page 0.
fn load(cpu: &mut impl Encls, image: &Image, base: u64, attributes: Attributes) -> Result<(), EnclsError> {
    let secs = Secs {
        size: image.size.into(),
        base: base.into(),
        ssaframesize: image.ssaframesize.into(),
        attributes,
        ..Secs::new_zeroed()
    };
    cpu.ecreate(page(0), &zerocopy::transmute!(secs), &SECS)?;
    for (number, source) in (1..).zip(&image.pages) {
        let linaddr = Linear(base + source.offset);
        cpu.eadd(page(number), page(0), linaddr, &source.data, &source.secinfo)?;
        for chunk in (0..16).filter(|chunk| source.measured >> chunk & 1 == 1) {
            cpu.eextend(page(0), EpcAddr(page(number).0 + chunk * 256))?;
        }
    }
    Ok(())
}

fn einit(cpu: &mut impl Encls, sigstruct: &SigStruct) -> Result<(), EnclsError> {
    let token = EinitToken::new_zeroed();
    let untrusted = cpu.einit(sigstruct, &token, page(0)).unwrap_err();
    assert_eq!(untrusted.code(), Some(SgxError::InvalidEinitToken));
    cpu.wrmsr_lepubkeyhash(lepubkeyhash_msrs(&sha256(&sigstruct.modulus))).unwrap();
    cpu.einit(sigstruct, &token, page(0))
}

#[test]
fn an_enclave_is_built_read_written_and_removed() {
    let spec = EnclaveSpec::default();
    let image = Image {
        ssaframesize: 1,
        size: spec.secs.size.get(),
        pages: spec
            .pages
            .iter()
            .map(|source| anyclave_sign::Page {
                offset: source.offset,
                secinfo: source.secinfo,
                data: source.data.clone(),
                measured: u16::MAX,
            })
            .collect(),
    };
    with_bare(|cpu| {
        assert_eq!(cpu.sections(), [SECTION]);
        let attributes = Attributes::new(Flags::DEBUG | Flags::MODE64BIT, 3);
        load(cpu, &image, 0x10_0000, attributes).unwrap();
        let key = PrivateKey::from_seed(&[3; 32]);
        let options = SignOptions { attributes, ..SignOptions::default() };
        einit(cpu, &options.sign(&spec.mrenclave(), &key)).unwrap();

        let data = EpcAddr(page(5).0 + 8);
        cpu.edbgwr(data, 0x1122_3344_5566_7788).unwrap();
        assert_eq!(cpu.edbgrd(data), Ok(0x1122_3344_5566_7788));

        let refused = cpu.eremove(page(0)).unwrap_err();
        assert_eq!(refused.code(), Some(SgxError::ChildPresent));
        assert_eq!(refused.refusal().unwrap().cause, EremoveCause::ChildPresent.into());
        for number in (0..=6).rev() {
            cpu.eremove(page(number)).unwrap();
        }
        cpu.epa(page(0)).unwrap();
        assert_eq!(cpu.edbgrd(page(0)), Ok(0));
    });
}

#[test]
fn pages_go_out_and_come_back() {
    let spec = EnclaveSpec::default();
    let image = Image { ssaframesize: 1, size: spec.secs.size.get(), pages: Vec::new() };
    let secinfo = SecInfo::new(PageType::Reg, SecInfoFlags::R);
    let (array, slot) = (page(9), EpcAddr(page(9).0 + 8));
    with_bare(|cpu| {
        load(cpu, &image, 0x10_0000, spec.secs.attributes).unwrap();
        cpu.eadd(page(1), page(0), Linear(0x10_3000), &[0x5a; PAGE_BYTES], &secinfo).unwrap();
        cpu.epa(array).unwrap();

        let (mut contents, mut pcmd) = ([0; PAGE_BYTES], Pcmd::new_zeroed());
        let refused = cpu.ewb(page(1), slot, &mut contents, &mut pcmd).unwrap_err();
        assert_eq!(refused.code(), Some(SgxError::PageNotBlocked));
        assert_eq!((contents, pcmd), ([0; PAGE_BYTES], Pcmd::new_zeroed()));
        cpu.eblock(page(1)).unwrap();
        cpu.etrack(page(0)).unwrap();
        assert_eq!(cpu.ewb(page(1), slot, &mut contents, &mut pcmd), Ok(Linear(0x10_3000)));
        let (mut secs, mut secs_pcmd) = ([0; PAGE_BYTES], Pcmd::new_zeroed());
        assert_eq!(cpu.ewb(page(0), array, &mut secs, &mut secs_pcmd), Ok(Linear(0)));
        assert_eq!(secs_pcmd.enclaveid, pcmd.enclaveid);

        let secs = EvictedPage { contents: &secs, pcmd: &secs_pcmd, linaddr: Linear(0), secs: None };
        cpu.eldu(page(5), &secs, array).unwrap();
        let linaddr = Linear(0x10_3000);
        let child = EvictedPage { contents: &contents, pcmd: &pcmd, linaddr, secs: Some(page(5)) };
        let elsewhere = EvictedPage { linaddr: Linear(0x10_4000), ..child };
        let refused = cpu.eldb(page(1), &elsewhere, slot).unwrap_err();
        assert_eq!(refused.code(), Some(SgxError::MacCompareFail));
        cpu.eldb(page(1), &child, slot).unwrap();
        assert_eq!(cpu.edbgrd(page(1)), Ok(0x5a5a_5a5a_5a5a_5a5a));

        // a slot in use is told, and the page goes all the same
        cpu.ewb(page(1), slot, &mut contents, &mut pcmd).unwrap();
        cpu.epa(page(1)).unwrap();
        let told = cpu.ewb(page(1), slot, &mut contents, &mut pcmd).unwrap_err();
        assert_eq!(told.code(), Some(SgxError::VaSlotOccupied));
        assert_eq!(pcmd.secinfo.page_type(), Some(PageType::Va));
        cpu.epa(page(1)).unwrap();
    });
}

#[test]
fn leaves_of_oversubscription_have_codes_for_conflicts() {
    let mut machine = Machine::of(SgxFeatures::SGX1 | SgxFeatures::OVERSUB);
    let (array, target) = (page(9), page(1));
    let pcmd = Pcmd { secinfo: SECS, ..Pcmd::new_zeroed() };
    let from = EvictedPage { contents: &[0; PAGE_BYTES], pcmd: &pcmd, linaddr: Linear(0), secs: None };
    machine.package.hold(target, Lock::SHARED);
    let mut cpu = Bare::new(&mut machine.package, &mut machine.processor);
    cpu.epa(array).unwrap();
    assert_eq!(cpu.eldu(target, &from, array).unwrap_err().code(), None);
    assert_eq!(cpu.elduc(target, &from, array).unwrap_err().code(), Some(SgxError::EpcPageConflict));
    assert_eq!(cpu.eldbc(target, &from, array).unwrap_err().code(), Some(SgxError::EpcPageConflict));
    assert_eq!(cpu.etrackc(target).unwrap_err().code(), Some(SgxError::PgInvld));
}

#[test]
fn addresses_that_are_not_in_the_epc_fault() {
    with_bare(|cpu| {
        for at in [0, SECTION.base - 4096, SECTION.base + SECTION.size, u64::MAX - 4095, 1 << 63] {
            let error = cpu.edbgrd(EpcAddr(at)).unwrap_err();
            assert_eq!(error.refusal().unwrap().cause, EdbgrdCause::RcxNotEpc.into());
            let EnclsError::Fault(fault) = error else { panic!("{error:?}") };
            assert_eq!((fault.vector, fault.code), (Vector::Pf, 0x8001));
        }
        let linaddr = Linear(0x1000);
        let secinfo = SecInfo::new(PageType::Reg, SecInfoFlags::R);
        let error = cpu.eadd(page(1), EpcAddr(0), linaddr, &[0; PAGE_BYTES], &secinfo).unwrap_err();
        assert_eq!(error.refusal().unwrap().cause, EaddCause::SecsNotEpc.into());
    });
}

#[test]
fn an_initialised_enclave_gets_pages_and_its_pages_change() {
    let mut machine = Machine::full();
    let enclave = machine.launch(&EnclaveSpec::default());
    let free = machine.free_page();
    let Machine { mut package, mut processor, .. } = machine;
    let mut cpu = Bare::new(&mut package, &mut processor);

    cpu.eaug(free, enclave.secs, enclave.at(0x8000)).unwrap();
    let entry = cpu.package.epcm_entry(free);
    assert_eq!((entry.pending, entry.address), (true, enclave.at(0x8000)));
    let trim = SecInfo::new(PageType::Trim, SecInfoFlags::empty());
    assert_eq!(cpu.emodt(free, &trim).unwrap_err().code(), Some(SgxError::PageNotModifiable));

    let data = enclave.page(0x4000);
    cpu.emodpr(data, &SecInfo::new(PageType::Secs, SecInfoFlags::R)).unwrap();
    assert_eq!(cpu.package.epcm_entry(data).rights, SecInfoFlags::R);
    cpu.emodt(data, &trim).unwrap();
    assert_eq!(cpu.package.epcm_entry(data).page_type, PageType::Trim);
    let again = cpu.emodpr(data, &SecInfo::new(PageType::Secs, SecInfoFlags::R)).unwrap_err();
    assert_eq!(again.code(), Some(SgxError::PageNotModifiable));
}

#[test]
fn pages_are_told_about() {
    let mut machine = Machine::full();
    let enclave = machine.launch(&EnclaveSpec::default());
    let free = machine.free_page();
    let Machine { mut package, mut processor, .. } = machine;
    let mut cpu = Bare::new(&mut package, &mut processor);
    let info = cpu.erdinfo(enclave.secs).unwrap();
    assert_eq!((info.status.get(), info.flags.get(), info.enclavecontext.get()), (1, 0, enclave.secs.0));
    let info = cpu.erdinfo(enclave.page(0x4000)).unwrap();
    assert_eq!((info.status.get(), info.flags.get(), info.enclavecontext.get()), (0, 0x203, enclave.secs.0));
    assert_eq!(cpu.erdinfo(free).unwrap_err().code(), Some(SgxError::PgInvld));
    assert_eq!(cpu.erdinfo(EpcAddr(0)).unwrap_err().code(), Some(SgxError::PgNonepc));
}

#[test]
fn a_security_version_is_raised_once() {
    let Machine { mut package, mut processor, .. } = Machine::full();
    assert!(package.load_microcode([3; 16]));
    let mut cpu = Bare::new(&mut package, &mut processor);
    cpu.eupdatesvn().unwrap();
    assert_eq!(cpu.eupdatesvn().unwrap_err().code(), Some(SgxError::NoUpdate));
    assert_eq!(cpu.package.config().cpusvn, [3; 16]);
}

#[test]
fn launch_control_may_be_fixed() {
    let Machine { mut package, mut processor, .. } = Machine::new();
    package.config.launch_control = crate::LaunchControl::intel();
    let mut cpu = Bare::new(&mut package, &mut processor);
    assert_eq!(cpu.wrmsr_lepubkeyhash([0; 4]), Err(WrmsrFault));
    assert_eq!(cpu.lepubkeyhash(), LEPUBKEYHASH_RESET);
}

#[test]
fn the_production_signed_test_enclave_launches_without_debug() {
    let test = "the_production_signed_test_enclave_launches_without_debug";
    let (Some(stream), Some(sigstruct)) =
        (vector(test, "test_enclave.sgxs"), vector(test, "test_enclave.sig"))
    else {
        return;
    };
    let image = Image::parse(&stream).unwrap();
    let sigstruct = SigStruct::read_from_bytes(&sigstruct).unwrap();
    with_bare(|cpu| {
        load(cpu, &image, 0x7f00_0000_0000, Attributes::new(Flags::MODE64BIT, 3)).unwrap();
        einit(cpu, &sigstruct).unwrap();
        let secs = cpu.package.load_secs(page(0));
        assert_eq!(secs.mrenclave, hex("784acfd7d5096a8f0fbd3265760bff21b120f62407a9a9e5ba31aa3c8ed198fc"));
        assert_eq!(secs.mrsigner, hex("fb4bab3d6036ac1d730fa83d7366df1dd2dfeac194ef335d6854d8a6c6475542"));
        assert_eq!(secs.isvprodid.get(), 65535);
    });
    // another bit, and the author no longer vouches for it
    let mut changed = image;
    let is_reg = |page: &&mut anyclave_sign::Page| page.secinfo.page_type() == Some(PageType::Reg);
    changed.pages.iter_mut().find(is_reg).unwrap().data[100] ^= 1;
    with_bare(|cpu| {
        load(cpu, &changed, 0x7f00_0000_0000, Attributes::new(Flags::MODE64BIT, 3)).unwrap();
        cpu.wrmsr_lepubkeyhash(lepubkeyhash_msrs(&sha256(&sigstruct.modulus))).unwrap();
        let error = cpu.einit(&sigstruct, &EinitToken::new_zeroed(), page(0)).unwrap_err();
        assert_eq!(error.refusal().unwrap().cause, EinitCause::MeasurementMismatch.into());
    });
}

#[test]
fn the_enclave_of_crate_sgx_launches() {
    let test = "the_enclave_of_crate_sgx_launches";
    let (Some(bytes), Some(sigstruct)) =
        (vector(test, "sgx-crate-encl.bin"), vector(test, "sgx-crate-encl.ss"))
    else {
        return;
    };
    let secinfo = |offset| match offset {
        0 => SecInfo::new(PageType::Tcs, SecInfoFlags::empty()),
        _ => SecInfo::new(PageType::Reg, SecInfoFlags::RWX),
    };
    let (pages, rest) = bytes.as_chunks::<PAGE_BYTES>();
    assert!(rest.is_empty());
    let pages = pages.iter().zip((0..).step_by(PAGE_BYTES)).map(|(data, offset)| anyclave_sign::Page {
        offset,
        secinfo: secinfo(offset),
        data: Box::new(*data),
        measured: u16::MAX,
    });
    let image = Image { ssaframesize: 1, size: 0x8000, pages: pages.collect() };
    with_bare(|cpu| {
        load(cpu, &image, 0x8000, Attributes::new(Flags::MODE64BIT | Flags::DEBUG, 3)).unwrap();
        einit(cpu, &SigStruct::read_from_bytes(&sigstruct).unwrap()).unwrap();
        let secs = cpu.package.load_secs(page(0));
        assert_eq!(secs.mrenclave, hex("b999536238fcf4e9d360ef6cd3e0c20ef8a684c7b93f74a9c4a4c6d517d61fc0"));
        assert_eq!(secs.mrsigner, hex("2f9f8fd4fe12d77232f1d87571ca8252ca27714efe7705e46222cffd5a22e8c4"));
    });
}

#[test]
fn the_report_enclave_measures() {
    let Some(stream) = vector("the_report_enclave_measures", "report.sgxs") else { return };
    let image = Image::parse(&stream).unwrap();
    with_bare(|cpu| {
        load(cpu, &image, 0x10_0000, Attributes::new(Flags::MODE64BIT, 3)).unwrap();
        let mrenclave = cpu.package.load_secs(page(0)).measurement().finish();
        assert_eq!(mrenclave, hex("a06a560b26f5e397b2d7872fac66fe4b43bf4f507296ee048f110be6fb1a2290"));
    });
}
