use anyclave_arch::{Encls, EpcAddr, Pfec, SecInfoFlags};

use super::*;
use crate::epcm::EpcmEntry;
use crate::testing::{
    Enclave, EnclaveSpec, EnclsScene, Executed, Machine, PAGEINFO, SRCPGE, flat, refusals_but,
};

struct Tell {
    machine: Machine,
    enclave: Enclave,
    rbx: Linear,
    rcx: Linear,
}

/// What RDINFO holds before the leaf, and what stands behind it.
const BEFORE: [u64; 4] = [0x5555; 4];

impl Tell {
    fn new() -> Self {
        let mut machine = Machine::full();
        machine.space.put(SRCPGE, &0_u64);
        let enclave = machine.launch(&EnclaveSpec::default());
        machine.package.with_secs(enclave.secs, |secs| secs.enclavecontext.set(0x77));
        let rcx = flat(enclave.page(0x4000));
        Self { machine, enclave, rbx: PAGEINFO, rcx }
    }

    /// STATUS, FLAGS and ENCLAVECONTEXT of a page.
    fn of(&mut self, page: EpcAddr) -> [u64; 3] {
        self.rcx = flat(page);
        self.place();
        self.execute().assert_success();
        let [status, flags, context, behind] = self.memory();
        assert_eq!(behind, BEFORE[3], "only 24 bytes are written");
        [status, flags, context]
    }

    fn memory(&mut self) -> [u64; 4] {
        let mut memory = [0; 4];
        self.machine.space.read(PAGEINFO, memory.as_mut_bytes()).unwrap();
        memory
    }

    fn children(&mut self, virtual_ones: u64, epc_virtualization: bool) {
        self.machine.package.with_secs(self.enclave.secs, |secs| secs.virtchild_count.set(virtual_ones));
        self.machine.processor.epc_virtualization = epc_virtualization;
    }
}

impl EnclsScene for Tell {
    fn machine(&mut self) -> &mut Machine {
        &mut self.machine
    }

    fn place(&mut self) {
        self.machine.space.put(PAGEINFO, &BEFORE);
    }

    fn execute(&mut self) -> Executed {
        self.machine.encls(Encls::Erdinfo, [self.rbx.0, self.rcx.0, 0])
    }
}

#[test]
fn every_check_refuses_and_changes_nothing() {
    refusals_but::<Cause, Tell>(
        Cause::ALL,
        Tell::new,
        &[
            (Cause::RbxUnaligned, |s| s.rbx.0 += 16),
            (Cause::RcxUnaligned, |s| s.rcx.0 += 8),
            (Cause::RcxNotEpc, |s| s.rcx = SRCPGE),
            (Cause::PageConflict, |s| s.machine.hold(s.rcx, Lock::EXCLUSIVE)),
            (Cause::PageInvalid, |s| s.rcx = flat(s.machine.free_page())),
        ],
        &[],
    );
}

#[test]
fn a_page_of_an_enclave_tells_rights_state_type_and_the_name_of_the_enclave() {
    let mut scene = Tell::new();
    let tcs = scene.enclave.page(0);
    assert_eq!(scene.of(tcs), [0, 0x100, 0x77]);
    let page = scene.enclave.page(0x4000);
    let before = scene.machine.package.epcm_entry(page);
    let states = [
        (0x203, before),
        (0x207, EpcmEntry { rights: SecInfoFlags::RWX, ..before }),
        (0x20b, EpcmEntry { pending: true, ..before }),
        (0x213, EpcmEntry { modified: true, ..before }),
        (0x223, EpcmEntry { pr: true, ..before }),
        (0x403, EpcmEntry { page_type: PageType::Trim, ..before }),
        (1 << 63 | 0x203, EpcmEntry { blocked: true, ..before }),
    ];
    for (flags, entry) in states {
        scene.machine.package.set_entry(page, entry);
        assert_eq!(scene.of(page), [0, flags, 0x77]);
    }
}

#[test]
fn a_version_array_belongs_to_nobody() {
    let mut scene = Tell::new();
    let va = scene.machine.free_page();
    scene.machine.encls(Encls::Epa, [3, flat(va).0, 0]).assert_done();
    assert_eq!(scene.of(va), [0, 0x300, 0]);
}

#[test]
fn a_secs_tells_of_its_children() {
    let mut scene = Tell::new();
    let secs = scene.enclave.secs;
    let cases = [(0, false, 1), (1, false, 3), (0, true, 1), (1, true, 1)];
    for (virtual_ones, virtualised, status) in cases {
        scene.children(virtual_ones, virtualised);
        assert_eq!(scene.of(secs), [status, 0, 0x77], "{virtual_ones} {virtualised}");
    }
    for page in scene.enclave.pages.clone().into_values() {
        scene.machine.encls(Encls::Eremove, [0, flat(page).0, 0]).assert_success();
    }
    let cases = [(0, false, 0), (1, false, 2), (0, true, 0), (1, true, 1)];
    for (virtual_ones, virtualised, status) in cases {
        scene.children(virtual_ones, virtualised);
        assert_eq!(scene.of(secs), [status, 0, 0x77], "{virtual_ones} {virtualised}");
    }
}

#[test]
fn memory_that_cannot_be_written_faults() {
    let mut scene = Tell::new();
    scene.place();
    scene.machine.space.set_fault(PAGEINFO, Access::Write, Pfec::P | Pfec::W);
    let fault = scene.execute().result.unwrap_err();
    assert_eq!((fault.address, fault.code, fault.refusal), (Some(PAGEINFO), 3, None));
    assert_eq!(scene.memory(), BEFORE);
}
