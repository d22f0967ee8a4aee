use anyclave_arch::{Attributes, Encls};

use super::*;
use crate::epcm::EpcmEntry;
use crate::testing::{Enclave, EnclaveSpec, EnclsScene, Executed, Machine, SRCPGE, flat, refusals_but};

struct Write {
    machine: Machine,
    enclave: Enclave,
    rcx: Linear,
}

impl Write {
    fn new() -> Self {
        Self::of(Flags::DEBUG | Flags::MODE64BIT)
    }

    fn of(flags: Flags) -> Self {
        let mut machine = Machine::new();
        let mut spec = EnclaveSpec::default();
        spec.secs.attributes = Attributes::new(flags, 7);
        let enclave = machine.build(&spec);
        let rcx = flat(enclave.page(0x4000));
        Self { machine, enclave, rcx }
    }

    fn edit(&mut self, edit: impl FnOnce(&mut EpcmEntry)) {
        let page = self.enclave.page(0x4000);
        let mut entry = self.machine.package.epcm_entry(page);
        edit(&mut entry);
        self.machine.package.set_entry(page, entry);
    }
}

impl EnclsScene for Write {
    fn machine(&mut self) -> &mut Machine {
        &mut self.machine
    }

    fn place(&mut self) {}

    fn execute(&mut self) -> Executed {
        self.machine.encls(Encls::Edbgwr, [u64::MAX, self.rcx.0, 0])
    }
}

#[test]
fn every_check_refuses_and_changes_nothing() {
    refusals_but::<Cause, Write>(
        Cause::ALL,
        Write::new,
        &[
            (Cause::RcxUnaligned, |s| s.rcx.0 += 4),
            (Cause::RcxNotEpc, |s| s.rcx = SRCPGE),
            (Cause::PageConflict, |s| s.machine.hold(s.rcx, Lock::EXCLUSIVE)),
            (Cause::PageInvalid, |s| s.rcx = flat(s.machine.free_page())),
            (Cause::PageTypeInvalid, |s| s.rcx = flat(s.enclave.secs)),
            (Cause::PageTypeInvalid, |s| s.edit(|entry| entry.page_type = PageType::Trim)),
            (Cause::PageTypeInvalid, |s| {
                let va = s.machine.free_page();
                s.machine.encls(Encls::Epa, [3, flat(va).0, 0]).assert_done();
                s.rcx = flat(va);
            }),
            (Cause::PageNotDebuggable, |s| s.edit(|entry| entry.pending = true)),
            (Cause::PageNotDebuggable, |s| s.edit(|entry| entry.modified = true)),
            (Cause::TcsNotFlags, |s| s.rcx = flat(s.enclave.page(0))),
            (Cause::TcsNotFlags, |s| s.rcx = flat(s.enclave.page(0)).offset(16)),
            (Cause::NotDebug, |s| *s = Write::of(Flags::MODE64BIT)),
            (Cause::NotDebug, |s| {
                *s = Write::of(Flags::MODE64BIT);
                s.rcx = flat(s.enclave.page(0)).offset(8);
            }),
        ],
        &[Cause::PageNotDebuggable],
    );
}

#[test]
fn a_modified_tcs_is_told_before_its_limit_is_checked() {
    let mut scene = Write::new();
    let page = scene.enclave.page(0);
    scene.rcx = flat(page).offset(0x100);
    scene.execute().assert_refused(Cause::TcsNotFlags);
    let entry = EpcmEntry { modified: true, ..scene.machine.package.epcm_entry(page) };
    scene.machine.package.set_entry(page, entry);
    scene.execute().assert_refused(Cause::PageNotDebuggable);
}

#[test]
fn eight_bytes_are_written_and_no_more() {
    let mut scene = Write::new();
    scene.rcx.0 += 8;
    scene.execute().assert_success();
    let page = scene.machine.package.frames.page(scene.enclave.page(0x4000));
    assert_eq!(page[7..17], [4, 255, 255, 255, 255, 255, 255, 255, 255, 4]);
}

#[test]
fn a_page_without_write_access_is_written_too() {
    let mut scene = Write::new();
    scene.rcx = flat(scene.enclave.page(0x1000));
    scene.execute().assert_success();
}

#[test]
fn the_flags_of_a_tcs_take_any_value() {
    let mut scene = Write::new();
    scene.rcx = flat(scene.enclave.page(0)).offset(8);
    scene.execute().assert_success();
    let tcs: Tcs = scene.machine.package.read_epc(scene.enclave.page(0));
    assert_eq!((tcs.flags.get(), tcs.ossa.get()), (u64::MAX, 0x2000));
}
