use anyclave_arch::{Attributes, Encls, Pfec, SecInfoFlags, Vector};
use zerocopy::FromZeros;

use super::*;
use crate::frames::Place;
use crate::testing::{
    EnclaveSpec, EnclsScene, Executed, Machine, PAGEINFO, PageOperands, SECTION, SRCPGE, flat, hex,
    refusals_but,
};

struct Create {
    machine: Machine,
    page: EpcAddr,
    operands: PageOperands,
    secs: Secs,
}

impl Create {
    fn new() -> Self {
        let mut machine = Machine::new();
        let page = machine.free_page();
        let secinfo = SecInfo::new(PageType::Secs, SecInfoFlags::empty());
        let operands = PageOperands::new(page, secinfo, Box::new([0; 4096]));
        Self { machine, page, operands, secs: EnclaveSpec::default().secs }
    }

    fn set_flags(&mut self, flags: Flags) {
        self.secs.attributes = Attributes::new(flags, self.secs.attributes.xfrm.get());
    }

    /// Executes with a changed SECS.
    fn with(edit: impl FnOnce(&mut Self)) -> Executed {
        let mut scene = Self::new();
        edit(&mut scene);
        scene.place();
        scene.execute()
    }
}

impl EnclsScene for Create {
    fn machine(&mut self) -> &mut Machine {
        &mut self.machine
    }

    fn place(&mut self) {
        *self.operands.source = zerocopy::transmute!(self.secs);
        self.machine.put(&self.operands);
    }

    fn execute(&mut self) -> Executed {
        self.machine.encls(Encls::Ecreate, [self.operands.rbx.0, self.operands.rcx.0, 0])
    }
}

#[test]
fn every_check_refuses_and_changes_nothing() {
    refusals_but::<Cause, Create>(
        Cause::ALL,
        Create::new,
        &[
            (Cause::RbxUnaligned, |s| s.operands.rbx.0 += 16),
            (Cause::RcxUnaligned, |s| s.operands.rcx.0 += 64),
            (Cause::RcxNotEpc, |s| s.operands.rcx = SRCPGE),
            (Cause::SrcpgeUnaligned, |s| s.operands.pageinfo.srcpge += 8),
            (Cause::SecinfoUnaligned, |s| s.operands.pageinfo.secinfo += 32),
            (Cause::LinaddrNonZero, |s| s.operands.pageinfo.linaddr.set(0x1000)),
            (Cause::SecsNonZero, |s| s.operands.pageinfo.secs.set(0x1000)),
            (Cause::SecinfoReserved, |s| s.operands.secinfo.flags |= 1 << 6),
            (Cause::SecinfoReserved, |s| s.operands.secinfo.reserved[0] = 1),
            (Cause::SecinfoNotSecs, |s| s.operands.secinfo.flags |= 0x200),
            (Cause::PageConflict, |s| s.machine.hold(s.operands.rcx, Lock::SHARED)),
            (Cause::PageValid, |s| s.operands.rcx = flat(s.machine.ecreate(&EnclaveSpec::default().secs))),
            (Cause::XfrmWithoutLegacy, |s| s.secs.attributes.xfrm.set(1)),
            (Cause::XfrmUnsupported, |s| s.secs.attributes.xfrm.set(3 | 1 << 9)),
            (Cause::XfrmIllegal, |s| {
                s.machine.package.config.xfrm = 0xe7;
                s.secs.attributes.xfrm.set(0x63);
            }),
            (Cause::CetNonZero, |s| s.secs.cet_leg_bitmap_offset.set(1)),
            (Cause::CetNonZero, |s| s.secs.cet_attributes = 1),
            (Cause::MiscselectUnsupported, |s| s.secs.miscselect.set(2)),
            (Cause::SsaFrameTooSmall, |s| s.secs.ssaframesize.set(0)),
            (Cause::BaseNotCanonical, |s| s.secs.base.set(0x8000_0000_0000)),
            (Cause::BaseAbove4G, |s| s.set_flags(Flags::DEBUG)),
            (Cause::SizeTooLarge, |s| s.secs.size.set(1 << 36)),
            (Cause::SizeTooSmall, |s| s.secs.size.set(0x1000)),
            (Cause::SizeTooSmall, |s| s.secs.size.set(0)),
            (Cause::SizeNotPowerOfTwo, |s| s.secs.size.set(0x3000)),
            (Cause::BaseUnaligned, |s| s.secs.base.set(0x7000_0000_8000)),
            (Cause::AttributesUnsupported, |s| s.set_flags(Flags::MODE64BIT | Flags::INIT)),
            (Cause::AttributesUnsupported, |s| s.set_flags(Flags::MODE64BIT | Flags::KSS)),
            (Cause::AttributesUnsupported, |s| s.set_flags(Flags::MODE64BIT | Flags::CET)),
            (Cause::ReservedNonZero, |s| s.secs.reserved1[14] = 1),
            (Cause::ReservedNonZero, |s| s.secs.reserved2[0] = 1),
            (Cause::ReservedNonZero, |s| s.secs.reserved3[31] = 1),
            (Cause::ReservedNonZero, |s| s.secs.reserved4[3833] = 1),
            (Cause::ConfigWithoutKss, |s| s.secs.configid[63] = 1),
            (Cause::ConfigWithoutKss, |s| s.secs.configsvn.set(1)),
        ],
        &[Cause::BaseNotCanonical],
    );
}

#[test]
fn the_enclave_comes_to_be() {
    let mut scene = Create::new();
    scene.secs.mrenclave = [7; 32];
    scene.secs.mrsigner = [7; 32];
    scene.secs.isvprodid.set(7);
    scene.secs.isvsvn.set(7);
    scene.place();
    scene.execute().assert_done();

    let Create { mut machine, page, secs: source, .. } = scene;
    assert_eq!(machine.package.epcm_entry(page), EpcmEntry::new(PageType::Secs, page, Linear(0)));
    assert_eq!(machine.package.frames.place(page), Place::Store);
    assert_eq!(machine.package.frames.living().get(&1), Some(&page));

    let secs = machine.secs(page);
    assert_eq!((secs.size, secs.base, secs.attributes), (source.size, source.base, source.attributes));
    assert_eq!((secs.isvprodid.get(), secs.isvsvn.get(), secs.mrsigner), (0, 0, [0; 32]));
    assert_eq!((secs.eid.get(), secs.enclavecontext.get(), secs.child_count.get()), (1, page.0, 0));
    assert!(machine.package.frames.page(page)[SecsPage::SIZE..].iter().all(|byte| *byte == 0));
}

#[test]
fn only_ssa_frame_size_and_enclave_size_are_measured() {
    let measured = |edit: fn(&mut Secs)| {
        let mut machine = Machine::new();
        let mut secs = Secs { size: 0x2000.into(), ..EnclaveSpec::default().secs };
        edit(&mut secs);
        let page = machine.ecreate(&secs);
        machine.secs(page).measurement().finish()
    };
    let tiny = measured(|_| {});
    assert_eq!(tiny, hex("9e197c8837c6d65632dbdd59cd7df4f1a25b68d8e4e5eb6ca3b20b05311fecb8"));
    assert_eq!(measured(|secs| secs.base.set(0)), tiny);
    assert_eq!(measured(|secs| secs.miscselect.set(0)), tiny);
    assert_eq!(measured(|secs| secs.attributes = Attributes::new(Flags::MODE64BIT, 3)), tiny);
    assert_ne!(measured(|secs| secs.size.set(0x4000)), tiny);
    assert_ne!(measured(|secs| secs.ssaframesize.set(2)), tiny);
}

#[test]
fn no_two_enclaves_share_an_eid() {
    let mut machine = Machine::new();
    let first = machine.ecreate(&EnclaveSpec::default().secs);
    let second = machine.ecreate(&EnclaveSpec::default().secs);
    assert_ne!(machine.secs(first).eid, machine.secs(second).eid);
    machine.encls(Encls::Eremove, [0, flat(first).0, 0]).assert_success();
    let third = machine.ecreate(&EnclaveSpec::default().secs);
    assert_ne!(machine.secs(third).eid, machine.secs(second).eid);
}

#[test]
fn the_largest_size_is_half_the_announced_maximum() {
    Create::with(|s| {
        s.secs.base.set(0);
        s.secs.size.set(1 << 35);
    })
    .assert_done();
    let of_32_bits = |size| {
        Create::with(|s| {
            s.set_flags(Flags::DEBUG);
            s.secs.base.set(0);
            s.secs.size.set(size);
        })
    };
    of_32_bits(1 << 30).assert_done();
    of_32_bits(1 << 31).assert_refused(Cause::SizeTooLarge);
}

#[test]
fn an_ssa_frame_holds_the_extended_state_it_saves() {
    // 4096 = 3896 (XSAVE) + 16 (EXINFO) + 184 (GPRSGX)
    let frame = |xsave: u32| {
        Create::with(|s| {
            s.machine.package.config.xsave =
                crate::xsave::XsaveLayout::new(vec![(0, 0), (0, 0), (576, xsave - 576)]);
        })
    };
    frame(3896).assert_done();
    frame(3897).assert_refused(Cause::SsaFrameTooSmall);
}

#[test]
fn kss_permits_configid() {
    Create::with(|s| {
        s.machine.package.config.attributes |= Flags::KSS;
        s.set_flags(Flags::MODE64BIT | Flags::KSS);
        s.secs.configid = [1; 64];
        s.secs.configsvn.set(1);
    })
    .assert_done();
}

#[test]
fn extended_features_come_with_what_they_depend_on() {
    for legal in [0x3, 0x7, 0x1b, 0x1f, 0xe7, 0xff, 0x6_00e7, 0x203] {
        assert!(is_legal_xcr0(legal), "{legal:#x}");
    }
    for illegal in [0x2, 0x5, 0xb, 0x13, 0x27, 0x67, 0xe3, 0x2_0007, 1 << 63 | 3] {
        assert!(!is_legal_xcr0(illegal), "{illegal:#x}");
    }
}

#[test]
fn ordinary_page_faults_come_through() {
    for (at, access, code) in [
        (PAGEINFO, Access::Read, Pfec::empty()),
        (SRCPGE, Access::Read, Pfec::P | Pfec::PK),
        (flat(EpcAddr(SECTION.base)), Access::Write, Pfec::P | Pfec::W),
    ] {
        let mut scene = Create::new();
        scene.place();
        scene.machine.space.set_fault(at, access, code);
        let before = scene.machine.snapshot();
        let fault = scene.execute().result.unwrap_err();
        assert_eq!((fault.vector, fault.code), (Vector::Pf, code.bits()));
        assert_eq!((fault.address, fault.refusal), (Some(at), None));
        assert!(before == scene.machine.snapshot());
    }
}

#[test]
fn a_source_in_the_epc_reads_as_ones_and_is_no_secs() {
    let executed = Create::with(|s| {
        let elsewhere = s.machine.free_page();
        s.operands.pageinfo.srcpge.set(flat(elsewhere).0);
    });
    executed.assert_refused(Cause::XfrmUnsupported);
}

#[test]
fn a_zero_secs_is_refused() {
    Create::with(|s| s.secs = Secs::new_zeroed()).assert_refused(Cause::XfrmWithoutLegacy);
}
