//! What a case does, step by step, for another venue to do again: the enclaves with their images, and around each
//! leaf and each exit all registers and the pages of the enclaves.

use std::collections::BTreeMap;

use anyclave_arch::{Leaf, Linear, PageType, SecInfo, Secs, SigStruct, Tcs};
use anyclave_cpu::{Completion, Event, Fault, State};
use zerocopy::FromBytes;

use super::Problem;
use super::execute::is_user;
use super::plan::{EnclavePlan, PagePlan};
use super::runner;
use super::syntax::{Case, Kind, MapTo, Script, Section, Statement};
use super::world::World;

/// A page for an enclave.
#[derive(Clone, Debug)]
pub struct Page {
    /// Offset in ELRANGE.
    pub offset: u64,
    /// Type and rights.
    pub secinfo: SecInfo,
    /// Content.
    pub data: Box<[u8; 4096]>,
}

/// An enclave before it is built.
#[derive(Clone, Debug)]
pub struct Enclave {
    /// What ECREATE is given.
    pub secs: Secs,
    /// All measured.
    pub pages: Vec<Page>,
    /// What EINIT is given, if anything.
    pub sigstruct: Option<SigStruct>,
}

/// What there is at one moment.
#[derive(Clone, Debug)]
pub struct Moment {
    /// Registers.
    pub state: State,
    /// First address of the enclave that the processor is in.
    pub inside: Option<Linear>,
    /// Pages of enclaves, by address.
    pub pages: BTreeMap<u64, Box<[u8; 4096]>>,
}

/// What a program can do to a page of its address space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remap {
    /// Ordinary memory takes its place.
    Memory,
    /// Nothing does.
    Nothing,
    /// Writes fault.
    ReadOnly,
}

/// A leaf, or an asynchronous exit.
#[derive(Clone, Debug)]
pub struct Step {
    /// Line of the script.
    pub line: usize,
    /// None for an exit.
    pub leaf: Option<Leaf>,
    /// How the address space has changed since the last step: pages by address.
    pub remaps: Vec<(Linear, Remap)>,
    /// The registers are those at the instruction.
    pub before: Moment,
    /// The registers are those behind it; after a fault they are the same.
    pub after: Moment,
    /// What came of the leaf.
    pub result: Result<Completion, Fault>,
    /// The event of an exit, and what the operating system gets of it.
    pub exit: Option<(Event, Event)>,
}

/// A case.
#[derive(Clone, Debug)]
pub struct Recording {
    /// Its enclaves.
    pub enclaves: Vec<Enclave>,
    /// What happened.
    pub steps: Vec<Step>,
}

/// What a venue adds to each enclave: pages, of which the first is where threads are led.
pub type Furniture<'a> = &'a dyn Fn(&Secs) -> Vec<Page>;

/// The obstacle of cases that need no mark: programs execute ENCLU alone.
pub const KERNEL: &str = "a leaf of the kernel";

/// Why no program can set up what a case needs, if so.
#[must_use]
pub fn obstacle(script: &Script, section: &Section, case: &Case) -> Option<&'static str> {
    if matches!(script.leaf, Leaf::Encls(_) | Leaf::AnyEncls | Leaf::Enclv(_) | Leaf::AnyEnclv) {
        return Some(KERNEL);
    }
    let statements = section.setup.iter().chain(&case.statements);
    statements.map(|Statement { kind, .. }| kind).find_map(|kind| match kind {
        Kind::Cpu(_) => Some("another make of processor"),
        Kind::Epcm { .. } => Some("an EPCM entry that no program leads to"),
        Kind::Hold { .. } => Some("locks that another processor holds"),
        Kind::Processor(_) => Some("several processors"),
        Kind::Event => Some("an event that waits"),
        Kind::Map { to: MapTo::Page(_), .. } => Some("a page at another address than its own"),
        Kind::Assign(assignment) if assignment.poke => {
            Some("memory that changes behind the processor's back")
        }
        Kind::Run(run) if !is_user(run.leaf.unwrap_or(script.leaf)) => Some(KERNEL),
        _ => None,
    })
}

/// Performs a case on the processor itself, with furniture in its enclaves, and keeps what happens.
///
/// # Errors
/// The case is not as expected.
pub fn record(
    script: &Script,
    section: &Section,
    case: &Case,
    furniture: Furniture<'_>,
) -> Result<Recording, Problem> {
    let statements: Vec<_> = section.setup.iter().chain(&case.statements).cloned().collect();
    let problem = |(line, text)| Problem::at(&script.file, line, format!("{}: {text}", case.name));
    let mut world = World::new();
    world.steps = Some(Vec::new());
    world.describe(&statements).map_err(problem)?;
    for plan in world.enclaves.values_mut() {
        furnish(plan, furniture).map_err(|text| problem((case.line, text)))?;
    }
    let names: Vec<_> = world.enclaves.keys().cloned().collect();
    for name in &names {
        // EPC pages for what has been added
        let free: Vec<_> = (0..8).map(|_| world.allocate()).collect();
        if let Some(plan) = world.enclaves.get_mut(name) {
            let added = plan.pages.iter_mut().filter(|page| page.name.is_empty());
            added.zip(free).for_each(|(page, epc)| page.epc = epc);
        }
    }
    let mut enclaves = Vec::new();
    for name in &names {
        let sigstruct = world.sigstruct_of(name).map_err(problem)?;
        if let Some(plan) = world.enclaves.get(name) {
            enclaves.push(enclave(plan, sigstruct));
        }
    }
    world.build_all().map_err(problem)?;
    runner::perform_all(&mut world, script, &statements, case.line, &mut Vec::new()).map_err(problem)?;
    Ok(Recording { enclaves, steps: world.steps.unwrap_or_default() })
}

fn enclave(plan: &EnclavePlan, sigstruct: SigStruct) -> Enclave {
    let page = |page: &PagePlan| Page { offset: page.offset, secinfo: page.secinfo, data: page.data.clone() };
    Enclave {
        secs: plan.secs(),
        pages: plan.pages.iter().map(page).collect(),
        sigstruct: plan.initialised.then_some(sigstruct),
    }
}

/// Adds pages, and leads every entry point that lies in code to the first of them.
fn furnish(plan: &mut EnclavePlan, furniture: Furniture<'_>) -> Result<(), String> {
    let added = furniture(&plan.secs());
    let Some(target) = added.first().map(|page| page.offset) else { return Ok(()) };
    let entries: Vec<u64> = plan
        .pages
        .iter()
        .filter(|page| page.secinfo.page_type() == Some(PageType::Tcs))
        .filter_map(|page| Tcs::read_from_bytes(&page.data[..]).ok())
        .map(|tcs| tcs.oentry.get())
        .collect();
    for entry in entries {
        let page = plan.pages.iter_mut().find(|page| page.offset == entry & !0xfff);
        let start = usize::try_from(entry & 0xfff).unwrap_or_default();
        if let Some(place) = page.and_then(|page| page.data.get_mut(start..start + 5)) {
            let distance = target.wrapping_sub(entry + 5).to_le_bytes();
            place[0] = 0xe9;
            place[1..].copy_from_slice(&distance[..4]);
        }
    }
    for Page { offset, secinfo, data } in added {
        if plan.pages.iter().any(|page| page.offset == offset) {
            return Err(format!("the page at {offset:#x} is taken"));
        }
        let epc = plan.secs_page;
        plan.pages.push(PagePlan { name: String::new(), offset, secinfo, data, epc });
    }
    Ok(())
}

impl World {
    /// What there is now.
    pub(super) fn moment(&mut self) -> Moment {
        let state = self.cpu().state.clone();
        let inside = self.cpu().processor.mode.as_ref().map(|mode| mode.base);
        let plans: Vec<_> = self.enclaves.values().cloned().collect();
        let mut pages = BTreeMap::new();
        for plan in plans {
            let base = plan.secs().base.get();
            for page in plan.pages {
                let mut data = Box::new([0; 4096]);
                self.load_epc(page.epc, &mut data[..]);
                pages.insert(base.wrapping_add(page.offset), data);
            }
        }
        Moment { state, inside, pages }
    }

    /// Keeps a step that has just been made.
    pub(super) fn keep(&mut self, before: Option<Moment>, event: Option<Event>) {
        let (Some(before), Some(ran)) = (before, &self.ran) else { return };
        let (line, leaf, result, exit) = (ran.line, ran.leaf, ran.result, event.zip(ran.delivered));
        let after = self.moment();
        let remaps = std::mem::take(&mut self.remaps);
        if let Some(steps) = &mut self.steps {
            steps.push(Step { line, leaf, remaps, before, after, result, exit });
        }
    }
}
