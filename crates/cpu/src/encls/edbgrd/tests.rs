use anyclave_arch::{Attributes, Encls};

use super::*;
use crate::epcm::EpcmEntry;
use crate::testing::{Enclave, EnclaveSpec, EnclsScene, Executed, Machine, SRCPGE, flat, refusals_but};

struct Read {
    machine: Machine,
    enclave: Enclave,
    rcx: Linear,
}

impl Read {
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

    #[track_caller]
    fn value(&mut self, rcx: Linear) -> u64 {
        let executed = self.machine.encls(Encls::Edbgrd, [0, rcx.0, 0]);
        executed.assert_success();
        executed.after.rbx
    }
}

impl EnclsScene for Read {
    fn machine(&mut self) -> &mut Machine {
        &mut self.machine
    }

    fn place(&mut self) {}

    fn execute(&mut self) -> Executed {
        self.machine.encls(Encls::Edbgrd, [0x1234, self.rcx.0, 0])
    }
}

#[test]
fn every_check_refuses_and_changes_nothing() {
    refusals_but::<Cause, Read>(
        Cause::ALL,
        Read::new,
        &[
            (Cause::RcxUnaligned, |s| s.rcx.0 += 4),
            (Cause::RcxNotEpc, |s| s.rcx = SRCPGE),
            (Cause::PageConflict, |s| s.machine.hold(s.rcx, Lock::EXCLUSIVE)),
            (Cause::PageInvalid, |s| s.rcx = flat(s.machine.free_page())),
            (Cause::PageTypeInvalid, |s| s.rcx = flat(s.enclave.secs)),
            (Cause::PageTypeInvalid, |s| s.edit(|entry| entry.page_type = PageType::Trim)),
            (Cause::PageNotDebuggable, |s| s.edit(|entry| entry.pending = true)),
            (Cause::PageNotDebuggable, |s| s.edit(|entry| entry.modified = true)),
            (Cause::TcsLimit, |s| s.rcx = flat(s.enclave.page(0)).offset(TCS_LIMIT)),
            (Cause::NotDebug, |s| *s = Read::of(Flags::MODE64BIT)),
            (Cause::NotDebug, |s| {
                *s = Read::of(Flags::MODE64BIT);
                s.rcx = flat(s.enclave.page(0));
            }),
        ],
        &[Cause::PageNotDebuggable],
    );
}

#[test]
fn a_modified_tcs_is_told_before_its_limit_is_checked() {
    let mut scene = Read::new();
    let page = scene.enclave.page(0);
    scene.rcx = flat(page).offset(0x100);
    scene.execute().assert_refused(Cause::TcsLimit);
    let entry = EpcmEntry { modified: true, ..scene.machine.package.epcm_entry(page) };
    scene.machine.package.set_entry(page, entry);
    scene.execute().assert_refused(Cause::PageNotDebuggable);
}

#[test]
fn a_refusal_leaves_rbx() {
    let mut scene = Read::new();
    scene.edit(|entry| entry.pending = true);
    assert_eq!(scene.execute().after.rbx, 0x1234);
}

#[test]
fn regular_pages_are_read_whatever_their_rights() {
    let mut scene = Read::new();
    scene.machine.poke(scene.enclave.page(0x4000), &0x0807_0605_0403_0201_u64.to_le_bytes());
    scene.edit(|entry| {
        entry.rights = anyclave_arch::SecInfoFlags::empty();
        entry.blocked = true;
    });
    let at = scene.rcx;
    assert_eq!(scene.value(at), 0x0807_0605_0403_0201);
    assert_eq!(scene.value(at.offset(4088)), 0x0404_0404_0404_0404);
}

#[test]
fn the_fields_of_a_tcs_are_readable() {
    let mut scene = Read::new();
    let tcs = flat(scene.enclave.page(0));
    assert_eq!(scene.value(tcs.offset(16)), 0x2000);
    assert_eq!(scene.value(tcs.offset(24)), 2 << 32);
    assert_eq!(scene.value(tcs.offset(TCS_LIMIT - 8)), 0);
}

#[test]
fn a_version_array_shows_which_slots_are_in_use() {
    let mut scene = Read::new();
    let va = scene.machine.free_page();
    scene.machine.encls(Encls::Epa, [3, flat(va).0, 0]).assert_done();
    scene.machine.poke(anyclave_arch::EpcAddr(va.0 + 8), &7_u64.to_le_bytes());
    assert_eq!(scene.value(flat(va)), 0);
    assert_eq!(scene.value(flat(va).offset(8)), u64::MAX);
}
