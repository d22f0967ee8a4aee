//! The supervisor: withdrawals and epochs, one memory access at a time.

use super::{Cell, Fault, Setup, Shared, Slot, Word};

/// What the supervisor is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    /// Starts an epoch and waits until nobody is inside from before.
    Etrack,
    /// Makes this TCS one that cannot be entered, and waits until nobody is on it.
    Withdraw(usize),
    /// Makes something new of a TCS that was withdrawn: the next generation.
    Renew(usize),
}

/// One memory access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Micro {
    Store(Order),
    Fence,
    /// `early`: the store that it belongs to is still to come.
    Scan {
        order: Order,
        thread: usize,
        early: bool,
    },
    /// Waits for those that the scan has found.
    Await(Order),
}

/// The supervisor.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Supervisor {
    /// What is left to do, the next at the end.
    left: Vec<Micro>,
    /// Threads that the scan has found.
    found: Vec<bool>,
    /// The epoch and the generations as the supervisor has last set them.
    epoch: u8,
    generations: Vec<u8>,
}

impl Supervisor {
    pub(super) fn new(setup: &Setup) -> Self {
        let mut left: Vec<_> = setup.orders.iter().flat_map(|order| micros(*order, setup)).collect();
        left.reverse();
        let found = vec![false; setup.threads];
        Self { left, found, epoch: 1, generations: vec![1; setup.tcses] }
    }

    pub(super) const fn is_done(&self) -> bool {
        self.left.is_empty()
    }

    /// Whether it can execute: a fence waits for the buffer, a wait for the threads.
    pub(super) fn is_ready(&self, shared: &Shared) -> bool {
        match self.left.last() {
            None => false,
            Some(Micro::Fence) => shared.memory.is_drained(self.found.len()),
            Some(Micro::Await(order)) => self.awaited(shared, *order).next().is_none(),
            Some(Micro::Store(_) | Micro::Scan { .. }) => true,
        }
    }

    pub(super) fn execute(&mut self, shared: &mut Shared, setup: &Setup) {
        let me = self.found.len();
        match self.left.pop() {
            None | Some(Micro::Fence) => {}
            Some(Micro::Store(order)) => {
                let (cell, value) = self.change(order);
                match order {
                    Order::Etrack => self.epoch = value,
                    Order::Withdraw(_) => {}
                    Order::Renew(tcs) => self.generations[tcs] = value,
                }
                shared.store(me, cell, Word::Number(value));
            }
            Some(Micro::Scan { order, thread, early }) => {
                self.found[thread] = self.concerns(shared, order, thread, early);
                if self.found[thread] && setup.fault != Some(Fault::NoKick) {
                    shared.kicked[thread] = true;
                }
            }
            Some(Micro::Await(order)) => {
                self.found.fill(false);
                match order {
                    Order::Etrack => shared.concluded = self.epoch,
                    Order::Withdraw(tcs) => shared.withdrawn[tcs] = self.generations[tcs],
                    Order::Renew(_) => {}
                }
            }
        }
    }

    /// The store that an order begins with.
    fn change(&self, order: Order) -> (Cell, u8) {
        match order {
            Order::Etrack => (Cell::Epoch, self.epoch + 1),
            Order::Withdraw(tcs) => (Cell::Validity(tcs), 0),
            Order::Renew(tcs) => (Cell::Validity(tcs), self.generations[tcs] + 1),
        }
    }

    /// Whether the slot of a thread is one that the order has to see gone.
    fn concerns(&self, shared: &Shared, order: Order, thread: usize, early: bool) -> bool {
        let Word::Slot(Slot { tcs, generation, epoch }) = shared.load(self.found.len(), Cell::Slot(thread))
        else {
            return false;
        };
        match order {
            Order::Etrack => epoch < self.epoch + u8::from(early),
            Order::Withdraw(of) | Order::Renew(of) => tcs == of && generation <= self.generations[of],
        }
    }

    fn awaited(&self, shared: &Shared, order: Order) -> impl Iterator<Item = usize> {
        let found = (0..self.found.len()).filter(|thread| self.found[*thread]);
        found.filter(move |thread| self.concerns(shared, order, *thread, false))
    }

    /// The next step in words; `after` is what is shared once it is taken.
    pub(super) fn tell(before: &Self, after: &Shared) -> String {
        match before.left.last() {
            None => String::new(),
            Some(Micro::Store(Order::Etrack)) => format!("ETRACK: epoch := {}", before.epoch + 1),
            Some(Micro::Store(Order::Withdraw(tcs))) => format!("withdraws TCS {tcs}: validity := 0"),
            Some(Micro::Store(Order::Renew(tcs))) => {
                format!("renews TCS {tcs}: validity := {}", before.generations[*tcs] + 1)
            }
            Some(Micro::Fence) => "fence".to_owned(),
            Some(Micro::Scan { order, thread, early }) if before.concerns(after, *order, *thread, *early) => {
                let kick = if after.kicked[*thread] { ", kicks it" } else { "" };
                format!("scans slot {thread}: is inside{kick}")
            }
            Some(Micro::Scan { thread, .. }) => format!("scans slot {thread}: nobody"),
            Some(Micro::Await(Order::Etrack)) => "ETRACK has concluded".to_owned(),
            Some(Micro::Await(_)) => "the withdrawal has concluded".to_owned(),
        }
    }
}

/// An order as memory accesses.
fn micros(order: Order, setup: &Setup) -> Vec<Micro> {
    let store = Micro::Store(order);
    if matches!(order, Order::Renew(_)) {
        return vec![store];
    }
    let early = setup.fault == Some(Fault::MaskBeforeStore);
    let scans = (0..setup.threads).map(|thread| Micro::Scan { order, thread, early });
    let mut micros = match setup.fault {
        Some(Fault::ScanBeforeFence) => [store].into_iter().chain(scans).chain([Micro::Fence]).collect(),
        Some(Fault::MaskBeforeStore) => scans.chain([store, Micro::Fence]).collect(),
        _ => [store, Micro::Fence].into_iter().chain(scans).collect::<Vec<_>>(),
    };
    if setup.fault == Some(Fault::NoWait) {
        // concludes at once, whoever was found
        micros.retain(|micro| *micro == store || *micro == Micro::Fence);
    }
    micros.push(Micro::Await(order));
    micros
}
