use anyclave_arch::{Encls, EpcAddr, SecInfo, SecInfoFlags, Tcs};
use zerocopy::FromZeros;

use super::*;
use crate::testing::{
    Enclave, EnclaveSpec, EnclsScene, Executed, Machine, PageSpec, SRCPGE, flat, hex, refusals,
};

struct Extend {
    machine: Machine,
    enclave: Enclave,
    rbx: Linear,
    rcx: Linear,
}

impl Extend {
    fn new() -> Self {
        let mut machine = Machine::new();
        let enclave = machine.build(&EnclaveSpec::default());
        let (rbx, rcx) = (flat(enclave.secs), flat(enclave.page(0x4000)));
        Self { machine, enclave, rbx, rcx }
    }

    fn measurement(&mut self) -> [u8; 32] {
        self.machine.secs(self.enclave.secs).measurement().finish()
    }
}

impl EnclsScene for Extend {
    fn machine(&mut self) -> &mut Machine {
        &mut self.machine
    }

    fn place(&mut self) {}

    fn execute(&mut self) -> Executed {
        self.machine.encls(Encls::Eextend, [self.rbx.0, self.rcx.0, 0])
    }
}

#[test]
fn every_check_refuses_and_changes_nothing() {
    refusals::<Cause, Extend>(
        Cause::ALL,
        Extend::new,
        &[
            (Cause::RbxUnaligned, |s| s.rbx.0 += 256),
            (Cause::RbxNotEpc, |s| s.rbx = SRCPGE),
            (Cause::RcxUnaligned, |s| s.rcx.0 += 64),
            (Cause::RcxNotEpc, |s| s.rcx = SRCPGE),
            (Cause::PageConflict, |s| s.machine.hold(s.rcx, Lock::EXCLUSIVE)),
            (Cause::PageInvalid, |s| s.rcx = flat(s.machine.free_page())),
            (Cause::PageTypeInvalid, |s| s.rcx = flat(s.enclave.secs)),
            (Cause::PageTypeInvalid, |s| {
                let va = s.machine.free_page();
                s.machine.encls(Encls::Epa, [3, flat(va).0, 0]).assert_done();
                s.rcx = flat(va);
            }),
            (Cause::PageOfOther, |s| s.rbx = flat(s.machine.build(&EnclaveSpec::default()).secs)),
            (Cause::PageOfOther, |s| s.rbx = flat(s.machine.free_page())),
            (Cause::MeasurementConflict, |s| s.machine.hold(s.rbx, Lock::MEASUREMENT)),
            (Cause::AlreadyInitialised, |s| {
                let enclave = s.machine.launch(&EnclaveSpec::default());
                s.rbx = flat(enclave.secs);
                s.rcx = flat(enclave.page(0x4000));
            }),
        ],
    );
}

#[test]
fn a_page_of_zeros_measures_as_known() {
    let mut machine = Machine::new();
    let mut secs = EnclaveSpec::default().secs;
    secs.size.set(0x2000);
    let base = Linear(secs.base.get());
    let secs = machine.ecreate(&secs);
    let tcs = SecInfo::new(PageType::Tcs, SecInfoFlags::empty());
    let rx = SecInfo::new(PageType::Reg, SecInfoFlags::R | SecInfoFlags::X);
    let page = |offset, secinfo| PageSpec { offset, secinfo, data: Box::new([0; 4096]) };
    machine.eadd(secs, base.offset(0x1000), &page(0x1000, tcs));
    let code = machine.eadd(secs, base, &page(0, rx));
    machine.eextend_page(secs, code);
    let expected = hex("014169a43f3267531c117ce69ebad3929779adb4db841b9599354129ae30009b");
    assert_eq!(machine.secs(secs).measurement().finish(), expected);
    assert_eq!(machine.secs(secs).measured_blocks.get(), 1 + 1 + 1 + 16 * 5);
}

#[test]
fn the_measurement_is_the_one_its_author_computes() {
    let mut scene = Extend::new();
    assert_eq!(scene.measurement(), EnclaveSpec::default().mrenclave());
}

#[test]
fn a_tcs_is_measured_as_eadd_left_it() {
    let measured = |edit: fn(&mut Tcs)| {
        let mut spec = EnclaveSpec::default();
        let mut tcs = Tcs::new_zeroed();
        edit(&mut tcs);
        *spec.pages[0].data = zerocopy::transmute!(tcs);
        let mut machine = Machine::new();
        let enclave = machine.build(&spec);
        machine.secs(enclave.secs).measurement().finish()
    };
    let clean = measured(|_| {});
    assert_eq!(measured(|tcs| tcs.cssa.set(5)), clean);
    assert_eq!(measured(|tcs| tcs.flags.set(1)), clean);
    assert_ne!(measured(|tcs| tcs.nssa.set(5)), clean);
}

#[test]
fn the_order_of_chunks_counts() {
    let measured = |chunks: [u64; 2]| {
        let mut scene = Extend::new();
        let start = scene.rcx;
        for chunk in chunks {
            scene.rcx = start.offset(chunk);
            scene.execute().assert_done();
        }
        scene.measurement()
    };
    assert_ne!(measured([0, 0x100]), measured([0x100, 0]));
    assert_ne!(measured([0, 0]), measured([0, 0x100]));
}

#[test]
fn other_pages_do_not_count() {
    let mut scene = Extend::new();
    let before = scene.measurement();
    let page: EpcAddr = scene.enclave.page(0x5000);
    scene.machine.poke(page, &[1_u8; 8]);
    assert_eq!(scene.measurement(), before);
}
