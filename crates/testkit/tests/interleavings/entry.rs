//! Entries beside withdrawals and epochs, with store buffers.

use anyclave_testkit::interleave::entry::{EntryProtocol, Fault, Order, Setup};

use crate::verdict::{breaks, far, holds};

const ETRACK: &[Order] = &[Order::Etrack];
const RENEW: &[Order] = &[Order::Withdraw(0), Order::Renew(0)];
const BOTH: &[Order] = &[Order::Etrack, Order::Withdraw(0)];

fn setup(threads: usize, tcses: usize, rounds: u8, orders: &[Order]) -> Setup {
    Setup { threads, tcses, rounds, orders: orders.to_vec(), mortal: false, fault: None }
}

#[track_caller]
fn hold(setup: Setup) {
    let Setup { threads, tcses, rounds, mortal, .. } = setup;
    let killed = if mortal { ", one of them killed" } else { "" };
    let what =
        format!("{threads} threads on {tcses} TCSs, {rounds} entries each{killed}, {:?}", setup.orders);
    holds(&what, &EntryProtocol::new(setup));
}

#[test]
fn two_processors_keep_all_promises() {
    for orders in [ETRACK, RENEW, BOTH, &[Order::Etrack, Order::Withdraw(0), Order::Renew(0), Order::Etrack]]
    {
        hold(setup(1, 1, 2, orders));
        hold(Setup { mortal: true, ..setup(1, 1, 2, orders) });
    }
}

#[test]
fn three_processors_keep_all_promises() {
    for orders in [ETRACK, RENEW, BOTH] {
        hold(setup(2, 1, 1, orders));
        hold(setup(2, 2, 1, orders));
        hold(Setup { mortal: true, ..setup(2, 1, 1, orders) });
    }
    hold(setup(2, 2, 2, ETRACK));
}

#[test]
fn longer_runs_and_four_processors_keep_all_promises() {
    if far() {
        hold(setup(2, 2, 3, BOTH));
        hold(setup(2, 1, 3, &[Order::Etrack, Order::Withdraw(0), Order::Renew(0)]));
        hold(Setup { mortal: true, ..setup(2, 2, 2, BOTH) });
        hold(setup(3, 3, 1, ETRACK));
        hold(setup(3, 2, 1, RENEW));
    } else {
        hold(setup(2, 1, 2, RENEW));
        hold(setup(3, 1, 1, RENEW));
    }
}

#[test]
fn each_rule_is_needed() {
    for (fault, start, promise) in [
        (Fault::ScanBeforeFence, setup(1, 1, 1, ETRACK), "ETRACK has concluded"),
        (Fault::ScanBeforeFence, setup(1, 1, 1, RENEW), "the TCS has been withdrawn"),
        (Fault::MaskBeforeStore, setup(1, 1, 1, ETRACK), "ETRACK has concluded"),
        (Fault::MaskBeforeStore, setup(1, 1, 1, RENEW), "the TCS has been withdrawn"),
        (Fault::EntryWithoutFence, setup(1, 1, 1, ETRACK), "ETRACK has concluded"),
        (Fault::EntryWithoutFence, setup(1, 1, 1, RENEW), "the TCS has been withdrawn"),
        (Fault::NoRecheckAfterSlot, setup(1, 1, 1, ETRACK), "ETRACK has concluded"),
        (Fault::NoRecheckAfterSlot, setup(1, 1, 1, RENEW), "the TCS has been withdrawn"),
        (Fault::EpochNotRechecked, setup(1, 1, 1, ETRACK), "ETRACK has concluded"),
        (Fault::NoGeneration, setup(1, 1, 1, RENEW), "the TCS has been withdrawn"),
        (Fault::NoKick, setup(1, 1, 1, ETRACK), "nobody can go on"),
        (Fault::NoWait, setup(1, 1, 1, ETRACK), "ETRACK has concluded"),
        (Fault::DeadSlotLeft, Setup { mortal: true, ..setup(1, 1, 1, ETRACK) }, "its TCS is active"),
        (Fault::StateNotExchanged, setup(2, 1, 1, &[]), "two threads are inside"),
    ] {
        let start = Setup { fault: Some(fault), ..start };
        let what = format!("{fault:?}, {:?}", start.orders);
        breaks(&what, &EntryProtocol::new(start), promise);
    }
}

#[test]
fn every_fault_is_tried() {
    let source = include_str!("entry.rs");
    for fault in Fault::ALL {
        assert!(source.contains(&format!("(Fault::{fault:?}, ")), "{fault:?} is not");
    }
}
