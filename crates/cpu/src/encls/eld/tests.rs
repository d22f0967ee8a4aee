use anyclave_arch::cpuid::SgxFeatures;
use anyclave_arch::token::EinitToken;
use anyclave_arch::{Encls, SecInfoFlags};
use anyclave_trace::cause::EnclsCause;
use zerocopy::FromZeros;

use super::*;
use crate::frames::Place;
use crate::testing::{
    Enclave, EnclaveSpec, EnclsScene, Executed, Machine, Outside, PAGEINFO, PCMD, SRCPGE, flat, output,
    refusals_but, slot,
};

/// The page at 4000H of an enclave, outside.
struct Load {
    machine: Machine,
    enclave: Enclave,
    array: EpcAddr,
    outside: Outside,
    /// The page as it was.
    before: EpcmEntry,
    pageinfo: PageInfo,
    leaf: Encls,
    rbx: Linear,
    rcx: Linear,
    rdx: Linear,
}

impl Load {
    fn new(leaf: Encls) -> Self {
        let mut machine = Machine::of(SgxFeatures::SGX1 | SgxFeatures::OVERSUB);
        let enclave = machine.build(&EnclaveSpec::default());
        let (array, page) = (machine.epa(), enclave.page(0x4000));
        machine.poke(page, b"secret");
        let before = machine.package.epcm_entry(page);
        let outside = machine.evict(page, slot(array, 3));
        let secs = flat(enclave.secs).0.into();
        let pageinfo = PageInfo { linaddr: outside.linaddr.into(), secs, ..output() };
        let (rcx, rdx) = (flat(page), flat(slot(array, 3)));
        Self { machine, enclave, array, outside, before, pageinfo, leaf, rbx: PAGEINFO, rcx, rdx }
    }

    fn run(&mut self) -> Executed {
        self.place();
        self.execute()
    }

    /// Loads the page as it should be loaded.
    fn load(&mut self) -> Executed {
        let (page, at, secs) = (self.enclave.page(0x4000), slot(self.array, 3), self.enclave.secs);
        self.machine.load(self.leaf, page, &self.outside, Some(secs), at)
    }

    fn version(&mut self) -> u64 {
        self.machine.package.read_epc::<U64>(slot(self.array, 3)).get()
    }

    fn children(&mut self) -> u64 {
        self.machine.secs(self.enclave.secs).child_count.get()
    }
}

impl EnclsScene for Load {
    fn machine(&mut self) -> &mut Machine {
        &mut self.machine
    }

    fn place(&mut self) {
        self.machine.space.put(PAGEINFO, &self.pageinfo);
        self.machine.space.put(PCMD, &self.outside.pcmd);
        self.machine.space.put(SRCPGE, &*self.outside.contents);
    }

    fn execute(&mut self) -> Executed {
        self.machine.encls(self.leaf, [self.rbx.0, self.rcx.0, self.rdx.0])
    }
}

const LEAVES: [Encls; 4] = [Encls::Eldb, Encls::Eldu, Encls::Eldbc, Encls::Elduc];

fn check_refusals<C>(all: &[C], setup: fn() -> Load, c: LoadCauses<C>)
where
    C: Copy + core::fmt::Debug + PartialEq + Into<Cause>,
{
    let secs_non_zero = c.secs_non_zero;
    refusals_but::<C, Load>(
        all,
        setup,
        &[
            (c.rbx_unaligned, |s| s.rbx.0 += 16),
            (c.rcx_unaligned, |s| s.rcx.0 += 8),
            (c.rcx_not_epc, |s| s.rcx = SRCPGE),
            (c.rdx_unaligned, |s| s.rdx.0 += 4),
            (c.rdx_not_epc, |s| s.rdx = SRCPGE),
            (c.pcmd_unaligned, |s| s.pageinfo.secinfo += 64),
            (c.srcpge_unaligned, |s| s.pageinfo.srcpge += 128),
            (c.page_conflict, |s| s.machine.hold(s.rcx, Lock::SHARED)),
            (c.va_conflict, |s| s.machine.hold(s.rdx, Lock::EXCLUSIVE)),
            (c.page_valid, |s| s.rcx = flat(s.enclave.page(0x5000))),
            (c.va_invalid, |s| s.rdx = flat(s.machine.free_page())),
            (c.va_not_va, |s| s.rdx = flat(s.enclave.page(0x5000))),
            (c.secs_unaligned, |s| s.pageinfo.secs += 64),
            (c.secs_not_epc, |s| s.pageinfo.secs.set(SRCPGE.0)),
            (c.secs_conflict, |s| s.machine.hold(Linear(s.pageinfo.secs.get()), Lock::EXCLUSIVE)),
            (c.secs_invalid, |s| s.pageinfo.secs.set(flat(s.machine.free_page()).0)),
            (c.secs_not_secs, |s| s.pageinfo.secs.set(flat(s.enclave.page(0)).0)),
            (c.secs_non_zero, |s| {
                s.outside.pcmd.secinfo = SecInfo::new(PageType::Secs, SecInfoFlags::empty())
            }),
            (c.secs_non_zero, |s| s.outside.pcmd.secinfo = SecInfo::new(PageType::Va, SecInfoFlags::empty())),
            (c.secs_non_zero, |s| s.outside.pcmd.secinfo.flags.set(0xff00)),
            (c.mac_mismatch, |s| s.outside.contents[4095] ^= 0x80),
        ],
        // a page has an owner or has none
        &[c.secs_not_secs, secs_non_zero],
    );
}

#[test]
fn every_check_of_eldb_refuses_and_changes_nothing() {
    check_refusals(EldbCause::ALL, || Load::new(Encls::Eldb), causes!(EldbCause));
}

#[test]
fn every_check_of_eldu_refuses_and_changes_nothing() {
    check_refusals(ElduCause::ALL, || Load::new(Encls::Eldu), causes!(ElduCause));
}

#[test]
fn every_check_of_eldbc_refuses_and_changes_nothing() {
    check_refusals(EldbcCause::ALL, || Load::new(Encls::Eldbc), causes!(EldbcCause));
}

#[test]
fn every_check_of_elduc_refuses_and_changes_nothing() {
    check_refusals(ElducCause::ALL, || Load::new(Encls::Elduc), causes!(ElducCause));
}

#[test]
fn two_of_the_leaves_come_with_oversubscription() {
    for leaf in [Encls::Eldbc, Encls::Elduc] {
        let mut scene = Load::new(leaf);
        scene.machine.package.config.features = SgxFeatures::SGX1;
        scene.run().assert_refused(EnclsCause::LeafNotEnumerated);
    }
}

#[test]
fn a_page_comes_back_as_it_was() {
    for leaf in LEAVES {
        let mut scene = Load::new(leaf);
        assert_eq!(scene.children(), 5);
        let page = scene.machine.free_page();
        scene.rcx = flat(page);
        scene.run().assert_success();
        let blocked = matches!(leaf, Encls::Eldb | Encls::Eldbc);
        assert_eq!(scene.machine.package.epcm_entry(page), EpcmEntry { blocked, ..scene.before });
        let mut contents = [4; 4096];
        contents[..6].copy_from_slice(b"secret");
        assert_eq!(scene.machine.package.frames.page(page), &contents);
        let home = Place::Home { eid: 1, page: 4 };
        assert_eq!(scene.machine.package.frames.place(page), if blocked { Place::Store } else { home });
        assert_eq!((scene.children(), scene.version()), (6, 0));
    }
}

#[test]
fn a_page_that_comes_back_blocked_may_go_at_once() {
    let mut scene = Load::new(Encls::Eldb);
    scene.machine.enter(scene.enclave.secs);
    scene.run().assert_success();
    let (page, at) = (scene.enclave.page(0x4000), slot(scene.array, 3));
    scene.machine.send_out(page, at);
}

#[test]
fn state_comes_back_too() {
    let mut scene = Load::new(Encls::Eldu);
    let (page, at) = (scene.enclave.page(0x5000), slot(scene.array, 9));
    for bits in 0..8_u8 {
        scene.machine.edit(page, |entry| {
            (entry.pending, entry.modified, entry.pr) = (bits & 1 != 0, bits & 2 != 0, bits & 4 != 0);
            entry.page_type = if entry.modified { PageType::Trim } else { PageType::Reg };
        });
        let before = scene.machine.package.epcm_entry(page);
        let outside = scene.machine.evict(page, at);
        scene.machine.load(Encls::Eldu, page, &outside, Some(scene.enclave.secs), at).assert_success();
        assert_eq!(scene.machine.package.epcm_entry(page), EpcmEntry { mark: None, ..before });
    }
}

impl Load {
    /// Asserts that a change keeps the page outside, and everything else as it is. It is undone behind it.
    #[track_caller]
    fn assert_strange(&mut self, what: &str, change: impl FnOnce(&mut Self)) {
        let (outside, pageinfo, rdx) = (self.outside.clone(), self.pageinfo, self.rdx);
        change(self);
        self.place();
        let before = self.machine.snapshot();
        self.execute().assert_refused(ElduCause::MacMismatch);
        assert!(before == self.machine.snapshot(), "{what}");
        (self.outside, self.pageinfo, self.rdx) = (outside, pageinfo, rdx);
    }
}

#[test]
fn any_bit_that_is_another_keeps_the_page_outside() {
    let mut scene = Load::new(Encls::Eldu);
    for bit in 0..8 {
        for at in [0, 1, 15, 16, 2048, 4095] {
            scene.assert_strange("contents", |s| s.outside.contents[at] ^= 1 << bit);
        }
    }
    for bit in 0..128 {
        scene.assert_strange("mac", |s| s.outside.pcmd.mac[bit / 8] ^= 1 << (bit % 8));
    }
    for bit in 0..320 {
        scene.assert_strange("reserved", |s| s.outside.pcmd.reserved[bit / 8] ^= 1 << (bit % 8));
    }
    for bit in (0..448).step_by(7) {
        scene.assert_strange("secinfo", |s| s.outside.pcmd.secinfo.reserved[bit / 8] ^= 1 << (bit % 8));
    }
    for bit in 0..64 {
        scene.assert_strange("linaddr", |s| s.pageinfo.linaddr ^= 1 << bit);
        // types beyond those of children are another test's
        if !(8..16).contains(&bit) {
            scene.assert_strange("flags", |s| s.outside.pcmd.secinfo.flags ^= 1 << bit);
        }
    }
    scene.run().assert_success();
}

#[test]
fn a_page_comes_back_as_no_other_type() {
    let mut scene = Load::new(Encls::Eldu);
    for number in (0..=u8::MAX).filter(|number| *number != PageType::Reg as u8) {
        let is_child = PageType::from_number(number).is_some_and(PageType::is_child);
        scene.assert_strange("type", |s| {
            let flags = s.outside.pcmd.secinfo.flags.get() & !0xff00;
            s.outside.pcmd.secinfo.flags.set(flags | u64::from(number) << 8);
            if !is_child {
                s.pageinfo.secs.set(0);
            }
        });
    }
    scene.run().assert_success();
}

#[test]
fn a_page_comes_back_to_its_enclave_and_by_its_slot_alone() {
    let mut scene = Load::new(Encls::Eldu);
    let other = scene.machine.build(&EnclaveSpec::default());
    scene.assert_strange("another enclave", |s| s.pageinfo.secs.set(flat(other.secs).0));
    scene.assert_strange("an empty slot", |s| s.rdx = flat(slot(s.array, 4)));
    let (page, at) = (scene.enclave.page(0x5000), slot(scene.array, 4));
    scene.machine.evict(page, at);
    scene.assert_strange("the slot of another page", |s| s.rdx = flat(at));
    scene.run().assert_success();
}

#[test]
fn a_page_comes_back_once() {
    let mut scene = Load::new(Encls::Eldu);
    scene.load().assert_success();
    let (page, at) = (scene.enclave.page(0x4000), slot(scene.array, 3));
    // a second copy, beside it or in its place
    scene.rcx = flat(scene.machine.free_page());
    scene.run().assert_refused(ElduCause::MacMismatch);
    let newer = scene.machine.evict(page, at);
    scene.run().assert_refused(ElduCause::MacMismatch);
    scene.outside = newer;
    scene.run().assert_success();
}

#[test]
fn no_page_survives_the_key() {
    let mut scene = Load::new(Encls::Eldu);
    scene.machine.package.renew_paging_key();
    scene.run().assert_refused(ElduCause::MacMismatch);
}

#[test]
fn what_software_may_change_does_not_matter() {
    let mut scene = Load::new(Encls::Eldu);
    scene.outside.pcmd.enclaveid.set(77);
    scene.rcx = flat(scene.machine.free_page());
    scene.run().assert_success();
}

#[test]
fn a_version_array_may_itself_have_been_away() {
    let mut scene = Load::new(Encls::Eldu);
    let (outer, array) = (scene.machine.epa(), scene.array);
    let outside = scene.machine.send_out(array, slot(outer, 511));
    scene.run().assert_refused(ElduCause::VaInvalid);
    // it comes back somewhere else
    let elsewhere = scene.machine.free_page();
    scene.machine.load(Encls::Eldu, elsewhere, &outside, None, slot(outer, 511)).assert_success();
    assert_eq!(
        scene.machine.package.epcm_entry(elsewhere),
        EpcmEntry::new(PageType::Va, EpcAddr(0), Linear(0))
    );
    scene.rdx = flat(slot(elsewhere, 3));
    scene.run().assert_success();
    assert_eq!(scene.machine.package.read_epc::<U64>(slot(elsewhere, 3)).get(), 0);
}

#[test]
fn neither_a_secs_nor_a_version_array_comes_back_blocked() {
    let mut scene = Load::new(Encls::Eldb);
    let secs = scene.machine.ecreate(&EnclaveSpec::default().secs);
    let array = scene.machine.epa();
    for (page, leaf) in [(secs, Encls::Eldb), (array, Encls::Eldbc)] {
        let before = scene.machine.package.epcm_entry(page);
        let outside = scene.machine.send_out(page, slot(scene.array, 0));
        scene.machine.load(leaf, page, &outside, None, slot(scene.array, 0)).assert_success();
        assert_eq!(scene.machine.package.epcm_entry(page), before);
    }
}

#[test]
fn an_enclave_moves_while_it_is_being_built() {
    let spec = EnclaveSpec::default();
    let mut machine = Machine::new();
    let array = machine.epa();
    let base = Linear(spec.secs.base.get());
    let mut secs = machine.ecreate(&spec.secs);
    let mut pages = Vec::new();
    for (number, source) in (0..).zip(&spec.pages) {
        let page = machine.eadd(secs, base.offset(source.offset), source);
        machine.eextend_page(secs, page);
        pages.push(page);
        // all of it goes, the SECS last, and comes back to other pages
        let eid = machine.secs(secs).eid.get();
        let out: Vec<_> =
            pages.drain(..).zip(1..).map(|(page, at)| machine.evict(page, slot(array, at))).collect();
        let epoch = machine.secs(secs).epoch.get();
        let old = secs;
        let outside = machine.send_out(old, slot(array, 0));
        secs = machine.free_page();
        machine.load(Encls::Eldu, secs, &outside, None, slot(array, 0)).assert_success();
        assert_eq!(machine.package.epcm_entry(secs), EpcmEntry::new(PageType::Secs, secs, Linear(0)));
        let kept = machine.secs(secs);
        assert_eq!((kept.eid.get(), kept.epoch.get(), kept.child_count.get()), (eid, epoch, 0));
        assert_eq!(kept.enclavecontext.get(), secs.0);
        for (outside, at) in out.iter().zip(1..) {
            let page = machine.free_page();
            let by_old = machine.load(Encls::Eldu, page, outside, Some(old), slot(array, at));
            by_old.assert_refused(ElduCause::SecsInvalid);
            machine.load(Encls::Eldu, page, outside, Some(secs), slot(array, at)).assert_success();
            assert_eq!(machine.package.epcm_entry(page).secs, secs);
            pages.push(page);
        }
        assert_eq!(machine.secs(secs).child_count.get(), number + 1);
    }
    let sigstruct = spec.sigstruct();
    machine.trust(&sigstruct);
    machine.einit(secs, &sigstruct, &EinitToken::new_zeroed()).assert_success();
    assert_eq!(machine.secs(secs).mrenclave, spec.mrenclave());
}

#[test]
fn a_home_outlives_the_absence_of_its_secs() {
    let mut machine = Machine::new();
    let (array, enclave) = (machine.epa(), machine.build(&EnclaveSpec::default()));
    let eid = machine.secs(enclave.secs).eid.get();
    let numbers = || (1..).map(|number| slot(array, number));
    let out: Vec<_> =
        enclave.pages.values().zip(numbers()).map(|(page, at)| machine.evict(*page, at)).collect();
    let secs = machine.send_out(enclave.secs, slot(array, 0));
    assert!(machine.package.frames.living().contains_key(&eid));
    machine.load(Encls::Eldu, enclave.secs, &secs, None, slot(array, 0)).assert_success();
    for ((page, at), outside) in enclave.pages.values().zip(numbers()).zip(&out) {
        machine.load(Encls::Eldu, *page, outside, Some(enclave.secs), at).assert_success();
    }
    assert_eq!(machine.package.frames.place(enclave.page(0x4000)), Place::Home { eid, page: 4 });
    for page in enclave.pages.values().chain([&enclave.secs]) {
        machine.encls(Encls::Eremove, [0, flat(*page).0, 0]).assert_success();
    }
    assert!(!machine.package.frames.living().contains_key(&eid));
}
