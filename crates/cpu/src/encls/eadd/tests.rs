use anyclave_arch::{Attributes, Encls, EpcAddr};
use zerocopy::FromZeros;

use super::*;
use crate::frames::Place;
use crate::testing::{
    EnclaveSpec, EnclsScene, Executed, Machine, PageOperands, SRCPGE, flat, hex, refusals_but,
};

const RW: SecInfo = SecInfo::new(PageType::Reg, SecInfoFlags::R.union(SecInfoFlags::W));

struct Add {
    machine: Machine,
    secs: EpcAddr,
    page: EpcAddr,
    base: Linear,
    operands: PageOperands,
}

impl Add {
    fn new() -> Self {
        Self::to(Flags::DEBUG | Flags::MODE64BIT)
    }

    fn of_32_bits() -> Self {
        Self::to(Flags::DEBUG)
    }

    /// A page for an enclave with these attributes.
    fn to(flags: Flags) -> Self {
        let mut machine = Machine::new();
        let mut secs = EnclaveSpec::default().secs;
        secs.attributes = Attributes::new(flags, 3);
        secs.base.set(0x4000_0000);
        let secs = machine.ecreate(&secs);
        let (page, base) = (machine.free_page(), Linear(0x4000_0000));
        let operands = PageOperands::new(page, RW, Box::new([0x77; 4096])).of(secs, base.offset(0x3000));
        Self { machine, secs, page, base, operands }
    }

    /// Makes the page a TCS.
    fn tcs(&mut self, edit: impl FnOnce(&mut Tcs)) {
        let mut tcs = Tcs::new_zeroed();
        edit(&mut tcs);
        *self.operands.source = zerocopy::transmute!(tcs);
        self.operands.secinfo = SecInfo::new(PageType::Tcs, SecInfoFlags::empty());
    }

    fn run(&mut self) -> Executed {
        self.place();
        self.execute()
    }
}

impl EnclsScene for Add {
    fn machine(&mut self) -> &mut Machine {
        &mut self.machine
    }

    fn place(&mut self) {
        self.machine.put(&self.operands);
    }

    fn execute(&mut self) -> Executed {
        self.machine.encls(Encls::Eadd, [self.operands.rbx.0, self.operands.rcx.0, 0])
    }
}

#[test]
fn every_check_refuses_and_changes_nothing() {
    refusals_but::<Cause, Add>(
        Cause::ALL,
        Add::of_32_bits,
        &[
            (Cause::RbxUnaligned, |s| s.operands.rbx.0 += 16),
            (Cause::RcxUnaligned, |s| s.operands.rcx.0 += 64),
            (Cause::RcxNotEpc, |s| s.operands.rcx = SRCPGE),
            (Cause::SrcpgeUnaligned, |s| s.operands.pageinfo.srcpge += 8),
            (Cause::SecsUnaligned, |s| s.operands.pageinfo.secs += 8),
            (Cause::SecinfoUnaligned, |s| s.operands.pageinfo.secinfo += 32),
            (Cause::LinaddrUnaligned, |s| s.operands.pageinfo.linaddr += 8),
            (Cause::SecsNotEpc, |s| s.operands.pageinfo.secs.set(SRCPGE.0)),
            (Cause::SecinfoReserved, |s| s.operands.secinfo.flags |= 1 << 7),
            (Cause::SecinfoReserved, |s| s.operands.secinfo.reserved[55] = 1),
            (Cause::SecinfoState, |s| s.operands.secinfo.flags |= SecInfoFlags::PENDING.bits()),
            (Cause::SecinfoState, |s| s.operands.secinfo.flags |= SecInfoFlags::MODIFIED.bits()),
            (Cause::SecinfoState, |s| s.operands.secinfo.flags |= SecInfoFlags::PR.bits()),
            (Cause::PageTypeInvalid, |s| s.operands.secinfo = SecInfo::new(PageType::Secs, RW.bits())),
            (Cause::PageTypeInvalid, |s| s.operands.secinfo = SecInfo::new(PageType::Va, RW.bits())),
            (Cause::PageTypeInvalid, |s| s.operands.secinfo = SecInfo::new(PageType::Trim, RW.bits())),
            (Cause::PageTypeInvalid, |s| s.operands.secinfo = SecInfo::new(PageType::SsFirst, RW.bits())),
            (Cause::PageTypeInvalid, |s| s.operands.secinfo.flags.set(0xff03)),
            (Cause::PageConflict, |s| s.machine.hold(s.operands.rcx, Lock::SHARED)),
            (Cause::PageValid, |s| s.operands.rcx = flat(s.secs)),
            (Cause::SecsConflict, |s| s.machine.package.hold(s.secs, Lock::EXCLUSIVE)),
            (Cause::SecsInvalid, |s| s.operands.pageinfo.secs.set(flat(s.page).0)),
            (Cause::SecsNotSecs, |s| {
                s.run().assert_done();
                s.operands.pageinfo.secs.set(flat(s.page).0);
                s.operands.rcx = flat(s.machine.free_page());
            }),
            (Cause::TcsReserved, |s| s.tcs(|tcs| tcs.reserved[0] = 1)),
            (Cause::TcsReserved, |s| s.tcs(|tcs| tcs.reserved[4023] = 1)),
            (Cause::TcsFsLimit, |s| s.tcs(|tcs| tcs.gslimit.set(0xfff))),
            (Cause::TcsGsLimit, |s| s.tcs(|tcs| tcs.fslimit.set(0x1fff))),
            (Cause::WriteWithoutRead, |s| s.operands.secinfo = SecInfo::new(PageType::Reg, SecInfoFlags::W)),
            (Cause::LinaddrOutside, |s| s.operands.pageinfo.linaddr.set(s.base.0 - 0x1000)),
            (Cause::LinaddrOutside, |s| s.operands.pageinfo.linaddr.set(s.base.0 + 0x1_0000)),
            (Cause::MeasurementConflict, |s| s.machine.package.hold(s.secs, Lock::MEASUREMENT)),
            (Cause::AlreadyInitialised, |s| {
                let enclave = s.machine.launch(&EnclaveSpec::default());
                s.operands.pageinfo.secs.set(flat(enclave.secs).0);
                s.operands.pageinfo.linaddr.set(enclave.at(0x6000).0);
            }),
        ],
        &[Cause::SecsConflict, Cause::SecsInvalid, Cause::SecsNotSecs, Cause::MeasurementConflict],
    );
}

#[test]
fn a_wrong_secs_faults_at_its_own_address() {
    let not_epc: fn(&mut Add) -> u64 = |_| SRCPGE.0;
    for secs in [not_epc, |s| flat(s.machine.free_page()).0] {
        let mut scene = Add::new();
        let secs = secs(&mut scene);
        scene.operands.pageinfo.secs.set(secs);
        scene.place();
        let fault = scene.execute().result.unwrap_err();
        assert_eq!(fault.address, Some(Linear(secs)));
    }
}

#[test]
fn a_regular_page_joins_the_enclave() {
    let mut scene = Add::new();
    scene.run().assert_done();
    let address = scene.base.offset(0x3000);
    let entry = scene.machine.package.epcm_entry(scene.page);
    let expected = EpcmEntry::new(PageType::Reg, scene.secs, address);
    assert_eq!(entry, EpcmEntry { rights: SecInfoFlags::R | SecInfoFlags::W, ..expected });
    assert_eq!(scene.machine.package.frames.page(scene.page), &[0x77; 4096]);
    assert_eq!(scene.machine.package.frames.place(scene.page), Place::Home { eid: 1, page: 3 });
    let secs = scene.machine.secs(scene.secs);
    assert_eq!((secs.child_count.get(), secs.measured_blocks.get()), (1, 2));
}

#[test]
fn a_tcs_loses_its_state_and_rights() {
    let mut scene = Add::new();
    scene.tcs(|tcs| {
        tcs.state.set(1);
        tcs.flags.set(u64::MAX);
        tcs.cssa.set(1);
        tcs.nssa.set(2);
        tcs.aep.set(3);
    });
    scene.operands.secinfo.flags |= SecInfoFlags::RWX.bits();
    scene.run().assert_done();

    let entry = scene.machine.package.epcm_entry(scene.page);
    assert_eq!((entry.page_type, entry.rights), (PageType::Tcs, SecInfoFlags::empty()));
    assert_eq!(scene.machine.package.frames.place(scene.page), Place::Store);
    let tcs: Tcs = scene.machine.package.read_epc(scene.page);
    assert_eq!((tcs.state.get(), tcs.cssa.get(), tcs.nssa.get(), tcs.aep.get()), (0, 0, 2, 0));
    assert_eq!(tcs.flags.get(), !TcsFlags::DBGOPTIN.bits());
}

#[test]
fn limits_count_in_32_bit_enclaves_only() {
    let mut scene = Add::new();
    scene.tcs(|_| {});
    scene.run().assert_done();
    let mut scene = Add::of_32_bits();
    scene.tcs(|tcs| {
        tcs.fslimit.set(0xfff);
        tcs.gslimit.set(0xffff_ffff);
    });
    scene.run().assert_done();
}

#[test]
fn a_tcs_is_measured_without_rights() {
    let measured = |rights| {
        let mut machine = Machine::new();
        let mut secs = EnclaveSpec::default().secs;
        secs.size.set(0x2000);
        let (page, secs) = (machine.free_page(), machine.ecreate(&secs));
        let linaddr = Linear(0x7000_0000_1000);
        let secinfo = SecInfo::new(PageType::Tcs, rights);
        let operands = PageOperands::new(page, secinfo, Box::new([0; 4096])).of(secs, linaddr);
        machine.with_page(Encls::Eadd, &operands).assert_done();
        machine.secs(secs).measurement().finish()
    };
    let expected = hex("11ef7ff1c56f61a6859722b16d806d7e42f745c26e21f1ad760f7e1f03bdf221");
    assert_eq!(measured(SecInfoFlags::empty()), expected);
    assert_eq!(measured(SecInfoFlags::RWX), expected);
}

#[test]
fn the_ends_of_the_range_are_inside() {
    for offset in [0, 0xf000] {
        let mut scene = Add::new();
        scene.operands.pageinfo.linaddr.set(scene.base.0 + offset);
        scene.run().assert_done();
    }
}

#[test]
fn two_pages_may_claim_one_address() {
    let mut scene = Add::new();
    scene.run().assert_done();
    let second = scene.machine.free_page();
    scene.operands.rcx = flat(second);
    scene.run().assert_done();
    assert_eq!(scene.machine.secs(scene.secs).child_count.get(), 2);
    assert_eq!(scene.machine.package.frames.place(second), Place::Store);
}

#[test]
fn pages_without_rights_are_legal() {
    let mut scene = Add::new();
    scene.operands.secinfo = SecInfo::new(PageType::Reg, SecInfoFlags::empty());
    scene.run().assert_done();
    assert_eq!(scene.machine.package.epcm_entry(scene.page).rights, SecInfoFlags::empty());
}
