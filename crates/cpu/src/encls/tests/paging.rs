//! Pages that go and come in any order, against a model that knows what is where: a page comes back only by its slot, to
//! its enclave, as it was when it went, and nothing else ever decrypts.

use std::collections::{BTreeMap, HashSet};

use anyclave_arch::{Encls, EpcAddr, Linear, PageType, SecInfo, SecInfoFlags};
use anyclave_trace::cause::EwbCause;
use proptest::prelude::*;
use zerocopy::little_endian::U64;

use crate::epcm::EpcmEntry;
use crate::exit::Completion;
use crate::frames::Place;
use crate::testing::{EnclaveSpec, Executed, Machine, Outside, PageOperands, SECTION, flat, slot};

/// EPC pages, places in ELRANGE and slots of a version array that take part.
const PAGES: u64 = 8;
const PLACES: u64 = 4;
const SLOTS: u64 = 3;
const RW: SecInfoFlags = SecInfoFlags::R.union(SecInfoFlags::W);

/// How a page that comes back differs from what went.
#[derive(Clone, Copy, Debug)]
enum Damage {
    None,
    /// A field that is software's.
    Enclaveid,
    Contents(usize),
    Mac(usize),
    Linaddr,
    Rights,
}

/// One execution of a leaf; pages by number.
#[derive(Clone, Debug)]
enum Step {
    Create {
        page: u64,
    },
    Add {
        page: u64,
        secs: u64,
        place: u64,
        fill: u8,
    },
    Version {
        page: u64,
    },
    Remove {
        page: u64,
    },
    Block {
        page: u64,
    },
    Track {
        page: u64,
    },
    Enter {
        page: u64,
    },
    Leave {
        page: u64,
    },
    Out {
        page: u64,
        array: u64,
        slot: u64,
    },
    /// `right`: one whose version is in the EPC, to a free page, by its slot and its SECS.
    In {
        leaf: Encls,
        page: u64,
        which: usize,
        right: bool,
        secs: u64,
        array: u64,
        slot: u64,
        damage: Damage,
    },
}

/// Any page, but more often one of `these`: a page keeps its part for a while.
fn mostly(these: std::ops::Range<u64>) -> impl Strategy<Value = u64> {
    prop_oneof![4 => these, 1 => 0..PAGES]
}

fn secs() -> impl Strategy<Value = u64> {
    mostly(0..2)
}

fn array() -> impl Strategy<Value = u64> {
    mostly(2..4)
}

fn child() -> impl Strategy<Value = u64> {
    mostly(4..PAGES)
}

fn loads() -> impl Strategy<Value = Step> {
    let damage = prop_oneof![
        12 => Just(Damage::None),
        1 => Just(Damage::Enclaveid),
        1 => (0..4096_usize).prop_map(Damage::Contents),
        1 => (0..16_usize).prop_map(Damage::Mac),
        1 => Just(Damage::Linaddr),
        1 => Just(Damage::Rights),
    ];
    let leaf = prop_oneof![Just(Encls::Eldu), Just(Encls::Eldb)];
    let which = any::<usize>();
    let operands = (leaf, 0..PAGES, which, prop::bool::weighted(0.8), secs(), array(), 0..SLOTS, damage);
    operands.prop_map(|(leaf, page, which, right, secs, array, slot, damage)| Step::In {
        leaf,
        page,
        which,
        right,
        secs,
        array,
        slot,
        damage,
    })
}

/// Mostly single leaves, and what a kernel does to send a page of an enclave out.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    let out = |page, array, slot| Step::Out { page, array, slot };
    let one = prop_oneof![
        1 => secs().prop_map(|page| Step::Create { page }),
        5 => (child(), secs(), 0..PLACES, any::<u8>())
            .prop_map(|(page, secs, place, fill)| Step::Add { page, secs, place, fill }),
        2 => array().prop_map(|page| Step::Version { page }),
        1 => (0..PAGES).prop_map(|page| Step::Remove { page }),
        3 => child().prop_map(|page| Step::Block { page }),
        3 => secs().prop_map(|page| Step::Track { page }),
        1 => secs().prop_map(|page| Step::Enter { page }),
        2 => secs().prop_map(|page| Step::Leave { page }),
        4 => (0..PAGES, array(), 0..SLOTS).prop_map(move |(page, array, slot)| out(page, array, slot)),
        9 => loads(),
    ];
    let evict = (child(), secs(), array(), 0..SLOTS).prop_map(move |(page, secs, array, slot)| {
        vec![Step::Block { page }, Step::Track { page: secs }, out(page, array, slot)]
    });
    prop_oneof![8 => one.prop_map(|step| vec![step]), 2 => evict]
}

/// Two enclaves with two pages each, and a version array.
fn beginning() -> Vec<Step> {
    let child = |page, secs| Step::Add { page, secs, place: page % PLACES, fill: 7 };
    let build = [Step::Create { page: 0 }, Step::Create { page: 1 }, Step::Version { page: 2 }];
    build.into_iter().chain([child(4, 0), child(5, 1), child(6, 0), child(7, 1)]).collect()
}

/// What is in a page, in the EPC or outside.
#[derive(Clone, Debug)]
enum Use {
    Secs { eid: u64 },
    Child { eid: u64, place: u64, fill: u8, blocked: bool, mark: Option<u64> },
    Version(BTreeMap<u64, u64>),
}

/// An enclave, wherever its SECS is.
#[derive(Clone, Debug, Default)]
struct Enclave {
    epoch: u64,
    /// Slots of processors inside, and the epochs in which they entered.
    inside: Vec<(usize, u64)>,
}

#[derive(Default)]
struct Model {
    pages: BTreeMap<u64, Use>,
    enclaves: BTreeMap<u64, Enclave>,
    /// All that was ever written out, with its version.
    outside: Vec<(Use, u64, Outside)>,
    versions: u64,
}

impl Model {
    fn is_free(&self, page: u64) -> bool {
        !self.pages.contains_key(&page)
    }

    fn eid(&self, page: u64) -> Option<u64> {
        match self.pages.get(&page) {
            Some(Use::Secs { eid }) => Some(*eid),
            _ => None,
        }
    }

    fn secs_of(&self, eid: u64) -> Option<u64> {
        self.pages.keys().copied().find(|page| self.eid(*page) == Some(eid))
    }

    fn children(&self, of: u64) -> u64 {
        let is_child = |page: &&Use| matches!(page, Use::Child { eid, .. } if *eid == of);
        self.pages.values().filter(is_child).count().try_into().unwrap()
    }

    fn slots(&mut self, array: u64) -> Option<&mut BTreeMap<u64, u64>> {
        match self.pages.get_mut(&array)? {
            Use::Version(slots) => Some(slots),
            _ => None,
        }
    }

    /// Where a version stands.
    fn find(&self, version: u64) -> Option<(u64, u64)> {
        self.pages.iter().find_map(|(array, what)| match what {
            Use::Version(slots) => {
                slots.iter().find(|(_, held)| **held == version).map(|(slot, _)| (*array, *slot))
            }
            _ => None,
        })
    }

    fn may_leave(&self, page: u64) -> bool {
        match self.pages.get(&page) {
            None => false,
            Some(Use::Version(_)) => true,
            Some(Use::Secs { eid }) => self.children(*eid) == 0,
            Some(Use::Child { blocked: false, .. }) => false,
            Some(Use::Child { mark: None, .. }) => true,
            Some(Use::Child { eid, mark: Some(mark), .. }) => {
                let enclave = &self.enclaves[eid];
                enclave.epoch > *mark && enclave.inside.iter().all(|(_, entered)| entered > mark)
            }
        }
    }

    fn may_be_removed(&self, page: u64) -> bool {
        match self.pages.get(&page) {
            None | Some(Use::Version(_)) => true,
            Some(Use::Secs { eid }) => self.children(*eid) == 0,
            Some(Use::Child { eid, .. }) => self.enclaves[eid].inside.is_empty(),
        }
    }
}

fn epc(page: u64) -> EpcAddr {
    EpcAddr(SECTION.base + page * 4096)
}

fn base() -> Linear {
    Linear(EnclaveSpec::default().secs.base.get())
}

/// Executes a step on both sides. `None` where the step is not an instruction.
fn run(machine: &mut Machine, model: &mut Model, step: &Step) -> Option<(Executed, bool)> {
    Some(match *step {
        Step::Create { page } => create(machine, model, page),
        Step::Add { page, secs, place, fill } => add(machine, model, page, secs, (place, fill)),
        Step::Version { page } => {
            let free = model.is_free(page);
            if free {
                model.pages.insert(page, Use::Version(BTreeMap::new()));
            }
            (machine.encls(Encls::Epa, [3, flat(epc(page)).0, 0]), free)
        }
        Step::Remove { page } => {
            let expected = model.may_be_removed(page);
            if expected && let Some(Use::Secs { eid }) = model.pages.remove(&page) {
                model.enclaves.remove(&eid);
            }
            (machine.encls(Encls::Eremove, [0, flat(epc(page)).0, 0]), expected)
        }
        Step::Block { page } => {
            let expected = match model.pages.get_mut(&page) {
                Some(Use::Child { eid, blocked: blocked @ false, mark, .. }) => {
                    *blocked = true;
                    *mark = Some(model.enclaves[eid].epoch);
                    true
                }
                _ => false,
            };
            (machine.encls(Encls::Eblock, [0, flat(epc(page)).0, 0]), expected)
        }
        Step::Track { page } => {
            let enclave = model.eid(page).and_then(|eid| model.enclaves.get_mut(&eid));
            let enclave = enclave.filter(|enclave| enclave.inside.iter().all(|(_, e)| *e >= enclave.epoch));
            let expected = enclave.map(|enclave| enclave.epoch += 1).is_some();
            (machine.encls(Encls::Etrack, [0, flat(epc(page)).0, 0]), expected)
        }
        Step::Enter { page } => {
            let enclave = model.eid(page).and_then(|eid| model.enclaves.get_mut(&eid))?;
            enclave.inside.push((machine.enter(epc(page)), enclave.epoch));
            return None;
        }
        Step::Leave { page } => {
            let enclave = model.eid(page).and_then(|eid| model.enclaves.get_mut(&eid))?;
            enclave.inside.drain(..).for_each(|(slot, _)| machine.package.slots.leave(slot));
            return None;
        }
        Step::Out { page, array, slot } => send(machine, model, page, (array, slot)),
        Step::In { leaf, page, which, right, secs, array, slot, damage } => {
            let at_hand = |(_, version, _): &&(Use, u64, Outside)| !right || model.find(*version).is_some();
            let choices: Vec<_> = model.outside.iter().filter(at_hand).collect();
            let (what, version, outside) = (*choices.get(which % choices.len().max(1))?).clone();
            let (mut page, mut secs, mut place) = (page, secs, (array, slot));
            if right {
                page = (page..PAGES).find(|page| model.is_free(*page)).unwrap_or(page);
                place = model.find(version).unwrap_or(place);
                if let Use::Child { eid, .. } = what {
                    secs = model.secs_of(eid).unwrap_or(secs);
                }
            }
            load(machine, model, (leaf, page), (what, version, outside), (secs, place), damage)
        }
    })
}

fn create(machine: &mut Machine, model: &mut Model, page: u64) -> (Executed, bool) {
    let free = model.is_free(page);
    if free {
        let eid = machine.package.next_eid;
        model.pages.insert(page, Use::Secs { eid });
        model.enclaves.insert(eid, Enclave::default());
    }
    let secinfo = SecInfo::new(PageType::Secs, SecInfoFlags::empty());
    let source = Box::new(zerocopy::transmute!(EnclaveSpec::default().secs));
    (machine.with_page(Encls::Ecreate, &PageOperands::new(epc(page), secinfo, source)), free)
}

fn add(
    machine: &mut Machine,
    model: &mut Model,
    page: u64,
    secs: u64,
    (place, fill): (u64, u8),
) -> (Executed, bool) {
    let owner = model.eid(secs).filter(|_| model.is_free(page));
    if let Some(eid) = owner {
        model.pages.insert(page, Use::Child { eid, place, fill, blocked: false, mark: None });
    }
    let secinfo = SecInfo::new(PageType::Reg, RW);
    let operands = PageOperands::new(epc(page), secinfo, Box::new([fill; 4096]));
    let operands = operands.of(epc(secs), base().offset(place * 4096));
    (machine.with_page(Encls::Eadd, &operands), owner.is_some())
}

fn send(
    machine: &mut Machine,
    model: &mut Model,
    page: u64,
    (array, number): (u64, u64),
) -> (Executed, bool) {
    let expected = page != array && model.may_leave(page) && model.slots(array).is_some();
    let executed = machine.ewb(epc(page), slot(epc(array), number));
    if expected && let Some(what) = model.pages.remove(&page) {
        model.versions += 1;
        let version = model.versions;
        let replaced = model.slots(array).and_then(|slots| slots.insert(number, version));
        model.outside.push((what, version, machine.outside()));
        // told, and done all the same
        if replaced.is_some() {
            executed.assert_refused(EwbCause::SlotOccupied);
            return (Executed { result: Ok(Completion::Done), ..executed }, true);
        }
    }
    (executed, expected)
}

fn load(
    machine: &mut Machine,
    model: &mut Model,
    (leaf, page): (Encls, u64),
    (what, version, mut outside): (Use, u64, Outside),
    (secs, (array, number)): (u64, (u64, u64)),
    damage: Damage,
) -> (Executed, bool) {
    let mut intact = false;
    match damage {
        Damage::None => intact = true,
        Damage::Enclaveid => {
            outside.pcmd.enclaveid ^= 1;
            intact = true;
        }
        Damage::Contents(at) => outside.contents[at] ^= 1,
        Damage::Mac(at) => outside.pcmd.mac[at] ^= 1,
        Damage::Linaddr => outside.linaddr ^= 0x1000,
        Damage::Rights => outside.pcmd.secinfo.flags ^= SecInfoFlags::X.bits(),
    }
    let found = model.slots(array).is_some_and(|slots| slots.get(&number) == Some(&version));
    let (is_owner, named) = match &what {
        Use::Child { eid, .. } => (model.eid(secs) == Some(*eid), Some(epc(secs))),
        Use::Secs { .. } | Use::Version(_) => (true, None),
    };
    let expected = intact && found && is_owner && model.is_free(page);
    if expected {
        model.slots(array).and_then(|slots| slots.remove(&number));
        let back = match what {
            Use::Child { eid, place, fill, .. } => {
                Use::Child { eid, place, fill, blocked: leaf == Encls::Eldb, mark: None }
            }
            other => other,
        };
        model.pages.insert(page, back);
    }
    (machine.load(leaf, epc(page), &outside, named, slot(epc(array), number)), expected)
}

/// What the processor keeps is what the model says.
fn compare(machine: &mut Machine, model: &Model) {
    let mut places = HashSet::new();
    for number in 0..PAGES {
        let page = epc(number);
        let entry = machine.package.epcm_entry(page);
        let place = machine.package.frames.place(page);
        assert!(place == Place::Store || places.insert(place), "{page} shares its place with another");
        let expected = match model.pages.get(&number) {
            None => EpcmEntry::INVALID,
            Some(Use::Version(slots)) => {
                for number in 0..SLOTS {
                    let version = machine.package.read_epc::<U64>(slot(page, number)).get();
                    assert_eq!(version, slots.get(&number).copied().unwrap_or(0), "{page}, slot {number}");
                }
                EpcmEntry::new(PageType::Va, EpcAddr(0), Linear(0))
            }
            Some(Use::Secs { eid }) => {
                let secs = machine.secs(page);
                let kept = (secs.eid.get(), secs.child_count.get(), secs.epoch.get());
                assert_eq!(kept, (*eid, model.children(*eid), model.enclaves[eid].epoch));
                EpcmEntry::new(PageType::Secs, page, Linear(0))
            }
            Some(Use::Child { eid, place: at, fill, blocked, mark }) => {
                assert_eq!(*machine.package.frames.page(page), [*fill; 4096], "{page}");
                assert!(!blocked || place == Place::Store, "{page} is blocked and can be reached");
                let secs = model.secs_of(*eid).expect("a SECS stays until its children have gone");
                let plain = EpcmEntry::new(PageType::Reg, epc(secs), base().offset(at * 4096));
                EpcmEntry { blocked: *blocked, mark: *mark, ..plain.with_flags(RW) }
            }
        };
        assert_eq!(entry, expected, "{page}");
    }
    let living: HashSet<_> = machine.package.frames.living().keys().copied().collect();
    assert_eq!(living, model.enclaves.keys().copied().collect(), "homes and enclaves, here or away");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pages_come_back_as_they_went_or_not_at_all(steps in prop::collection::vec(steps(), 1..120)) {
        let (mut machine, mut model) = (Machine::new(), Model::default());
        for step in beginning().iter().chain(steps.iter().flatten()) {
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
