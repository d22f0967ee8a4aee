//! The kernel at work on the page.

use super::{Acceptance, Fault, Job, Leaves, Machine, Right, Setup, Thread, Venue};

/// A step of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// Begins: page faults wait from here on.
    Lock,
    /// Takes the right to write from an address space.
    Protect(usize),
    /// EBLOCK.
    Eblock,
    /// EMODPR to read-only.
    Emodpr,
    /// EMODT to TRIM.
    Emodt,
    /// In homes: punches the hole that the page leaves.
    Punch,
    /// ETRACK.
    Etrack,
    /// Looks who is inside.
    Mask,
    /// Sends an interrupt to those.
    Kick,
    /// Waits until they have left.
    Await,
    /// EWB.
    Ewb,
    /// Ends: page faults are handled again.
    Unlock,
    /// Brings the page back if nobody has: ELDU.
    Reload,
    /// Waits for the EACCEPT.
    AwaitAccept,
    /// EREMOVE.
    Eremove,
}

/// The kernel's processor.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Kernel {
    /// What is left to do, the next at the end.
    left: Vec<Op>,
    /// Who was inside when it was looked.
    mask: Vec<bool>,
    busy: bool,
    /// Refusals are in order.
    probes: bool,
}

impl Kernel {
    pub(super) fn new(setup: &Setup) -> Self {
        let mut left = operations(setup);
        left.reverse();
        let probes = matches!(setup.job, Job::Probe(_));
        Self { left, mask: vec![false; setup.threads], busy: false, probes }
    }

    /// Whether page faults wait.
    pub(super) const fn is_busy(&self) -> bool {
        self.busy
    }

    /// Whether all is done that an EACCEPT needs.
    pub(super) fn is_through(&self) -> bool {
        !self.busy && !self.left.contains(&Op::Lock)
    }

    pub(super) const fn is_done(&self) -> bool {
        self.left.is_empty()
    }

    pub(super) fn is_ready(&self, threads: &[Thread], accepted: Option<Acceptance>) -> bool {
        match self.left.last() {
            None => false,
            Some(Op::Await) => threads.iter().all(|thread| !thread.kicked),
            Some(Op::AwaitAccept) => accepted.is_some(),
            Some(_) => true,
        }
    }

    /// The next step in words.
    pub(super) fn tell<L: Leaves>(&self, after: &Machine<L>) -> String {
        let numbers = |chosen: &dyn Fn(&Thread) -> bool| {
            let numbers =
                after.threads.iter().filter(|thread| chosen(thread)).map(|thread| thread.number.to_string());
            let numbers: Vec<_> = numbers.collect();
            if numbers.is_empty() { "nobody".to_owned() } else { format!("thread {}", numbers.join(", ")) }
        };
        match self.left.last() {
            None => String::new(),
            Some(Op::Lock) => "begins, page faults wait".to_owned(),
            Some(Op::Protect(mm)) => format!("write-protects mm {mm}"),
            Some(Op::Eblock) => "EBLOCK".to_owned(),
            Some(Op::Emodpr) => "EMODPR to read-only".to_owned(),
            Some(Op::Emodt) => "EMODT to TRIM".to_owned(),
            Some(Op::Punch) => "punches the hole".to_owned(),
            Some(Op::Etrack) => "ETRACK".to_owned(),
            Some(Op::Mask) => format!("sees inside: {}", numbers(&|thread| after.kernel.mask[thread.number])),
            Some(Op::Kick) => format!("kicks {}", numbers(&|thread| thread.kicked)),
            Some(Op::Await) => "all who were kicked have left".to_owned(),
            Some(Op::Ewb) => "EWB".to_owned(),
            Some(Op::Unlock) => "ends".to_owned(),
            Some(Op::Reload) if after.last.is_some() => "ELDU".to_owned(),
            Some(Op::Reload) => "the page is back".to_owned(),
            Some(Op::AwaitAccept) => "sees the EACCEPT".to_owned(),
            Some(Op::Eremove) => "EREMOVE".to_owned(),
        }
    }
}

impl<L: Leaves> Machine<L> {
    /// The kernel's next step.
    pub(super) fn operate(&mut self) {
        let Some(op) = self.kernel.left.pop() else { return };
        match op {
            Op::Lock => self.kernel.busy = true,
            Op::Unlock => self.kernel.busy = false,
            Op::Protect(mm) => self.mms[mm] = Right::Protected,
            Op::Punch if self.leaves.lingers() => self.leaves.punch(),
            Op::Mask => {
                self.kernel.mask = self.threads.iter().map(Thread::is_inside).collect();
            }
            Op::Kick => {
                for (thread, chosen) in self.threads.iter_mut().zip(&self.kernel.mask) {
                    thread.kicked = *chosen && thread.is_inside();
                }
                self.kernel.mask.fill(false);
            }
            Op::Punch | Op::Await | Op::AwaitAccept => {}
            Op::Reload => self.reload(),
            Op::Etrack => {
                let due = self.due_etrack();
                let answer = self.leaves.etrack();
                if self.answered(answer, due, "ETRACK", !self.kernel.probes) {
                    self.ghost.etracks += 1;
                }
            }
            Op::Eblock | Op::Emodpr | Op::Emodt | Op::Ewb | Op::Eremove => self.operate_on_page(op),
        }
    }

    /// A leaf on the page, wherever it is. If it is nowhere, a thread that removed it is to blame.
    fn operate_on_page(&mut self, op: Op) {
        let must = !self.kernel.probes;
        let Some(frame) = self.resident() else {
            if must {
                self.broken = Some(format!("the page has gone before {op:?}"));
            }
            return;
        };
        let (due, answer) = match op {
            Op::Eblock => (self.due_eblock(frame), self.leaves.eblock(frame)),
            Op::Emodpr => (self.due_emodpr(frame), self.leaves.emodpr(frame)),
            Op::Emodt => (self.due_emodt(frame), self.leaves.emodt(frame)),
            Op::Ewb => (self.due_ewb(frame), self.leaves.ewb(frame)),
            _ => (self.due_eremove(frame), self.leaves.eremove(frame)),
        };
        let name = format!("{op:?}").to_uppercase();
        if !self.answered(answer, due, &name, must) {
            return;
        }
        match op {
            Op::Ewb => self.ghost.evicted = true,
            Op::Eremove => {}
            _ => self.ghost.marked(frame),
        }
    }
}

/// The job as steps, with the fault.
fn operations(setup: &Setup) -> Vec<Op> {
    let fault = setup.fault;
    let change = match setup.job {
        Job::Evict(_) => Op::Eblock,
        Job::Restrict => Op::Emodpr,
        Job::Trim => Op::Emodt,
        Job::Probe(ref operations) => return operations.clone(),
    };
    let kept = usize::from(fault == Some(Fault::SkipOneMm));
    let protects = (0..setup.mms - kept).map(Op::Protect);
    let punch = (setup.venue == Venue::Homes).then_some(Op::Punch);
    let moves = [change].into_iter().chain(punch);
    let mut once = vec![Op::Lock];
    match fault {
        Some(Fault::ReadWhileWritable) => once.extend(moves.chain(protects)),
        _ => once.extend(protects.chain(moves)),
    }
    match fault {
        Some(Fault::MaskBeforeEtrack) => once.extend([Op::Mask, Op::Etrack]),
        _ => once.extend([Op::Etrack, Op::Mask]),
    }
    once.extend([Op::Kick, Op::Await]);
    let left_out = match fault {
        Some(Fault::NoEblock) => Some(Op::Eblock),
        Some(Fault::NoEtrack) => Some(Op::Etrack),
        Some(Fault::NoKick) => Some(Op::Kick),
        Some(Fault::NoWait) => Some(Op::Await),
        _ => None,
    };
    once.retain(|op| Some(*op) != left_out);
    if fault == Some(Fault::EtrackFirst) {
        once.retain(|op| *op != Op::Etrack);
        once.insert(1, Op::Etrack);
    }
    match setup.job {
        Job::Evict(times) => {
            once.extend([Op::Ewb, Op::Unlock, Op::Reload]);
            once.repeat(times.into())
        }
        Job::Trim => {
            once.push(Op::Unlock);
            once.extend((fault != Some(Fault::NoAccept)).then_some(Op::AwaitAccept));
            once.push(Op::Eremove);
            once
        }
        Job::Restrict | Job::Probe(_) => {
            once.push(Op::Unlock);
            once
        }
    }
}
