//! Leaves in any order, against a model of the EPC that knows nothing of the processor's code: the leaf
//! succeeds where the model says so, a failing one changes nothing, and after each the books agree.

use std::collections::{BTreeMap, HashSet};
use std::sync::LazyLock;

use anyclave_arch::token::EinitToken;
use anyclave_arch::{Encls, EpcAddr, Flags, Linear, PageType, SecInfo, SecInfoFlags, Secs, SigStruct, Tcs};
use anyclave_crypto::sha256;
use proptest::prelude::*;
use zerocopy::{FromZeros, IntoBytes};

use crate::exit::Completion;
use crate::frames::Place;
use crate::testing::{EnclaveSpec, Executed, Machine, PageOperands, SECTION, flat, resign};
use crate::tracking::Slot;

/// EPC pages and places in ELRANGE that take part.
const PAGES: u64 = 10;
const PLACES: u64 = 4;

/// One execution of a leaf; pages by number, places in ELRANGE in pages from its base (the last is outside).
#[derive(Clone, Debug)]
enum Step {
    Create { page: u64, valid: bool },
    Add { page: u64, secs: u64, place: u64, tcs: bool, fill: u8 },
    Extend { secs: u64, page: u64, chunk: u64 },
    Init { secs: u64, right: bool },
    Remove { page: u64 },
    Version { page: u64 },
    Write { page: u64, slot: u64, value: u64 },
    Enter { secs: u64 },
    Leave { secs: u64 },
}

fn steps() -> impl Strategy<Value = Step> {
    let page = || 0..PAGES;
    // mostly the pages that are most often a SECS
    let secs = || prop_oneof![4 => 0..3_u64, 1 => 0..PAGES];
    let place = prop_oneof![8 => 0..PLACES, 1 => Just(16)];
    prop_oneof![
        3 => (secs(), prop::bool::weighted(0.9)).prop_map(|(page, valid)| Step::Create { page, valid }),
        8 => (page(), secs(), place, any::<bool>(), any::<u8>())
            .prop_map(|(page, secs, place, tcs, fill)| Step::Add { page, secs, place, tcs, fill }),
        4 => (secs(), page(), 0..16_u64).prop_map(|(secs, page, chunk)| Step::Extend { secs, page, chunk }),
        1 => (secs(), prop::bool::weighted(0.8)).prop_map(|(secs, right)| Step::Init { secs, right }),
        6 => page().prop_map(|page| Step::Remove { page }),
        1 => page().prop_map(|page| Step::Version { page }),
        2 => (page(), 0..512_u64, any::<u64>()).prop_map(|(page, slot, value)| Step::Write { page, slot, value }),
        1 => secs().prop_map(|secs| Step::Enter { secs }),
        2 => secs().prop_map(|secs| Step::Leave { secs }),
    ]
}

/// An enclave as its author would describe it: all that was measured, byte by byte.
#[derive(Clone, Debug, Default)]
struct Author {
    measured: Vec<u8>,
    initialised: bool,
    slots: Vec<usize>,
}

#[derive(Clone, Debug)]
enum Use {
    Secs(Author),
    Child { secs: u64, place: u64, tcs: bool, bytes: Box<[u8; 4096]> },
    Version,
}

/// What the EPC should be.
#[derive(Default)]
struct Model {
    pages: BTreeMap<u64, Use>,
    /// Pages that were in use once.
    touched: HashSet<u64>,
}

impl Model {
    fn author(&mut self, page: u64) -> Option<&mut Author> {
        match self.pages.get_mut(&page)? {
            Use::Secs(author) => Some(author),
            Use::Child { .. } | Use::Version => None,
        }
    }

    fn children(&self, of: u64) -> u64 {
        let is_child = |page: &&Use| matches!(page, Use::Child { secs, .. } if *secs == of);
        self.pages.values().filter(is_child).count().try_into().unwrap()
    }

    fn occupy(&mut self, page: u64, what: Use) {
        assert!(self.pages.insert(page, what).is_none(), "page {page} has two owners");
        self.touched.insert(page);
    }
}

fn epc(page: u64) -> EpcAddr {
    EpcAddr(SECTION.base + page * 4096)
}

fn source() -> Secs {
    EnclaveSpec::default().secs
}

/// A tag of eight bytes and numbers, as one block.
fn block(tag: &[u8; 8], numbers: &[u8]) -> [u8; 64] {
    let mut block = [0; 64];
    block[..8].copy_from_slice(tag);
    block[8..8 + numbers.len()].copy_from_slice(numbers);
    block
}

/// Executes a step on both sides. `None` where the step is not an instruction.
fn run(machine: &mut Machine, model: &mut Model, step: &Step) -> Option<(Executed, bool)> {
    Some(match *step {
        Step::Create { page, valid } => create(machine, model, page, valid),
        Step::Add { page, secs, place, tcs, fill } => add(machine, model, (page, secs, place), tcs, fill),
        Step::Extend { secs, page, chunk } => extend(machine, model, secs, page, chunk),
        Step::Init { secs, right } => init(machine, model, secs, right),
        Step::Remove { page } => remove(machine, model, page),
        Step::Version { page } => {
            let free = !model.pages.contains_key(&page);
            if free {
                model.occupy(page, Use::Version);
            }
            (machine.encls(Encls::Epa, [3, flat(epc(page)).0, 0]), free)
        }
        Step::Write { page, slot, value } => {
            let expected = match model.pages.get_mut(&page) {
                Some(Use::Child { tcs, bytes, .. }) if !*tcs || slot == 1 => {
                    let at = usize::try_from(slot * 8).unwrap();
                    bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
                    true
                }
                _ => false,
            };
            (machine.encls(Encls::Edbgwr, [value, flat(epc(page)).0 + slot * 8, 0]), expected)
        }
        Step::Enter { secs } => {
            if let Some(author) = model.author(secs).filter(|author| author.initialised) {
                let eid = machine.secs(epc(secs)).eid.get();
                author.slots.push(machine.package.slots.enter(Slot { eid, epoch: 0 }));
            }
            return None;
        }
        Step::Leave { secs } => {
            if let Some(author) = model.author(secs) {
                for slot in author.slots.drain(..) {
                    machine.package.slots.leave(slot);
                }
            }
            return None;
        }
    })
}

fn create(machine: &mut Machine, model: &mut Model, page: u64, valid: bool) -> (Executed, bool) {
    let mut secs = source();
    if !valid {
        secs.size.set(0x3000);
    }
    let expected = valid && !model.pages.contains_key(&page);
    if expected {
        let mut numbers = secs.ssaframesize.as_bytes().to_vec();
        numbers.extend(secs.size.as_bytes());
        let measured = block(b"ECREATE\0", &numbers).to_vec();
        model.occupy(page, Use::Secs(Author { measured, ..Author::default() }));
    }
    let secinfo = SecInfo::new(PageType::Secs, SecInfoFlags::empty());
    let operands = PageOperands::new(epc(page), secinfo, Box::new(zerocopy::transmute!(secs)));
    (machine.with_page(Encls::Ecreate, &operands), expected)
}

fn add(
    machine: &mut Machine,
    model: &mut Model,
    (page, secs, place): (u64, u64, u64),
    tcs: bool,
    fill: u8,
) -> (Executed, bool) {
    let rights = SecInfoFlags::R | SecInfoFlags::W;
    let page_type = if tcs { PageType::Tcs } else { PageType::Reg };
    let secinfo = SecInfo::new(page_type, rights);
    let (mut bytes, mut kept) = (Box::new([fill; 4096]), Box::new([fill; 4096]));
    if tcs {
        let given = Tcs {
            flags: 3.into(),
            oentry: u64::from(fill).into(),
            cssa: 1.into(),
            aep: 1.into(),
            state: 1.into(),
            ..Tcs::new_zeroed()
        };
        let scrubbed = Tcs { flags: 2.into(), oentry: given.oentry, ..Tcs::new_zeroed() };
        (*bytes, *kept) = (zerocopy::transmute!(given), zerocopy::transmute!(scrubbed));
    }
    let free = !model.pages.contains_key(&page);
    let expected = match model.author(secs) {
        Some(author) if free && place < PLACES && !author.initialised => {
            let flags: u64 = if tcs { 0x100 } else { 0x203 };
            let numbers = [(place * 4096).to_le_bytes(), flags.to_le_bytes()];
            author.measured.extend(block(b"EADD\0\0\0\0", numbers.as_flattened()));
            model.occupy(page, Use::Child { secs, place, tcs, bytes: kept });
            true
        }
        _ => false,
    };
    let linaddr = Linear(source().base.get()).offset(place * 4096);
    let operands = PageOperands::new(epc(page), secinfo, bytes).of(epc(secs), linaddr);
    (machine.with_page(Encls::Eadd, &operands), expected)
}

fn extend(machine: &mut Machine, model: &mut Model, secs: u64, page: u64, chunk: u64) -> (Executed, bool) {
    let child = match model.pages.get(&page) {
        Some(Use::Child { secs: owner, place, bytes, .. }) if *owner == secs => Some((*place, bytes.clone())),
        _ => None,
    };
    let expected = match (child, model.author(secs)) {
        (Some((place, bytes)), Some(author)) if !author.initialised => {
            let offset = place * 4096 + chunk * 256;
            author.measured.extend(block(b"EEXTEND\0", &offset.to_le_bytes()));
            let at = usize::try_from(chunk * 256).unwrap();
            author.measured.extend(&bytes[at..at + 256]);
            true
        }
        _ => false,
    };
    let operands = [flat(epc(secs)).0, flat(epc(page)).0 + chunk * 256, 0];
    (machine.encls(Encls::Eextend, operands), expected)
}

fn init(machine: &mut Machine, model: &mut Model, secs: u64, right: bool) -> (Executed, bool) {
    static TEMPLATE: LazyLock<SigStruct> = LazyLock::new(|| EnclaveSpec::default().sigstruct());
    let mut sigstruct = *TEMPLATE;
    let author = model.author(secs).filter(|author| !author.initialised);
    // no signature for a SECS that EINIT refuses whatever was signed
    if let Some(author) = &author {
        sigstruct.enclavehash = sha256(&author.measured);
        sigstruct.enclavehash[0] ^= u8::from(!right);
        resign(&mut sigstruct);
    }
    let expected = right && author.is_some();
    if let Some(author) = author.filter(|_| right) {
        author.initialised = true;
    }
    machine.trust(&sigstruct);
    (machine.einit(epc(secs), &sigstruct, &EinitToken::new_zeroed()), expected)
}

fn remove(machine: &mut Machine, model: &mut Model, page: u64) -> (Executed, bool) {
    let expected = match model.pages.get(&page) {
        None | Some(Use::Version) => true,
        Some(Use::Secs(_)) => model.children(page) == 0,
        Some(Use::Child { secs, .. }) => {
            let secs = *secs;
            model.author(secs).is_none_or(|author| author.slots.is_empty())
        }
    };
    if expected {
        model.pages.remove(&page);
    }
    (machine.encls(Encls::Eremove, [0, flat(epc(page)).0, 0]), expected)
}

/// What the processor keeps is what the model says.
fn compare(machine: &mut Machine, model: &Model) {
    let (mut eids, mut homes) = (HashSet::new(), HashSet::new());
    for number in 0..PAGES {
        let page = epc(number);
        let entry = machine.package.epcm_entry(page);
        let place = machine.package.frames.place(page);
        assert!(place == Place::Store || homes.insert(place), "{page} shares its place with another");
        match model.pages.get(&number) {
            None => {
                assert!(!entry.valid && place == Place::Store);
                if model.touched.contains(&number) {
                    assert_eq!(*machine.package.frames.page(page), [0; 4096], "{page} is free");
                }
            }
            Some(Use::Version) => assert_eq!((entry.valid, entry.page_type), (true, PageType::Va)),
            Some(Use::Secs(author)) => {
                assert_eq!((entry.valid, entry.page_type, entry.secs), (true, PageType::Secs, page));
                let secs = machine.secs(page);
                assert!(eids.insert(secs.eid.get()), "two enclaves have one EID");
                assert_eq!(secs.child_count.get(), model.children(number));
                assert_eq!(secs.attributes.has(Flags::INIT), author.initialised);
                let mrenclave = if author.initialised { secs.mrenclave } else { secs.measurement().finish() };
                assert_eq!(mrenclave, sha256(&author.measured));
            }
            Some(Use::Child { secs, place, tcs, bytes }) => {
                let page_type = if *tcs { PageType::Tcs } else { PageType::Reg };
                assert_eq!((entry.valid, entry.page_type, entry.secs), (true, page_type, epc(*secs)));
                assert!(machine.package.epcm_entry(entry.secs).valid, "{page} belongs to nobody");
                assert_eq!(entry.address, Linear(source().base.get()).offset(place * 4096));
                assert!(*machine.package.frames.page(page) == **bytes, "{page} has other bytes");
            }
        }
    }
    let in_use = u64::try_from(model.pages.len()).unwrap();
    assert_eq!(machine.package.epcm.valid_pages(), in_use, "pages in use");
    let living: HashSet<_> = machine.package.frames.living().keys().copied().collect();
    assert_eq!(living, eids, "homes and enclaves");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_books_agree_after_any_sequence(steps in prop::collection::vec(steps(), 1..80)) {
        let (mut machine, mut model) = (Machine::new(), Model::default());
        for step in &steps {
            let before = machine.snapshot();
            let Some((executed, expected)) = run(&mut machine, &mut model, step) else { continue };
            prop_assert_eq!(executed.result == Ok(Completion::Done), expected, "{:?}: {:?}", step, executed);
            if !expected {
                prop_assert!(machine.snapshot().is_same_epc(&before), "{:?} failed and changed something", step);
            }
            compare(&mut machine, &model);
        }
    }
}
