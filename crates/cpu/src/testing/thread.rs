//! A thread that uses an enclave through ENCLU.

use core::fmt::Debug;

use anyclave_arch::cpuid::SgxFeatures;
use anyclave_arch::ssa::GprSgx;
use anyclave_arch::{Enclu, EpcAddr, Flags, Linear, Pfec, Tcs, Vector};
use anyclave_trace::{Cause, Outcome};
use zerocopy::{FromBytes, IntoBytes};

use super::{Enclave, EnclaveSpec, Machine, assert_in_order, config};
use crate::aex::Event;
use crate::config::Config;
use crate::epcm::EpcmEntry;
use crate::exit::{Completion, Fault};
use crate::ssa::GPRSGX;
use crate::state::{Gprs, State, rflags};
use crate::xsave::{XSTATE_BV, XsaveArea};

/// Where ENCLU stands outside the enclave. It is four bytes long: it has a REX prefix.
pub(crate) const ENCLU_RIP: u64 = 0x40_1000;
/// See [`ENCLU_RIP`].
pub(crate) const ENCLU_LENGTH: u64 = 4;
/// The AEP of test threads.
pub(crate) const AEP: u64 = 0x40_2000;

/// Offset of the TCS, the first SSA frame, and two data pages in the enclave of [`EnclaveSpec::default`].
pub(crate) const TCS: u64 = 0;
pub(crate) const SSA: u64 = 0x2000;
pub(crate) const DATA: u64 = 0x4000;
pub(crate) const DATA2: u64 = 0x5000;

/// A machine with one enclave and one thread.
pub(crate) struct Scene {
    pub(crate) machine: Machine,
    pub(crate) enclave: Enclave,
    pub(crate) state: State,
}

/// Registers with a different value each.
pub(crate) fn registers() -> State {
    let mut xsave: Vec<u8> = (0..832_u32).map(|index| index.to_le_bytes()[0] | 1).collect();
    xsave[24..28].copy_from_slice(&0x1fa0_u32.to_le_bytes());
    xsave[512..576].fill(0);
    xsave[XSTATE_BV] = 7;
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
        rflags: rflags::STATUS | rflags::IF | 2,
    };
    State { gprs, fs_base: 0x7f00_0000_0000, gs_base: 0x7f00_0000_1000, xsave: XsaveArea(xsave) }
}

impl Scene {
    /// The thread is outside, its operands are those of an EENTER.
    pub(crate) fn new() -> Self {
        Self::with(Machine::new(), &EnclaveSpec::default())
    }

    pub(crate) fn with(mut machine: Machine, spec: &EnclaveSpec) -> Self {
        let enclave = machine.launch(spec);
        let mut scene = Self { machine, enclave, state: registers() };
        scene.aim();
        scene
    }

    /// RBX and RCX as EENTER and ERESUME want them.
    pub(crate) fn aim(&mut self) {
        self.state.gprs.rbx = self.enclave.at(TCS).0;
        self.state.gprs.rcx = AEP;
    }

    /// The thread is inside, at the entry point.
    pub(crate) fn inside() -> Self {
        let mut scene = Self::new();
        scene.enter();
        scene
    }

    /// The thread is inside, on a processor with all leaves of SGX2, EDECCSSA and AEX-Notify.
    pub(crate) fn inside_newer() -> Self {
        let config = config();
        let features = SgxFeatures::SGX1 | SgxFeatures::SGX2 | SgxFeatures::EDECCSSA;
        let machine =
            Machine::with(Config { features, attributes: config.attributes | Flags::AEXNOTIFY, ..config });
        let mut scene = Self::with(machine, &EnclaveSpec::default());
        scene.enter();
        scene
    }

    /// Executes ENCLU.
    pub(crate) fn enclu(&mut self, leaf: Enclu) -> Result<Completion, Fault> {
        self.state.gprs.rax = leaf as u64;
        let Machine { package, processor, space, .. } = &mut self.machine;
        package.enclu(processor, space, &mut self.state, ENCLU_LENGTH)
    }

    /// EENTER that succeeds.
    #[track_caller]
    pub(crate) fn enter(&mut self) {
        self.aim();
        assert_eq!(self.enclu(Enclu::Eenter), Ok(Completion::Done));
        assert!(self.machine.processor.inside());
    }

    /// ERESUME that succeeds.
    #[track_caller]
    pub(crate) fn resume(&mut self) {
        self.aim();
        assert_eq!(self.enclu(Enclu::Eresume), Ok(Completion::Done));
        assert!(self.machine.processor.inside());
    }

    /// An asynchronous exit.
    pub(crate) fn aex(&mut self, event: Event) -> Event {
        self.machine.package.aex(&mut self.machine.processor, &mut self.state, event)
    }

    /// An asynchronous exit by an exception without error code.
    pub(crate) fn exception(&mut self, vector: Vector) {
        self.aex(Event { vector: Some(vector), ..Event::default() });
    }

    /// The EPC address at an offset in ELRANGE.
    pub(crate) fn epc(&self, offset: u64) -> EpcAddr {
        EpcAddr(self.enclave.page(offset & !0xfff).0 + (offset & 0xfff))
    }

    /// Takes a structure out of the enclave.
    pub(crate) fn peek<T: FromBytes + IntoBytes>(&mut self, offset: u64) -> T {
        let at = self.epc(offset);
        self.machine.package.read_epc(at)
    }

    /// Puts bytes into the enclave.
    pub(crate) fn poke(&mut self, offset: u64, value: &(impl IntoBytes + zerocopy::Immutable + ?Sized)) {
        let at = self.epc(offset);
        self.machine.poke(at, value);
    }

    pub(crate) fn tcs(&mut self) -> Tcs {
        self.peek(TCS)
    }

    /// GPRSGX of SSA frame `index`, of a page each.
    pub(crate) fn gprsgx(&mut self, index: u64) -> GprSgx {
        self.peek(SSA + index * 4096 + u64::try_from(GPRSGX).unwrap())
    }

    /// Damages the EPCM entry of the page at an offset.
    pub(crate) fn entry(&mut self, offset: u64, damage: impl Fn(&mut EpcmEntry)) {
        let page = self.enclave.page(offset);
        let mut entry = self.machine.package.epcm.entry(page);
        damage(&mut entry);
        self.machine.package.epcm.set(page, entry);
    }

    /// Puts ordinary memory in the place of an EPC page.
    pub(crate) fn make_ordinary(&mut self, offset: u64) {
        let at = self.enclave.at(offset);
        self.machine.space.unmap(at);
        self.machine.space.put(at, &[0_u8; 4096]);
    }

    /// Where a #PF for this cause points: the operand, or the first page of an SSA frame.
    fn fault_address(&self, leaf: Enclu, cause: Cause) -> Linear {
        let gprs = &self.state.gprs;
        let of = |operand: &str| cause.name().starts_with(operand);
        if of("Ssa") {
            self.enclave.at(SSA)
        } else if of("HandlerSsa") {
            self.enclave.at(SSA + 0x1000)
        } else if of("Reportdata")
            || of("Page")
            || of("Target") && leaf == Enclu::Eacceptcopy
            || of("Output") && leaf == Enclu::Egetkey
        {
            Linear(gprs.rcx)
        } else if of("Output") || of("Source") {
            Linear(gprs.rdx)
        } else {
            Linear(gprs.rbx)
        }
    }

    /// Executes ENCLU, which must fail for this cause with its outcome in full and change nothing else.
    #[track_caller]
    pub(crate) fn assert_refused(&mut self, leaf: Enclu, cause: impl Into<Cause>) {
        let cause = cause.into();
        self.state.gprs.rax = leaf as u64;
        let (before, machine) = (self.state.clone(), self.machine.snapshot());
        let result = self.enclu(leaf);
        let fault = |vector, pfec: Pfec| {
            let Err(fault) = result else { panic!("{cause:?}: {result:?}") };
            let refusal = fault.refusal.expect("a check failed");
            assert_eq!(refusal.cause, cause);
            let address = (vector == Vector::Pf).then(|| self.fault_address(leaf, cause));
            assert_eq!(
                (fault.vector, fault.code, fault.address),
                (vector, pfec.bits(), address),
                "{cause:?}"
            );
            assert!(self.state == before, "{cause:?} changed a register");
        };
        match cause.outcome() {
            Outcome::Gp => fault(Vector::Gp, Pfec::empty()),
            Outcome::PfRead => fault(Vector::Pf, Pfec::P | Pfec::SGX | Pfec::U),
            Outcome::PfWrite => fault(Vector::Pf, Pfec::P | Pfec::SGX | Pfec::U | Pfec::W),
            Outcome::Zf(error) => {
                let Ok(Completion::Code(refusal)) = result else { panic!("{cause:?}: {result:?}") };
                assert_eq!(refusal.cause, cause);
                let mut after = before;
                after.gprs.rax = error.code().into();
                after.gprs.rip += ENCLU_LENGTH;
                after.gprs.rflags = after.gprs.rflags & !rflags::STATUS | rflags::ZF;
                assert_eq!(self.state, after, "{cause:?}");
            }
            Outcome::Ud | Outcome::Cf(_) => panic!("no leaf of ENCLU ends so"),
        }
        assert!(self.machine.snapshot() == machine, "{cause:?} changed the machine");
    }
}

/// A cause and how a scene is damaged so that it is met.
pub(crate) type EncluRow<C> = (C, fn(&mut Scene));

/// Runs a table of refusals of one leaf, whose rows must reach every cause in `all`. Of two damages at once, the
/// one whose check comes first must show.
#[track_caller]
pub(crate) fn enclu_refusals<C: Copy + Debug + PartialEq + Into<Cause>>(
    all: &[C],
    leaf: Enclu,
    setup: fn() -> Scene,
    rows: &[EncluRow<C>],
) {
    for (cause, damage) in rows {
        let mut scene = setup();
        damage(&mut scene);
        scene.assert_refused(leaf, *cause);
    }
    for [(first, damage_first), (second, damage_second)] in rows.array_windows() {
        let mut scene = setup();
        damage_second(&mut scene);
        damage_first(&mut scene);
        let refusal = match scene.enclu(leaf) {
            Ok(Completion::Code(refusal)) => Some(refusal),
            Ok(Completion::Done) => None,
            Err(fault) => fault.refusal,
        };
        assert_in_order(all, refusal, *first, *second);
    }
    let missing: Vec<_> = all.iter().filter(|cause| !rows.iter().any(|(row, _)| row == *cause)).collect();
    assert!(missing.is_empty(), "no row reaches {missing:?}");
}
