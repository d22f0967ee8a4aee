//! Entries and exits of three logical processors on two threads of one enclave, in any order, against a model
//! of who is where.

use anyclave_arch::{Encls, Enclu, PageType, SecInfo, SecInfoFlags, Tcs, Vector};
use proptest::prelude::*;
use zerocopy::FromZeros;

use crate::aex::Event;
use crate::exit::Completion;
use crate::processor::Processor;
use crate::state::State;
use crate::testing::{AEP, ENCLU_LENGTH, EnclaveSpec, Machine, PageSpec, Scene, flat, registers};

const PROCESSORS: usize = 3;
/// Offsets of the TCSs and of their first SSA frames; each has two frames.
const THREADS: [(u64, u64); 2] = [(0, 0x2000), (0x6000, 0x7000)];
const FRAMES: usize = 2;
/// Offset of R15 in the page of a frame.
const R15: u64 = 4096 - 184 + 120;

#[derive(Clone, Copy, Debug)]
enum Action {
    Enter {
        thread: usize,
    },
    Resume {
        thread: usize,
    },
    Exit,
    Interrupt {
        r15: u64,
    },
    Except {
        r15: u64,
    },
    Abandon,
    /// The kernel tries to free the page of a TCS.
    Remove {
        thread: usize,
    },
}

fn actions() -> impl Strategy<Value = (usize, Action)> {
    let thread = || 0..THREADS.len();
    let action = prop_oneof![
        3 => thread().prop_map(|thread| Action::Enter { thread }),
        3 => thread().prop_map(|thread| Action::Resume { thread }),
        2 => Just(Action::Exit),
        2 => any::<u64>().prop_map(|r15| Action::Interrupt { r15 }),
        2 => any::<u64>().prop_map(|r15| Action::Except { r15 }),
        1 => Just(Action::Abandon),
        1 => thread().prop_map(|thread| Action::Remove { thread }),
    ];
    (0..PROCESSORS, action)
}

/// A thread of the enclave: who executes it, and what R15 was at each interruption; `None` where it is lost.
#[derive(Clone, Debug, Default)]
struct Thread {
    executed: bool,
    interrupted: Vec<Option<u64>>,
}

/// The machine, with registers of each processor and the thread each is in.
struct Sides {
    scene: Scene,
    processors: [(Processor, State, Option<usize>); PROCESSORS],
    threads: [Thread; THREADS.len()],
}

impl Sides {
    fn new() -> Self {
        let mut spec = EnclaveSpec::default();
        let tcs = Tcs { ossa: 0x7000.into(), nssa: 2.into(), oentry: 0x1000.into(), ..Tcs::new_zeroed() };
        let page = |offset, page_type, flags, data| PageSpec {
            offset,
            secinfo: SecInfo::new(page_type, flags),
            data: Box::new(data),
        };
        let rw = SecInfoFlags::R | SecInfoFlags::W;
        spec.pages.push(page(0x6000, PageType::Tcs, SecInfoFlags::empty(), zerocopy::transmute!(tcs)));
        spec.pages.extend([0x7000, 0x8000].map(|offset| page(offset, PageType::Reg, rw, [0; 4096])));
        Self {
            scene: Scene::with(Machine::new(), &spec),
            processors: core::array::from_fn(|_| (Processor::default(), registers(), None)),
            threads: Default::default(),
        }
    }

    /// Executes ENCLU; true if it succeeded. If not, registers and machine are as before.
    fn enclu(&mut self, number: usize, leaf: Enclu, thread: usize) -> bool {
        let at = self.scene.enclave.at(THREADS[thread].0).0;
        let (processor, state, _) = &mut self.processors[number];
        (state.gprs.rax, state.gprs.rbx, state.gprs.rcx) = (leaf as u64, at, AEP);
        let before = (processor.clone(), state.clone(), self.scene.machine.snapshot());
        let Machine { package, space, .. } = &mut self.scene.machine;
        let done = package.enclu(processor, space, state, ENCLU_LENGTH) == Ok(Completion::Done);
        if !done {
            let after = (processor.clone(), state.clone(), self.scene.machine.snapshot());
            assert!(before == after, "{leaf:?} failed and changed something");
        }
        done
    }

    fn aex(&mut self, number: usize, event: Event, r15: u64) {
        let (processor, state, thread) = &mut self.processors[number];
        state.gprs.r15 = r15;
        self.scene.machine.package.aex(processor, state, event);
        if let Some(thread) = thread.take() {
            assert_eq!((state.gprs.r15, state.gprs.rip), (0, AEP));
            self.threads[thread].executed = false;
            self.threads[thread].interrupted.push(Some(r15));
        }
    }

    fn run(&mut self, number: usize, action: Action) {
        let inside = self.processors[number].2;
        match action {
            Action::Enter { thread } => {
                let Thread { executed, interrupted } = &self.threads[thread];
                let expected = inside.is_none() && !executed && interrupted.len() < FRAMES;
                assert_eq!(self.enclu(number, Enclu::Eenter, thread), expected);
                if expected {
                    assert_eq!(
                        self.processors[number].1.gprs.rax,
                        self.threads[thread].interrupted.len() as u64
                    );
                    self.processors[number].2 = Some(thread);
                    self.threads[thread].executed = true;
                }
            }
            Action::Resume { thread } => {
                let Thread { executed, interrupted } = &self.threads[thread];
                let expected = inside.is_none() && !executed && !interrupted.is_empty();
                assert_eq!(self.enclu(number, Enclu::Eresume, thread), expected);
                if expected {
                    self.processors[number].2 = Some(thread);
                    self.threads[thread].executed = true;
                    if let Some(Some(r15)) = self.threads[thread].interrupted.pop() {
                        assert_eq!(self.processors[number].1.gprs.r15, r15);
                    }
                }
            }
            Action::Exit => {
                assert_eq!(self.enclu(number, Enclu::Eexit, 0), inside.is_some());
                if let Some(thread) = self.processors[number].2.take() {
                    self.threads[thread].executed = false;
                }
            }
            Action::Interrupt { r15 } => self.aex(number, Event::INTERRUPT, r15),
            Action::Except { r15 } => {
                self.aex(number, Event { vector: Some(Vector::Ud), ..Event::default() }, r15);
            }
            Action::Abandon => {
                let (processor, _, thread) = &mut self.processors[number];
                self.scene.machine.package.abandon(processor);
                if let Some(thread) = thread.take() {
                    self.threads[thread].executed = false;
                    self.threads[thread].interrupted.push(None);
                }
            }
            Action::Remove { thread } => {
                // only asked while somebody is inside: it must then be refused
                if self.threads.iter().any(|thread| thread.executed) {
                    let page = flat(self.scene.enclave.page(THREADS[thread].0));
                    let executed = self.scene.machine.encls(Encls::Eremove, [0, page.0, 0]);
                    assert_eq!(executed.after.rax, 14);
                }
            }
        }
    }

    fn compare(&mut self) {
        let eid = self.scene.machine.secs(self.scene.enclave.secs).eid.get();
        let inside = self.threads.iter().filter(|thread| thread.executed).count();
        assert_eq!(self.scene.machine.package.slots.inside(eid), inside);
        for (processor, _, thread) in &self.processors {
            let tcs = thread.map(|thread| self.scene.enclave.page(THREADS[thread].0));
            assert_eq!(processor.mode.as_ref().map(|mode| mode.tcs), tcs);
        }
        for ((at, ssa), Thread { executed, interrupted }) in THREADS.into_iter().zip(self.threads.clone()) {
            let tcs: Tcs = self.scene.peek(at);
            assert_eq!(tcs.state.get(), u64::from(executed));
            assert_eq!(usize::try_from(tcs.cssa.get()), Ok(interrupted.len()));
            for (frame, r15) in (0..).zip(interrupted) {
                let found = self.scene.peek::<[u8; 8]>(ssa + frame * 4096 + R15);
                assert!(r15.is_none_or(|r15| found == r15.to_le_bytes()), "frame {frame}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn threads_are_where_the_model_says(actions in prop::collection::vec(actions(), 1..60)) {
        let mut sides = Sides::new();
        for (processor, action) in actions {
            sides.run(processor, action);
            sides.compare();
        }
    }
}
