//! A thread of a program: enters, stores, exits, and faults.

use super::{Acceptance, Answer, Job, Leaves, Machine, Right, Setup, Venue};

/// A thread.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Thread {
    pub(super) number: usize,
    pub(super) mm: usize,
    at: At,
    /// Entries it will still make.
    rounds: u8,
    /// Stores of each round, and those left in this one.
    stores: u8,
    stores_left: u8,
    /// What it is to accept, and whether it has tried in vain.
    task: Option<Acceptance>,
    tried: bool,
    /// On silicon: the frame to which the processor has a translation for writing.
    pub(super) translation: Option<usize>,
    /// An interrupt is on its way.
    pub(super) kicked: bool,
    /// ETRACKs that had succeeded at its entry.
    pub(super) entered: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum At {
    Outside,
    Inside,
    /// After an asynchronous exit.
    Interrupted,
    /// After one by a page fault: the kernel has to be asked.
    Faulted,
    /// Killed by a page fault that the kernel cannot resolve.
    Ended,
}

/// What a thread does in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// EENTER or ERESUME.
    Enter,
    /// The next store, with all that the processor does for it: one step in homes and two on silicon, the first of
    /// which fills the translation.
    Store,
    /// EACCEPT.
    Accept,
    /// EEXIT.
    Exit,
    /// The interrupt arrives.
    Interrupt,
    /// The kernel handles the page fault.
    HandleFault,
}

impl Thread {
    pub(super) fn new(number: usize, setup: &Setup) -> Self {
        let task = match setup.job {
            Job::Restrict if number == 0 => Some(Acceptance::ReadOnly),
            Job::Trim if number == 0 => Some(Acceptance::Trim),
            _ => None,
        };
        Self {
            number,
            mm: number % setup.mms,
            at: At::Outside,
            rounds: setup.rounds,
            // who gives a right up does not use it any more
            stores: if task.is_some() { 0 } else { setup.stores },
            stores_left: 0,
            task,
            tried: false,
            translation: None,
            kicked: false,
            entered: 0,
        }
    }

    pub(super) fn is_inside(&self) -> bool {
        self.at == At::Inside
    }

    pub(super) fn is_done(&self) -> bool {
        self.at == At::Ended || self.at == At::Outside && self.rounds == 0
    }

    /// What it can do now. `busy`: the kernel is at work on the page, so that faults wait; `through`: it has done
    /// all that an EACCEPT needs.
    pub(super) fn acts(&self, busy: bool, through: bool) -> Vec<Act> {
        let mut acts = Vec::new();
        match self.at {
            At::Outside if self.rounds > 0 => acts.push(Act::Enter),
            At::Interrupted => acts.push(Act::Enter),
            At::Inside if self.stores_left > 0 => acts.push(Act::Store),
            // once too early, and once when it must succeed
            At::Inside if self.task.is_some() => {
                if !self.tried || through {
                    acts.push(Act::Accept);
                }
            }
            At::Inside => acts.push(Act::Exit),
            At::Faulted if !busy => acts.push(Act::HandleFault),
            At::Outside | At::Faulted | At::Ended => {}
        }
        if self.at == At::Inside && self.kicked {
            acts.push(Act::Interrupt);
        }
        acts
    }

    /// Leaves the enclave: translations are forgotten, and an interrupt that was on its way has arrived.
    const fn leave(&mut self, to: At) {
        self.at = to;
        self.translation = None;
        self.kicked = false;
    }

    /// A step in words.
    pub(super) fn tell<L: Leaves>(before: &Self, act: Act, after: &Machine<L>) -> String {
        let now = &after.threads[before.number];
        match (act, now.at) {
            (Act::Enter, _) if before.at == At::Outside => "EENTER".to_owned(),
            (Act::Enter, _) => "ERESUME".to_owned(),
            (Act::Store, At::Faulted) => "stores: page fault, AEX".to_owned(),
            (Act::Store, _) if now.translation != before.translation => "fills the translation".to_owned(),
            (Act::Store, _) => format!("stores {}", after.ghost.stored),
            (Act::Accept, _) => "EACCEPT".to_owned(),
            (Act::Exit, _) => "EEXIT".to_owned(),
            (Act::Interrupt, _) => "interrupt, AEX".to_owned(),
            (Act::HandleFault, At::Ended) => "the fault ends the thread".to_owned(),
            (Act::HandleFault, _) if after.last.is_some() => "the fault is handled: ELDU, mapped".to_owned(),
            (Act::HandleFault, _) => "the fault is handled: mapped".to_owned(),
        }
    }
}

impl<L: Leaves> Machine<L> {
    /// A thread's step.
    pub(super) fn act(&mut self, number: usize, act: Act) {
        match act {
            Act::Enter => self.enter(number),
            Act::Store => self.store(number),
            Act::Accept => self.accept(number),
            Act::Exit => {
                let answer = self.leaves.exit(number);
                self.answered(answer, Answer::Done, "EEXIT", true);
                self.threads[number].leave(At::Outside);
            }
            Act::Interrupt => self.leave(number, At::Interrupted),
            Act::HandleFault => self.handle_fault(number),
        }
    }

    fn enter(&mut self, number: usize) {
        let answer = self.leaves.enter(number);
        self.answered(answer, Answer::Done, "EENTER or ERESUME", true);
        let thread = &mut self.threads[number];
        if thread.at == At::Outside {
            thread.rounds -= 1;
            thread.stores_left = thread.stores;
        }
        thread.at = At::Inside;
        thread.entered = self.ghost.etracks;
    }

    fn store(&mut self, number: usize) {
        let thread = &self.threads[number];
        let (right, translation) = (self.mms[thread.mm], thread.translation);
        let frame = match (self.setup.venue, translation, right) {
            (Venue::Silicon, Some(frame), _) | (Venue::Homes, _, Right::Write(frame)) => frame,
            (Venue::Silicon, None, Right::Write(frame)) if self.leaves.entry(frame).fills() => {
                self.threads[number].translation = Some(frame);
                return;
            }
            _ => return self.leave(number, At::Faulted),
        };
        self.ghost.stored += 1;
        self.threads[number].stores_left -= 1;
        if !self.leaves.store(frame, self.ghost.stored) {
            self.broken = Some(format!("thread {number} stores into the hole that the page has left"));
        } else if self.ghost.accepted.is_some() {
            self.broken = Some(format!("thread {number} stores after EACCEPT has said that nobody can"));
        }
    }

    fn accept(&mut self, number: usize) {
        let Some(task) = self.threads[number].task else { return };
        let must = self.threads[number].tried;
        let due = self.due_eaccept(task);
        let answer = self.leaves.eaccept(number, task);
        let accepted = self.answered(answer, due, "EACCEPT", must);
        self.threads[number].tried = true;
        if accepted {
            self.threads[number].task = None;
            self.ghost.accepted = Some(task);
        } else if answer == Answer::Fault {
            self.leave(number, At::Faulted);
        }
    }

    fn leave(&mut self, number: usize, to: At) {
        self.leaves.aex(number);
        self.threads[number].leave(to);
    }

    /// As the fault handler of a driver does: what is absent is loaded, what may be written is mapped, all else is
    /// fatal.
    fn handle_fault(&mut self, number: usize) {
        self.reload();
        let frame = self.resident().filter(|frame| self.leaves.entry(*frame).fills());
        let thread = &mut self.threads[number];
        match frame {
            Some(frame) => {
                self.mms[thread.mm] = Right::Write(frame);
                thread.at = At::Interrupted;
            }
            None => thread.at = At::Ended,
        }
    }
}
