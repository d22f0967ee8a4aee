//! What kernel and enclave do to pages of an enclave that runs, in any order: what fails changes nothing, and
//! after each step the books agree.

use std::collections::HashSet;

use anyclave_arch::{Encls, Enclu, EpcAddr, PageInfo, PageType, SecInfo, SecInfoFlags};
use proptest::prelude::*;

use crate::aex::Event;
use crate::exit::Completion;
use crate::frames::Place;
use crate::testing::{DATA, PAGEINFO, SECTION, Scene, flat};

/// EPC pages that take part: seven of the enclave, its SECS first, and free ones.
const PAGES: u64 = 12;

#[derive(Clone, Debug)]
enum Step {
    Augment { page: u64, place: u64 },
    Restrict { page: u64, rights: u64 },
    Retype { page: u64, page_type: PageType },
    Remove { page: u64 },
    Block { page: u64 },
    Track,
    Accept { page: u64, other: Option<u64> },
    Copy { page: u64, from: u64 },
    Extend { page: u64, rights: u64 },
    Enter,
    Leave,
}

fn steps() -> impl Strategy<Value = Step> {
    let page = || 0..PAGES;
    let page_type = prop_oneof![1 => Just(PageType::Tcs), 3 => Just(PageType::Trim)];
    prop_oneof![
        6 => (page(), 6..17_u64).prop_map(|(page, place)| Step::Augment { page, place }),
        3 => (page(), 0..8_u64).prop_map(|(page, rights)| Step::Restrict { page, rights }),
        3 => (page(), page_type).prop_map(|(page, page_type)| Step::Retype { page, page_type }),
        4 => (1..PAGES).prop_map(|page| Step::Remove { page }),
        1 => page().prop_map(|page| Step::Block { page }),
        3 => Just(Step::Track),
        6 => (page(), prop::option::weighted(0.2, 0..0x400_u64))
            .prop_map(|(page, other)| Step::Accept { page, other }),
        2 => (page(), page()).prop_map(|(page, from)| Step::Copy { page, from }),
        1 => (page(), 0..8_u64).prop_map(|(page, rights)| Step::Extend { page, rights }),
        3 => Just(Step::Enter),
        3 => Just(Step::Leave),
    ]
}

const fn epc(page: u64) -> EpcAddr {
    EpcAddr(SECTION.base + page * 4096)
}

/// Executes ENCLS; whether it succeeded.
fn kernel(scene: &mut Scene, leaf: Encls, page: u64, secinfo: SecInfo) -> bool {
    scene.machine.space.put(PAGEINFO, &secinfo);
    let executed = scene.machine.encls(leaf, [PAGEINFO.0, flat(epc(page)).0, 0]);
    executed.result == Ok(Completion::Done)
}

/// Executes ENCLU with a SECINFO in the enclave's data page, for a page and another one; whether it succeeded.
fn enclave(scene: &mut Scene, leaf: Enclu, page: u64, from: u64) -> bool {
    let at = |scene: &Scene, page| scene.machine.package.epcm_entry(epc(page)).address.0;
    scene.state.gprs.rbx = scene.enclave.at(DATA).0;
    scene.state.gprs.rcx = at(scene, page);
    scene.state.gprs.rdx = at(scene, from);
    scene.enclu(leaf) == Ok(Completion::Done)
}

fn run(scene: &mut Scene, step: &Step) -> bool {
    let rights = |bits| SecInfo::new(PageType::Reg, SecInfoFlags::from_bits_retain(bits));
    match *step {
        Step::Augment { page, place } => {
            let (linaddr, secs) = (scene.enclave.at(place * 4096), flat(scene.enclave.secs).0.into());
            let pageinfo = PageInfo { linaddr: linaddr.0.into(), secs, ..PageInfo::default() };
            scene.machine.space.put(PAGEINFO, &pageinfo);
            let executed = scene.machine.encls(Encls::Eaug, [PAGEINFO.0, flat(epc(page)).0, 0]);
            let done = executed.result == Ok(Completion::Done);
            if done {
                scene.machine.space.map(linaddr, epc(page));
            }
            done
        }
        Step::Restrict { page, rights: bits } => kernel(scene, Encls::Emodpr, page, rights(bits)),
        Step::Retype { page, page_type } => {
            kernel(scene, Encls::Emodt, page, SecInfo::new(page_type, SecInfoFlags::empty()))
        }
        Step::Remove { page } => kernel(scene, Encls::Eremove, page, rights(0)),
        Step::Block { page } => kernel(scene, Encls::Eblock, page, rights(0)),
        Step::Track => kernel(scene, Encls::Etrack, 0, rights(0)),
        Step::Accept { page, .. } => enclave(scene, Enclu::Eaccept, page, 0),
        Step::Copy { page, from } => enclave(scene, Enclu::Eacceptcopy, page, from),
        Step::Extend { page, .. } => enclave(scene, Enclu::Emodpe, page, 0),
        Step::Enter => {
            scene.aim();
            scene.enclu(Enclu::Eenter) == Ok(Completion::Done)
        }
        Step::Leave => {
            if scene.machine.processor.inside() {
                scene.aex(Event::default());
            }
            true
        }
    }
}

/// The SECINFO that the enclave uses: mostly the one that fits.
fn prepare(scene: &mut Scene, step: &Step) {
    let secinfo = match *step {
        Step::Accept { page, other: None } => scene.machine.package.epcm_entry(epc(page)).secinfo(),
        Step::Accept { other: Some(flags), .. } => SecInfo { flags: flags.into(), reserved: [0; 56] },
        Step::Copy { .. } => SecInfo::new(PageType::Reg, SecInfoFlags::R | SecInfoFlags::W),
        Step::Extend { rights, .. } => SecInfo::new(PageType::Reg, SecInfoFlags::from_bits_retain(rights)),
        _ => return,
    };
    let data = scene.epc(DATA);
    if scene.machine.package.epcm_entry(data).page_type == PageType::Reg {
        scene.machine.poke(data, &secinfo);
    }
}

fn compare(scene: &mut Scene) {
    let entries: Vec<_> = (0..PAGES).map(|page| scene.machine.package.epcm_entry(epc(page))).collect();
    let in_use = entries.iter().filter(|entry| entry.valid).count();
    assert_eq!(scene.machine.package.epcm.valid_pages(), u64::try_from(in_use).unwrap());
    let secs = scene.enclave.secs;
    let owned = entries.iter().filter(|entry| entry.valid && entry.is_child() && entry.secs == secs).count();
    assert_eq!(owned + 1, in_use, "every page in use is the enclave's");
    assert_eq!(scene.machine.secs(secs).child_count.get(), u64::try_from(owned).unwrap());
    let mut homes = HashSet::new();
    for (entry, page) in entries.iter().zip((0..PAGES).map(epc)) {
        let place = scene.machine.package.frames.place(page);
        assert!(place == Place::Store || homes.insert(place), "{page} shares its place with another");
        let waits = entry.pending || entry.modified || entry.blocked || entry.page_type != PageType::Reg;
        assert!(place == Place::Store || entry.valid && !waits, "{page} is within reach");
        assert!(entry.page_type == PageType::Reg || entry.rights.is_empty(), "{page} has rights");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_books_agree_whatever_kernel_and_enclave_do(steps in prop::collection::vec(steps(), 1..80)) {
        let mut scene = Scene::inside_newer();
        for step in &steps {
            prepare(&mut scene, step);
            let before = scene.machine.snapshot();
            if !run(&mut scene, step) {
                prop_assert!(scene.machine.snapshot().is_same_epc(&before), "{:?} failed and changed something", step);
            }
            compare(&mut scene);
        }
    }
}
