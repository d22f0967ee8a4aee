//! What a case happens in: a processor, its EPC, memory, enclaves, and names for all of them.

use std::collections::{BTreeMap, BTreeSet};

use anyclave_arch::cpuid::SgxFeatures;
use anyclave_arch::token::EinitToken;
use anyclave_arch::{EpcAddr, Flags, Leaf, Linear, PageType, Pfec, SecInfo, SecInfoFlags, SigStruct};
use anyclave_cpu::{
    Bare, Completion, Config, Encls, EpcmEntry, Event, Fault, Frames, Gprs, Package, Processor, Section,
    State, Target,
};
use zerocopy::{FromBytes, FromZeros, IntoBytes};

use super::layout::{self, Layout};
use super::plan::EnclavePlan;
use super::recording::{Remap, Step};
use super::space::Space;
use crate::entropy::Seeded;
use crate::machine;
use crate::memory::PlainFrames;

/// The only EPC section: 256 pages.
pub(super) const SECTION: Section = Section { base: 0x8000_0000, size: 0x10_0000 };
/// Where operands in ordinary memory lie, a page each.
const OPERANDS: u64 = 0xffff_c900_0000_0000;
/// What stands there.
const STRUCTURES: [&str; 8] =
    ["pageinfo", "secinfo", "source", "sigstruct", "token", "pcmd", "rdinfo", "value"];
/// Where ENCLU stands outside of enclaves.
const ENCLU_RIP: u64 = 0x40_1000;
/// The AEP of all threads.
const AEP: u64 = 0x40_2000;
/// First ELRANGE; the next ones follow.
const BASE: u64 = 0x7000_0000_0000;

/// The six status flags.
pub(super) const STATUS: u64 = 0x8d5;

/// Bytes with a name.
#[derive(Clone, Debug)]
pub(super) struct Object {
    /// Its address.
    pub(super) at: Linear,
    pub(super) home: Home,
    pub(super) layout: Layout,
}

/// Where an object's bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Home {
    Memory,
    Epc(EpcAddr),
    /// The extended state of the current processor.
    Registers,
}

/// A logical processor and the thread on it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cpu {
    pub(super) processor: Processor,
    pub(super) state: State,
}

/// What a refused leaf must leave alone.
#[derive(Clone, PartialEq)]
pub(super) struct Snapshot {
    package: String,
    space: Space,
    processors: Vec<Option<anyclave_cpu::EnclaveMode>>,
}

/// What became of a leaf or an exit.
pub(super) struct Ran {
    /// Its line.
    pub(super) line: usize,
    /// None for an asynchronous exit.
    pub(super) leaf: Option<Leaf>,
    pub(super) result: Result<Completion, Fault>,
    pub(super) delivered: Option<Event>,
    pub(super) before: Cpu,
    pub(super) was: Snapshot,
    pub(super) entries: Vec<EpcmEntry>,
    /// Registers to put back when the expectations have been looked at.
    pub(super) restore: Option<State>,
    /// Whether an expectation has spoken about the outcome.
    pub(super) judged: bool,
    /// It has done its work in spite of a code.
    pub(super) completed: bool,
    /// Registers and pages that expectations have spoken about.
    pub(super) registers: BTreeSet<String>,
    pub(super) pages: BTreeSet<EpcAddr>,
}

/// The world.
pub(super) struct World {
    pub(super) config: Config,
    pub(super) package: Package<PlainFrames, Seeded>,
    pub(super) processors: BTreeMap<u64, Cpu>,
    pub(super) current: u64,
    pub(super) space: Space,
    pub(super) enclaves: BTreeMap<String, EnclavePlan>,
    pub(super) objects: BTreeMap<String, Object>,
    pub(super) numbers: BTreeMap<String, u64>,
    pub(super) lets: BTreeMap<String, super::value::Datum>,
    /// MRSIGNER of the launch enclave that tokens come from.
    pub(super) launch_signer: [u8; 32],
    pub(super) ran: Option<Ran>,
    /// What happened so far, where that is wanted.
    pub(super) steps: Option<Vec<Step>>,
    /// Changes of the address space since the last step.
    pub(super) remaps: Vec<(Linear, Remap)>,
    next_page: u64,
}

impl World {
    /// A machine on which nothing has happened.
    pub(super) fn new() -> Self {
        let config = Config {
            sections: vec![SECTION],
            features: SgxFeatures::SGX1
                | SgxFeatures::SGX2
                | SgxFeatures::ENCLV
                | SgxFeatures::OVERSUB
                | SgxFeatures::EUPDATESVN
                | SgxFeatures::EDECCSSA,
            attributes: Flags::DEBUG
                | Flags::MODE64BIT
                | Flags::PROVISIONKEY
                | Flags::EINITTOKENKEY
                | Flags::KSS
                | Flags::AEXNOTIFY,
            max_size_64: 36,
            max_size_32: 31,
            cpusvn: [2; 16],
            device_root: core::array::from_fn(|i| u8::try_from(i).unwrap_or(0)),
            seal_fuses: core::array::from_fn(|i| u8::try_from(i + 16).unwrap_or(0)),
            owner_epoch: [0x33; 16],
            ..machine::config("1M").processor()
        };
        let mut world = Self {
            package: boot(&config),
            config,
            processors: BTreeMap::from([(1, Cpu::new())]),
            current: 1,
            space: Space::new(SECTION),
            enclaves: BTreeMap::new(),
            objects: BTreeMap::new(),
            numbers: BTreeMap::from([("aep".to_owned(), AEP), ("nowhere".to_owned(), 0x1000)]),
            lets: BTreeMap::new(),
            launch_signer: [9; 32],
            ran: None,
            steps: None,
            remaps: Vec::new(),
            next_page: 0,
        };
        for name in STRUCTURES {
            let layout = if name == "value" { "u64" } else { name };
            world.add_memory(name, layout::by_name(layout).or_else(|| layout::by_name("page")));
        }
        if let Some(layout) = layout::by_name("xsave") {
            let object = Object { at: Linear(0), home: Home::Registers, layout };
            world.objects.insert("xsave".to_owned(), object);
        }
        world
    }

    /// The processor of the configuration as it is by now, before anything happens.
    pub(super) fn boot(&mut self) {
        self.package = boot(&self.config);
    }

    /// A page of ordinary memory.
    pub(super) fn add_memory(&mut self, name: &str, layout: Option<Layout>) {
        let memories = self.objects.values().filter(|object| object.home == Home::Memory).count();
        let at = Linear(OPERANDS + u64::try_from(memories).unwrap_or(0) * 0x1000);
        self.space.map(at, Target::Ordinary);
        if let Some(layout) = layout {
            self.objects.insert(name.to_owned(), Object { at, home: Home::Memory, layout });
        }
    }

    /// An EPC page that has not been given before.
    pub(super) fn allocate(&mut self) -> EpcAddr {
        let page = EpcAddr(SECTION.base + self.next_page * 4096);
        self.next_page += 1;
        page
    }

    /// A name for an EPC page in the direct map.
    pub(super) fn add_page(&mut self, name: &str, page: EpcAddr, layout: &str) {
        if let Some(layout) = layout::by_name(layout) {
            let object = Object { at: Space::flat(page), home: Home::Epc(page), layout };
            self.objects.insert(name.to_owned(), object);
        }
    }

    /// An enclave that is to be built; its base is where no other one is.
    pub(super) fn add_enclave(&mut self, name: &str) {
        let base = BASE + u64::try_from(self.enclaves.len()).unwrap_or(0) * 0x1000_0000;
        let plan = EnclavePlan::new(base, || self.allocate());
        self.enclaves.insert(name.to_owned(), plan);
    }

    /// Names for an enclave and its pages, where the plan has them now.
    pub(super) fn name_enclave(&mut self, name: &str) {
        let Some(plan) = self.enclaves.get(name).cloned() else { return };
        let secs = plan.secs();
        let base = Linear(secs.base.get());
        self.numbers.insert(name.to_owned(), base.0);
        self.add_page(&format!("{name}.secs"), plan.secs_page, "secs");
        for page in &plan.pages {
            let layout = if page.secinfo.page_type() == Some(PageType::Tcs) { "tcs" } else { "page" };
            self.name_bytes(&format!("{name}.{}", page.name), base.offset(page.offset), page.epc, layout);
        }
        let tcs = plan.pages.iter().find(|page| page.secinfo.page_type() == Some(PageType::Tcs));
        let ossa =
            tcs.map_or(0, |page| u64::from_le_bytes(*page.data[16..].first_chunk().unwrap_or(&[0; 8])));
        let frame = u64::from(secs.ssaframesize.get()) * 4096;
        for (number, suffix) in [(0, ""), (1, "2")] {
            let start = ossa.wrapping_add(frame * number);
            for (kind, at) in [
                ("xsave", start),
                ("gprsgx", start.wrapping_add(frame).wrapping_sub(184)),
                ("exinfo", start.wrapping_add(frame).wrapping_sub(200)),
            ] {
                if let Some(page) = plan.pages.iter().find(|page| page.offset == at & !0xfff) {
                    let epc = EpcAddr(page.epc.0 + (at & 0xfff));
                    self.name_bytes(&format!("{name}.{kind}{suffix}"), base.offset(at), epc, kind);
                }
            }
        }
    }

    fn name_bytes(&mut self, name: &str, at: Linear, epc: EpcAddr, layout: &str) {
        if let Some(layout) = layout::by_name(layout) {
            self.objects.insert(name.to_owned(), Object { at, home: Home::Epc(epc), layout });
        }
    }

    /// Builds an enclave, and initialises it if its plan says so.
    pub(super) fn build(&mut self, name: &str, sigstruct: &SigStruct) -> Result<(), String> {
        let Some(plan) = self.enclaves.get(name).cloned() else { return Ok(()) };
        let base = Linear(plan.secs().base.get());
        if plan.initialised {
            let signer = anyclave_arch::msr::lepubkeyhash_msrs(&plan.mrsigner());
            self.package
                .set_lepubkeyhash(signer)
                .ok()
                .ok_or_else(|| "the hash MSRs are locked".to_owned())?;
        }
        let mut kernel = Processor::default();
        let mut cpu = Bare::new(&mut self.package, &mut kernel);
        let secinfo = SecInfo::new(PageType::Secs, SecInfoFlags::empty());
        let failed = |what: &str, error| format!("{what} of enclave {name}: {error:?}");
        cpu.ecreate(plan.secs_page, &plan.secs, &secinfo).map_err(|error| failed("ECREATE", error))?;
        for page in &plan.pages {
            let at = base.offset(page.offset);
            cpu.eadd(page.epc, plan.secs_page, at, &page.data, &page.secinfo)
                .map_err(|error| failed(&format!("EADD of {}", page.name), error))?;
            for chunk in (page.epc.0..page.epc.0 + 4096).step_by(256) {
                cpu.eextend(plan.secs_page, EpcAddr(chunk)).map_err(|error| failed("EEXTEND", error))?;
            }
        }
        if plan.initialised {
            let token = EinitToken::new_zeroed();
            cpu.einit(sigstruct, &token, plan.secs_page).map_err(|error| failed("EINIT", error))?;
        }
        for page in &plan.pages {
            self.space.map(base.offset(page.offset), Target::Epc(page.epc));
        }
        Ok(())
    }

    /// The processor that the case is about now.
    pub(super) fn cpu(&mut self) -> &mut Cpu {
        self.processors.entry(self.current).or_insert_with(Cpu::new)
    }

    /// Its registers, to look at.
    pub(super) fn state(&self) -> Option<&State> {
        self.processors.get(&self.current).map(|cpu| &cpu.state)
    }

    /// The bytes of an object from an offset on.
    pub(super) fn load(&mut self, object: &Object, offset: usize, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        match object.home {
            Home::Memory => self.space.bytes(object.at.offset(offset.try_into().unwrap_or(0)), &mut bytes),
            Home::Epc(at) => self.load_epc(EpcAddr(at.0 + u64::try_from(offset).unwrap_or(0)), &mut bytes),
            Home::Registers => {
                let image = self.state().map(|state| state.xsave.0.clone()).unwrap_or_default();
                for (byte, from) in bytes.iter_mut().zip(image.iter().skip(offset)) {
                    *byte = *from;
                }
            }
        }
        bytes
    }

    /// Bytes of the EPC; they may cross pages.
    pub(super) fn load_epc(&mut self, at: EpcAddr, into: &mut [u8]) {
        for (byte, at) in into.iter_mut().zip(at.0..) {
            let mut one = [0];
            self.package.frames_mut().read(EpcAddr(at).page(), index(at), &mut one);
            *byte = one[0];
        }
    }

    /// Changes bytes of the EPC.
    pub(super) fn store_epc(&mut self, at: EpcAddr, from: &[u8]) {
        for (byte, at) in from.iter().zip(at.0..) {
            self.package.frames_mut().write(EpcAddr(at).page(), index(at), &[*byte]);
        }
    }

    /// A structure out of an object.
    pub(super) fn structure<T: FromBytes>(&mut self, name: &str) -> Option<T> {
        let object = self.objects.get(name).cloned()?;
        let bytes = self.load(&object, 0, size_of::<T>());
        T::read_from_bytes(&bytes).ok()
    }

    /// Puts a structure into an object in ordinary memory.
    pub(super) fn put(&mut self, name: &str, value: &(impl IntoBytes + zerocopy::Immutable)) {
        if let Some(object) = self.objects.get(name) {
            self.space.put(object.at, value.as_bytes());
        }
    }

    /// Everything that a refused leaf must leave alone.
    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot {
            package: format!("{:?}", self.package),
            space: self.space.clone(),
            processors: self.processors.values().map(|cpu| cpu.processor.mode.clone()).collect(),
        }
    }

    /// The whole EPCM.
    pub(super) fn entries(&self) -> Vec<EpcmEntry> {
        let pages = (SECTION.base..SECTION.base + SECTION.size).step_by(4096);
        pages.map(|page| self.package.epcm_entry(EpcAddr(page))).collect()
    }
}

impl Cpu {
    /// Outside, with a different value in each register.
    fn new() -> Self {
        let mut xsave: Vec<u8> = (0..832_u32).map(|index| index.to_le_bytes()[0] | 1).collect();
        xsave[24..28].copy_from_slice(&0x1fa0_u32.to_le_bytes());
        xsave[512..576].fill(0);
        xsave[512] = 7;
        let gprs = Gprs {
            rax: 0x10,
            rcx: 0x11,
            rdx: 0x12,
            rbx: 0x13,
            rsp: 0x7fff_0000_1000,
            rbp: 0x7fff_0000_1100,
            rsi: 0x16,
            rdi: 0x17,
            r8: 0x18,
            r9: 0x19,
            r10: 0x1a,
            r11: 0x1b,
            r12: 0x1c,
            r13: 0x1d,
            r14: 0x1e,
            r15: 0x1f,
            rip: ENCLU_RIP,
            // all status flags, so that clearing them shows
            rflags: STATUS | 0x202,
        };
        let state = State {
            gprs,
            fs_base: 0x7f00_0000_0000,
            gs_base: 0x7f00_0000_1000,
            xsave: anyclave_cpu::xsave::XsaveArea(xsave),
        };
        Self { processor: Processor::default(), state }
    }

    /// A register by its name.
    pub(super) fn register(&mut self, name: &str) -> Option<&mut u64> {
        let gprs = &mut self.state.gprs;
        Some(match name {
            "rax" => &mut gprs.rax,
            "rcx" => &mut gprs.rcx,
            "rdx" => &mut gprs.rdx,
            "rbx" => &mut gprs.rbx,
            "rsp" => &mut gprs.rsp,
            "rbp" => &mut gprs.rbp,
            "rsi" => &mut gprs.rsi,
            "rdi" => &mut gprs.rdi,
            "r8" => &mut gprs.r8,
            "r9" => &mut gprs.r9,
            "r10" => &mut gprs.r10,
            "r11" => &mut gprs.r11,
            "r12" => &mut gprs.r12,
            "r13" => &mut gprs.r13,
            "r14" => &mut gprs.r14,
            "r15" => &mut gprs.r15,
            "rip" => &mut gprs.rip,
            "rflags" => &mut gprs.rflags,
            "fsbase" => &mut self.state.fs_base,
            "gsbase" => &mut self.state.gs_base,
            _ => return None,
        })
    }
}

/// Every register, in the order of messages.
pub(super) const REGISTERS: [&str; 20] = [
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
    "r15", "rip", "rflags", "fsbase", "gsbase",
];

/// The error code of a #PF that an SGX check raises.
pub(super) fn sgx_pfec(write: bool, user: bool) -> u32 {
    let mut code = Pfec::P | Pfec::SGX;
    code.set(Pfec::W, write);
    code.set(Pfec::U, user);
    code.bits()
}

fn boot(config: &Config) -> Package<PlainFrames, Seeded> {
    Package::new(config.clone(), PlainFrames::filled(0xa5), Seeded(1))
}

fn index(at: u64) -> usize {
    usize::try_from(at % 4096).unwrap_or_default()
}
