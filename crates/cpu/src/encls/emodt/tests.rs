use anyclave_arch::{Encls, EpcAddr};

use super::*;
use crate::frames::Place;
use crate::testing::{
    Enclave, EnclaveSpec, EnclsScene, Executed, Machine, PAGEINFO, SRCPGE, flat, refusals_but,
};

struct Retype {
    machine: Machine,
    enclave: Enclave,
    secinfo: SecInfo,
    rbx: Linear,
    rcx: Linear,
}

const fn of_type(page_type: PageType) -> SecInfo {
    SecInfo::new(page_type, SecInfoFlags::empty())
}

impl Retype {
    /// The data page of an enclave, which is to be trimmed.
    fn new() -> Self {
        Self::of(Machine::launch)
    }

    fn of(make: fn(&mut Machine, &EnclaveSpec) -> Enclave) -> Self {
        let mut machine = Machine::full();
        machine.space.put(SRCPGE, &0_u64);
        let enclave = make(&mut machine, &EnclaveSpec::default());
        let rcx = flat(enclave.page(0x4000));
        Self { machine, enclave, secinfo: of_type(PageType::Trim), rbx: PAGEINFO, rcx }
    }

    fn page(&self) -> EpcAddr {
        self.enclave.page(0x4000)
    }

    fn edit(&mut self, edit: impl FnOnce(&mut EpcmEntry)) {
        let mut entry = self.machine.package.epcm_entry(self.page());
        edit(&mut entry);
        self.machine.package.set_entry(self.page(), entry);
    }

    fn run(&mut self) -> Executed {
        self.place();
        self.execute()
    }
}

impl EnclsScene for Retype {
    fn machine(&mut self) -> &mut Machine {
        &mut self.machine
    }

    fn place(&mut self) {
        self.machine.space.put(PAGEINFO, &self.secinfo);
    }

    fn execute(&mut self) -> Executed {
        self.machine.encls(Encls::Emodt, [self.rbx.0, self.rcx.0, 0])
    }
}

#[test]
fn every_check_refuses_and_changes_nothing() {
    refusals_but::<Cause, Retype>(
        Cause::ALL,
        Retype::new,
        &[
            (Cause::RbxUnaligned, |s| s.rbx.0 += 32),
            (Cause::RcxUnaligned, |s| s.rcx.0 += 64),
            (Cause::RcxNotEpc, |s| s.rcx = SRCPGE),
            (Cause::SecinfoReserved, |s| s.secinfo.flags |= 1 << 7),
            (Cause::SecinfoReserved, |s| s.secinfo.flags |= 1 << 63),
            (Cause::SecinfoReserved, |s| s.secinfo.reserved[55] = 1),
            (Cause::TypeNotGranted, |s| s.secinfo = of_type(PageType::Secs)),
            (Cause::TypeNotGranted, |s| s.secinfo = of_type(PageType::Reg)),
            (Cause::TypeNotGranted, |s| s.secinfo = of_type(PageType::Va)),
            (Cause::TypeNotGranted, |s| s.secinfo = of_type(PageType::SsFirst)),
            (Cause::TypeNotGranted, |s| s.secinfo.flags.set(0x700)),
            (Cause::PageConflict, |s| s.machine.hold(s.rcx, Lock::SHARED)),
            (Cause::Sgx2Conflict, |s| s.machine.hold(s.rcx, Lock::SGX2)),
            (Cause::PageInvalid, |s| s.rcx = flat(s.machine.free_page())),
            (Cause::PageTypeInvalid, |s| s.rcx = flat(s.enclave.secs)),
            (Cause::PageTypeInvalid, |s| s.edit(|entry| entry.page_type = PageType::Va)),
            (Cause::PageTypeInvalid, |s| s.edit(|entry| entry.page_type = PageType::Trim)),
            (Cause::PageTypeInvalid, |s| {
                s.rcx = flat(s.enclave.page(0));
                s.secinfo = of_type(PageType::Tcs);
            }),
            (Cause::PageNotModifiable, |s| s.edit(|entry| entry.pending = true)),
            (Cause::PageNotModifiable, |s| s.edit(|entry| entry.modified = true)),
            (Cause::NotInitialised, |s| *s = Retype::of(Machine::build)),
        ],
        &[Cause::PageInvalid, Cause::PageTypeInvalid, Cause::PageNotModifiable],
    );
}

#[test]
fn a_page_that_waits_is_told_before_an_enclave_that_is_being_built() {
    let mut scene = Retype::of(Machine::build);
    scene.edit(|entry| entry.modified = true);
    scene.run().assert_refused(Cause::PageNotModifiable);
}

#[test]
fn a_page_becomes_another_and_waits_for_the_enclave() {
    let cases = [(0x4000, PageType::Tcs), (0x4000, PageType::Trim), (0, PageType::Trim)];
    for (offset, page_type) in cases {
        let mut scene = Retype::new();
        scene.machine.package.with_secs(scene.enclave.secs, |secs| secs.epoch.set(9));
        let page = scene.enclave.page(offset);
        let before = *scene.machine.package.frames.page(page);
        let entry = EpcmEntry { pr: true, ..scene.machine.package.epcm_entry(page) };
        scene.machine.package.set_entry(page, entry);
        // neither rights nor state bits of the SECINFO matter
        scene.secinfo = SecInfo::new(page_type, SecInfoFlags::from_bits_retain(0x3f));
        scene.rcx = flat(page);
        scene.run().assert_success();
        let expected = EpcmEntry::new(page_type, scene.enclave.secs, scene.enclave.at(offset));
        let expected = EpcmEntry { modified: true, mark: Some(9), ..expected };
        assert_eq!(scene.machine.package.epcm_entry(page), expected, "{page_type:?}");
        assert_eq!(*scene.machine.package.frames.page(page), before, "what it held stays");
        assert_eq!(scene.machine.package.frames.place(page), Place::Store);
        assert_eq!(scene.machine.secs(scene.enclave.secs).child_count.get(), 6);
    }
}
