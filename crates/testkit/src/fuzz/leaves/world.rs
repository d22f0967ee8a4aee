//! The machine of the game: an enclave that runs, one that is being built, free pages, operands.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use anyclave_arch::cpuid::SgxFeatures;
use anyclave_arch::token::EinitToken;
use anyclave_arch::{
    Attributes, EpcAddr, Flags, Linear, MiscSelect, PageType, SecInfo, SecInfoFlags, Secs, SigStruct, Tcs,
};
use anyclave_cpu::{
    Bare, Config, Encls as _, EnclsRegisters, Frames, Gprs, Package, Processor, Section, State, Target,
};
use anyclave_sign::{Measurer, SignOptions};
use zerocopy::{FromZeros, IntoBytes};

use super::ledger::Blob;
use crate::conformance::space::Space;
use crate::enclave::signer;
use crate::entropy::Seeded;
use crate::machine;
use crate::memory::PlainFrames;

/// The EPC: few pages, so that they meet again.
const SECTION: Section = Section { base: 0x8000_0000, size: 32 * 4096 };
/// Operands in ordinary memory, a page each.
pub(super) const PAGEINFO: Linear = Linear(0xffff_c900_0000_0000);
pub(super) const SECINFO: Linear = Linear(0xffff_c900_0000_1000);
pub(super) const SOURCE: Linear = Linear(0xffff_c900_0000_2000);
pub(super) const SIGSTRUCT: Linear = Linear(0xffff_c900_0000_3000);
pub(super) const TOKEN: Linear = Linear(0xffff_c900_0000_4000);
pub(super) const PCMD: Linear = Linear(0xffff_c900_0000_5000);
/// The SIGSTRUCT of an enclave without pages.
pub(super) const EMPTY: Linear = Linear(0xffff_c900_0000_7000);
pub(super) const RDINFO: Linear = Linear(0xffff_c900_0000_6000);
/// First address of the running enclave, and of the one that is being built.
pub(super) const RUNNING: Linear = Linear(0x7000_0000_0000);
pub(super) const BUILT: Linear = Linear(0x7000_0010_0000);
/// Where ENCLU stands, and where asynchronous exits go.
pub(super) const ENCLU: u64 = 0x40_1000;
pub(super) const AEP: u64 = 0x40_2000;
/// Logical processors that run programs.
const PROCESSORS: usize = 3;

pub(super) const RW: SecInfoFlags = SecInfoFlags::R.union(SecInfoFlags::W);

/// The pages of the EPC.
pub(super) fn pages() -> impl Iterator<Item = EpcAddr> {
    (SECTION.base..SECTION.base + SECTION.size).step_by(4096).map(EpcAddr)
}

/// Everything.
pub(super) struct World {
    pub(super) package: Package<PlainFrames, Seeded>,
    pub(super) space: Space,
    pub(super) kernel: Processor,
    pub(super) processors: Vec<(Processor, State)>,
    /// Addresses that operands are picked from.
    pub(super) addresses: Vec<u64>,
    /// All that EWB ever wrote.
    pub(super) ledger: Vec<Blob>,
    /// Leaves executed so far.
    pub(super) executed: u32,
    /// Leaves that have done their work.
    pub(super) done: BTreeSet<String>,
}

/// Pages of the running enclave: offset, SECINFO.
fn image() -> [(u64, SecInfo); 7] {
    let reg = |flags| SecInfo::new(PageType::Reg, flags);
    [
        (0, SecInfo::new(PageType::Tcs, SecInfoFlags::empty())),
        (0x1000, reg(SecInfoFlags::R | SecInfoFlags::X)),
        (0x2000, reg(RW)),
        (0x3000, reg(RW)),
        (0x4000, reg(RW)),
        (0x5000, reg(RW)),
        (0x6000, reg(SecInfoFlags::R)),
    ]
}

fn secs(base: Linear) -> Secs {
    let flags = Flags::DEBUG | Flags::MODE64BIT | Flags::KSS | Flags::AEXNOTIFY;
    Secs {
        size: 0x1_0000.into(),
        base: base.0.into(),
        ssaframesize: 1.into(),
        miscselect: MiscSelect::EXINFO.bits().into(),
        attributes: Attributes::new(flags, 7),
        ..Secs::new_zeroed()
    }
}

/// What a page of the running enclave holds at first.
fn contents(secinfo: &SecInfo) -> [u8; 4096] {
    if secinfo.page_type() != Some(PageType::Tcs) {
        return [0; 4096];
    }
    let tcs = Tcs {
        flags: 2.into(),
        ossa: 0x2000.into(),
        nssa: 2.into(),
        oentry: 0x1000.into(),
        ..Tcs::new_zeroed()
    };
    zerocopy::transmute!(tcs)
}

/// The SIGSTRUCT of the running enclave, and [`EMPTY`]'s.
fn sigstructs() -> &'static [SigStruct; 2] {
    static SIGSTRUCTS: LazyLock<[SigStruct; 2]> = LazyLock::new(|| {
        let empty = Measurer::ecreate(1, 0x1_0000);
        let mut measurer = Measurer::ecreate(1, 0x1_0000);
        for (offset, secinfo) in image() {
            measurer.add_page(offset, &secinfo, &contents(&secinfo), false);
        }
        let secs = secs(RUNNING);
        let options = SignOptions {
            attributes: secs.attributes,
            miscselect: MiscSelect::EXINFO,
            isvsvn: 3,
            ..SignOptions::default()
        };
        [measurer, empty].map(|measurer| options.sign(&measurer.mrenclave(), signer()))
    });
    &SIGSTRUCTS
}

impl World {
    /// A running enclave and one that is being built.
    pub(super) fn new() -> Self {
        let machine = machine::config("64K").processor();
        let config = Config {
            sections: vec![SECTION],
            features: SgxFeatures::all() - SgxFeatures::EVERIFYREPORT2,
            attributes: machine.attributes | Flags::KSS | Flags::AEXNOTIFY,
            ..machine
        };
        let mut world = Self {
            package: Package::new(config, PlainFrames::filled(0xee), Seeded(7)),
            space: Space::new(SECTION),
            kernel: Processor::default(),
            processors: vec![(Processor::default(), State::default()); PROCESSORS],
            addresses: Vec::new(),
            ledger: Vec::new(),
            executed: 0,
            done: BTreeSet::new(),
        };
        let mut free = pages();
        let mut next = || free.next().unwrap_or(EpcAddr(0));
        world.build(&mut next);
        for at in [PAGEINFO, SECINFO, SOURCE, SIGSTRUCT, TOKEN, PCMD, RDINFO, EMPTY, Linear(ENCLU & !0xfff)] {
            world.space.map(at, Target::Ordinary);
        }
        let [running, empty] = sigstructs();
        world.space.put(SIGSTRUCT, running.as_bytes());
        world.space.put(EMPTY, empty.as_bytes());
        world.collect_addresses();
        world
    }

    fn build(&mut self, next: &mut impl FnMut() -> EpcAddr) {
        let reg = SecInfo::new(PageType::Secs, SecInfoFlags::empty());
        let (running, built, array) = (next(), next(), next());
        let mut bare = Bare::new(&mut self.package, &mut self.kernel);
        let [sigstruct, _] = sigstructs();
        let hash = anyclave_crypto::sha256(&sigstruct.modulus);
        bare.wrmsr_lepubkeyhash(anyclave_arch::msr::lepubkeyhash_msrs(&hash)).expect("MSRs are writable");
        for (page, base) in [(running, RUNNING), (built, BUILT)] {
            bare.ecreate(page, &zerocopy::transmute!(secs(base)), &reg).expect("ECREATE");
        }
        bare.epa(array).expect("EPA");
        let mut mapped = Vec::new();
        for (offset, secinfo) in image() {
            let page = next();
            let at = RUNNING.offset(offset);
            bare.eadd(page, running, at, &contents(&secinfo), &secinfo).expect("EADD");
            mapped.push((at, page));
        }
        bare.einit(sigstruct, &EinitToken::new_zeroed(), running).expect("EINIT");
        for (at, page) in mapped {
            self.space.map(at, Target::Epc(page));
        }
    }

    /// Whatever an operand may name: EPC pages, places in ELRANGE, structures, and nonsense.
    fn collect_addresses(&mut self) {
        self.addresses.extend(pages().map(|page| Space::flat(page).0));
        self.addresses.extend((0..9).map(|page| RUNNING.0 + page * 4096));
        self.addresses.extend([0x4000, 0x4200, 0x4400, 0x4600].map(|offset| RUNNING.0 + offset));
        self.addresses.extend([BUILT.0, AEP, 0, 3, 1 << 47, u64::MAX]);
        let structures = [PAGEINFO, SECINFO, SOURCE, SIGSTRUCT, TOKEN, PCMD, RDINFO];
        self.addresses.extend(structures.map(|at| at.0));
    }

    /// Every so often, all that the package holds: contents, slots, versions, counters. It takes too long for each leaf.
    pub(super) fn sample(&mut self) -> Option<String> {
        self.executed += 1;
        self.executed.is_multiple_of(8).then(|| format!("{:?}", self.package))
    }

    /// The byte of the EPC behind an address, if there is one.
    pub(super) fn epc(&self, at: u64) -> Option<EpcAddr> {
        match self.space.look(Linear(at)) {
            Some(Target::Epc(page)) => Some(page),
            _ => None,
        }
    }

    /// The VA slot at an address of the EPC.
    pub(super) fn version(&mut self, slot: EpcAddr) -> u64 {
        let offset = usize::try_from(slot.page_offset() & !7).unwrap_or(0);
        let mut version = [0; 8];
        self.package.frames_mut().read(slot.page(), offset, &mut version);
        u64::from_le_bytes(version)
    }

    /// A thread outside of enclaves, with operands in its registers.
    pub(super) fn registers([rax, rbx, rcx, rdx]: [u64; 4]) -> Gprs {
        Gprs { rax, rbx, rcx, rdx, rip: ENCLU, rsp: 0x7fff_0000_1000, rflags: 0x202, ..Gprs::default() }
    }

    /// Registers of the kernel's side.
    pub(super) fn operands([rax, rbx, rcx, rdx]: [u64; 4]) -> EnclsRegisters {
        EnclsRegisters { rax, rbx, rcx, rdx, rflags: 2 }
    }
}
