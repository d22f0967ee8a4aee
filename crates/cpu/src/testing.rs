//! What the tests of this crate share: a machine with a small EPC and a flat address space.

mod enclave;
mod frames;
mod paging;
mod space;
mod thread;

use std::fmt::Debug;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyclave_arch::cpuid::SgxFeatures;
use anyclave_arch::{Encls, Enclv, EpcAddr, Flags, Linear, MiscSelect, Pfec, Vector};
use anyclave_trace::cause::{
    EaddCause, EaugCause, EdecvirtchildCause, EextendCause, EincvirtchildCause, EwbCause,
};
use anyclave_trace::{Cause, Outcome, Refusal};

pub(crate) use enclave::{
    Enclave, EnclaveSpec, PAGEINFO, PageOperands, PageSpec, SIGSTRUCT, SRCPGE, TOKEN, resign,
};
pub(crate) use frames::TestFrames;
pub(crate) use paging::{Outside, PCMD, output, slot};
pub(crate) use space::TestSpace;
pub(crate) use thread::{
    AEP, DATA, DATA2, ENCLU_LENGTH, ENCLU_RIP, EncluRow, SSA, Scene, TCS, enclu_refusals, registers,
};

use crate::config::{Config, Section};
use crate::encls::EnclsRegisters;
use crate::entropy::Entropy;
use crate::epcm::EpcmEntry;
use crate::exit::{Completion, Fault};
use crate::inject::Inject;
use crate::launch::LaunchControl;
use crate::locks::Lock;
use crate::package::Package;
use crate::processor::Processor;
use crate::state::rflags;
use crate::tracking::{Slot, Slots};
use crate::xsave::XsaveLayout;

/// The only EPC section of test machines: 256 pages.
pub(crate) const SECTION: Section = Section { base: 0x8000_0000, size: 0x10_0000 };

/// Bytes counting upwards: reproducible, and different every time.
#[derive(Debug, Default)]
pub(crate) struct TestEntropy(u8);

impl Entropy for TestEntropy {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.0 = self.0.wrapping_add(1);
            *byte = self.0;
        }
    }
}

/// SGX1 with flexible launch control, AVX and EXINFO.
pub(crate) fn config() -> Config {
    Config {
        sections: vec![SECTION],
        features: SgxFeatures::SGX1,
        attributes: Flags::DEBUG | Flags::MODE64BIT | Flags::PROVISIONKEY | Flags::EINITTOKENKEY,
        xfrm: 7,
        miscselect: MiscSelect::EXINFO,
        max_size_64: 36,
        max_size_32: 31,
        xcr0: 7,
        xsave: XsaveLayout::avx(),
        cpusvn: [2; 16],
        device_root: core::array::from_fn(|i| u8::try_from(i).unwrap()),
        seal_fuses: core::array::from_fn(|i| u8::try_from(i + 16).unwrap()),
        owner_epoch: [0x33; 16],
        launch_control: LaunchControl::Writable,
        inject: Inject::default(),
    }
}

/// A package, one logical processor, and an address space.
pub(crate) struct Machine {
    pub(crate) package: Package<TestFrames, TestEntropy>,
    pub(crate) processor: Processor,
    pub(crate) space: TestSpace,
    next_page: u64,
}

/// What a refused leaf must leave alone.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Snapshot {
    entries: Vec<EpcmEntry>,
    frames: TestFrames,
    space: TestSpace,
    processor: Processor,
    package: (u64, u64, [u64; 4], Slots),
}

impl Snapshot {
    /// Whether all but operands, which are put into memory before a leaf, and MSRs are the same.
    pub(crate) fn is_same_epc(&self, other: &Self) -> bool {
        let of =
            |snapshot: &Self| (snapshot.processor.clone(), snapshot.package.0, snapshot.package.3.clone());
        self.entries == other.entries && self.frames == other.frames && of(self) == of(other)
    }
}

impl Machine {
    pub(crate) fn new() -> Self {
        Self::with(config())
    }

    /// A processor with every leaf there is.
    pub(crate) fn full() -> Self {
        Self::with(Config { features: SgxFeatures::all(), ..config() })
    }

    pub(crate) fn with(config: Config) -> Self {
        Self {
            package: Package::new(config, TestFrames::default(), TestEntropy::default()),
            processor: Processor::default(),
            space: TestSpace::default(),
            next_page: 0,
        }
    }

    /// With these leaves.
    pub(crate) fn of(features: SgxFeatures) -> Self {
        Self::with(Config { features, ..config() })
    }

    /// An EPC page that no call has given before.
    pub(crate) fn free_page(&mut self) -> EpcAddr {
        let page = EpcAddr(SECTION.base + self.next_page * 4096);
        assert!(SECTION.contains(page.0), "the test needs a larger section");
        self.next_page += 1;
        page
    }

    /// Another processor holds a lock of the page at `at`, in the flat part of the address space.
    pub(crate) fn hold(&mut self, at: Linear, lock: Lock) {
        self.package.hold(EpcAddr(at.0.wrapping_sub(space::FLAT)), lock);
    }

    /// Makes a free page an empty version array.
    pub(crate) fn epa(&mut self) -> EpcAddr {
        let page = self.free_page();
        self.encls(Encls::Epa, [3, flat(page).0, 0]).assert_done();
        page
    }

    /// A logical processor enters the enclave of `secs`: its slot.
    pub(crate) fn enter(&mut self, secs: EpcAddr) -> usize {
        let secs = self.package.load_secs(secs);
        self.package.slots.enter(Slot { eid: secs.eid.get(), epoch: secs.epoch.get() })
    }

    /// Changes the entry of a page behind the processor's back.
    pub(crate) fn edit(&mut self, page: EpcAddr, edit: impl FnOnce(&mut EpcmEntry)) {
        let mut entry = self.package.epcm_entry(page);
        edit(&mut entry);
        self.package.set_entry(page, entry);
    }

    /// Executes ENCLS with RBX, RCX and RDX. All status flags are set before, so that clearing shows.
    pub(crate) fn encls(&mut self, leaf: Encls, [rbx, rcx, rdx]: [u64; 3]) -> Executed {
        let before =
            EnclsRegisters { rax: leaf as u64, rbx, rcx, rdx, rflags: rflags::STATUS | rflags::TF | 2 };
        let mut after = before;
        let result = self.package.encls(&mut self.processor, &mut self.space, &mut after);
        Executed { result, before, after }
    }

    /// The same for ENCLV.
    pub(crate) fn enclv(&mut self, leaf: Enclv, [rbx, rcx, rdx]: [u64; 3]) -> Executed {
        let before =
            EnclsRegisters { rax: leaf as u64, rbx, rcx, rdx, rflags: rflags::STATUS | rflags::TF | 2 };
        let mut after = before;
        let result = self.package.enclv(&mut self.processor, &mut self.space, &mut after);
        Executed { result, before, after }
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let pages = (SECTION.base..SECTION.base + SECTION.size).step_by(4096).map(EpcAddr);
        Snapshot {
            entries: pages.map(|page| self.package.epcm_entry(page)).collect(),
            frames: self.package.frames.clone(),
            space: self.space.clone(),
            processor: self.processor.clone(),
            package: (
                self.package.next_eid,
                self.package.paging.next_version(),
                self.package.lepubkeyhash,
                self.package.slots.clone(),
            ),
        }
    }
}

/// An ENCLS and what became of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Executed {
    pub(crate) result: Result<Completion, Fault>,
    pub(crate) before: EnclsRegisters,
    pub(crate) after: EnclsRegisters,
}

impl Executed {
    /// Asserts success of a leaf with a result in RAX.
    #[track_caller]
    pub(crate) fn assert_success(&self) {
        assert_eq!(self.result, Ok(Completion::Done));
        assert_eq!((self.after.rax, self.after.rflags), (0, rflags::TF | 2));
    }

    /// Asserts success of a leaf that leaves RAX and flags alone.
    #[track_caller]
    pub(crate) fn assert_done(&self) {
        assert_eq!(self.result, Ok(Completion::Done));
        assert_eq!(self.after, self.before);
    }

    /// The check that failed.
    pub(crate) fn refusal(&self) -> Option<Refusal> {
        match self.result {
            Ok(Completion::Code(refusal)) => Some(refusal),
            Ok(Completion::Done) => None,
            Err(fault) => fault.refusal,
        }
    }

    /// The address that a #PF for this cause is about; None where it is not in a register.
    fn operand(&self, cause: Cause) -> Option<u64> {
        match cause {
            Cause::Eextend(EextendCause::RbxNotEpc) => Some(self.before.rbx),
            Cause::Eadd(EaddCause::SecsNotEpc | EaddCause::SecsInvalid | EaddCause::SecsNotSecs)
            | Cause::Eaug(EaugCause::SecsNotEpc | EaugCause::SecsInvalid | EaugCause::SecsNotSecs) => None,
            Cause::Ewb(EwbCause::RdxNotEpc | EwbCause::VaInvalid | EwbCause::VaNotVa) => {
                Some(self.before.rdx)
            }
            Cause::Ewb(EwbCause::SrcpgeInEpc | EwbCause::PcmdInEpc) => None,
            Cause::Eldb(_) | Cause::Eldu(_) | Cause::Eldbc(_) | Cause::Elduc(_) => match cause.name() {
                "RdxNotEpc" | "VaInvalid" | "VaNotVa" => Some(self.before.rdx),
                "SecsNotEpc" | "SecsInvalid" | "SecsNotSecs" => None,
                _ => Some(self.before.rcx),
            },
            Cause::Edecvirtchild(EdecvirtchildCause::RcxNotEpc)
            | Cause::Eincvirtchild(EincvirtchildCause::RcxNotEpc) => Some(self.before.rcx),
            Cause::Edecvirtchild(_) | Cause::Eincvirtchild(_) => Some(self.before.rbx),
            _ => Some(self.before.rcx),
        }
    }

    /// Asserts that the leaf failed for this cause, with the cause's outcome in full.
    #[track_caller]
    pub(crate) fn assert_refused(&self, cause: impl Into<Cause>) {
        let cause = cause.into();
        let code = |code: u32, flag: u64| {
            let Ok(Completion::Code(refusal)) = self.result else { panic!("{cause:?}: {:?}", self.result) };
            assert_eq!(refusal.cause, cause);
            assert_eq!(self.after.rax, u64::from(code), "{cause:?}");
            assert_eq!(self.after.rflags, rflags::TF | 2 | flag, "{cause:?}");
        };
        let fault = |vector, pfec: Pfec| {
            let Err(fault) = self.result else { panic!("{cause:?}: {:?}", self.result) };
            assert_eq!(fault.refusal.map(|refusal| refusal.cause), Some(cause));
            assert_eq!((fault.vector, fault.code), (vector, pfec.bits()), "{cause:?}");
            match self.operand(cause) {
                _ if vector != Vector::Pf => assert_eq!(fault.address, None, "{cause:?}"),
                Some(operand) => assert_eq!(fault.address, Some(Linear(operand)), "{cause:?}"),
                None => assert!(fault.address.is_some(), "{cause:?}"),
            }
            assert_eq!(self.after, self.before, "{cause:?}");
        };
        match cause.outcome() {
            Outcome::Ud => fault(Vector::Ud, Pfec::empty()),
            Outcome::Gp => fault(Vector::Gp, Pfec::empty()),
            Outcome::PfRead => fault(Vector::Pf, Pfec::P | Pfec::SGX),
            Outcome::PfWrite => fault(Vector::Pf, Pfec::P | Pfec::SGX | Pfec::W),
            Outcome::Zf(error) => code(error.code(), rflags::ZF),
            Outcome::Cf(error) => code(error.code(), rflags::CF),
        }
    }
}

/// A machine that is about to execute a leaf, and the operands.
pub(crate) trait EnclsScene {
    fn machine(&mut self) -> &mut Machine;
    /// Puts operands into memory.
    fn place(&mut self);
    /// Executes the leaf.
    fn execute(&mut self) -> Executed;
}

/// A cause, and what damages a valid scene so that it is reached.
pub(crate) type Row<C, T> = (C, fn(&mut T));

/// Runs a table of refusals: `setup` makes a valid scene, a row damages it, the leaf must then fail for the
/// row's cause and change nothing. The rows must reach every cause in `all`. Of two damages at once, the one
/// whose check comes first must show.
#[track_caller]
pub(crate) fn refusals<C, T>(all: &[C], setup: impl Fn() -> T, rows: &[Row<C, T>])
where
    C: Copy + Debug + PartialEq + Into<Cause>,
    T: EnclsScene,
{
    refusals_but(all, setup, rows, &[]);
}

/// The same, where the damages for the causes in `alone` do not go together with those of the row that follows.
#[track_caller]
pub(crate) fn refusals_but<C, T>(all: &[C], setup: impl Fn() -> T, rows: &[Row<C, T>], alone: &[C])
where
    C: Copy + Debug + PartialEq + Into<Cause>,
    T: EnclsScene,
{
    for (cause, damage) in rows {
        let mut scene = setup();
        damage(&mut scene);
        scene.place();
        let before = scene.machine().snapshot();
        scene.execute().assert_refused(*cause);
        assert!(before == scene.machine().snapshot(), "{cause:?} changed the machine");
    }
    let pairs = rows.array_windows().filter(|[(first, _), _]| !alone.contains(first));
    for [(first, damage_first), (second, damage_second)] in pairs {
        let mut scene = setup();
        damage_second(&mut scene);
        damage_first(&mut scene);
        scene.place();
        let refusal = scene.execute().refusal();
        assert_in_order(all, refusal, *first, *second);
    }
    let missing: Vec<_> = all.iter().filter(|cause| !rows.iter().any(|(row, _)| row == *cause)).collect();
    assert!(missing.is_empty(), "no row reaches {missing:?}");
}

/// Asserts that a leaf with two damages failed at the check of `first`, or at one before it that the second
/// damage brought about.
#[track_caller]
pub(crate) fn assert_in_order<C: Copy + Debug + PartialEq + Into<Cause>>(
    all: &[C],
    refusal: Option<Refusal>,
    first: C,
    second: C,
) {
    let index = |cause: Cause| all.iter().position(|other| (*other).into() == cause);
    let found = refusal.and_then(|refusal| index(refusal.cause));
    assert!(found.is_some() && found <= index(first.into()), "{first:?} and {second:?}: {refusal:?}");
}

/// Bytes written as hexadecimal digits.
pub(crate) fn hex<const N: usize>(text: &str) -> [u8; N] {
    assert_eq!(text.len(), 2 * N);
    core::array::from_fn(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
}

/// A file made by others, from the folder named by ANYCLAVE_VECTORS or from `shared/vectors` beside the
/// workspace. None, said aloud, where that folder is absent; a folder without the file fails.
pub(crate) fn vector(test: &str, name: &str) -> Option<Vec<u8>> {
    let folder = std::env::var_os("ANYCLAVE_VECTORS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors"), PathBuf::from);
    if !folder.is_dir() {
        // past the capture of the test harness, which hides what a passing test prints
        let _ = writeln!(std::io::stderr(), "skipped: {test}: {} is absent", folder.display());
        return None;
    }
    Some(std::fs::read(folder.join(name)).unwrap())
}

/// Linear address of an EPC page in the flat part of [`TestSpace`].
pub(crate) fn flat(at: EpcAddr) -> Linear {
    Linear(space::FLAT + at.0)
}
