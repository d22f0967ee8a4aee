//! Evictions and changes of rights beside entries, stores and faults.

use anyclave_testkit::interleave::paging::{Both, Fault, Job, Machine, Op, Setup, Venue, Weakness};

use crate::verdict::{breaks, far, holds};

const VENUES: [Venue; 2] = [Venue::Silicon, Venue::Homes];

fn setup(venue: Venue, job: Job) -> Setup {
    Setup { venue, threads: 2, mms: 2, rounds: 1, stores: 1, job, fault: None }
}

fn describe(setup: &Setup) -> String {
    let Setup { venue, threads, mms, rounds, stores, job, .. } = setup;
    format!(
        "{venue:?}, {job:?}, {threads} threads in {mms} address spaces, {rounds} entries of {stores} stores"
    )
}

#[track_caller]
fn hold(setup: Setup) {
    holds(&describe(&setup), &Machine::sketch(setup, None));
}

#[test]
fn no_store_is_lost_and_no_translation_outlives_an_eviction() {
    for venue in VENUES {
        hold(Setup { threads: 1, rounds: 2, stores: 2, mms: 1, ..setup(venue, Job::Evict(2)) });
        hold(Setup { rounds: 2, stores: 2, ..setup(venue, Job::Evict(1)) });
        hold(Setup { mms: 1, ..setup(venue, Job::Evict(2)) });
        hold(Setup { threads: 3, ..setup(venue, Job::Evict(1)) });
    }
}

#[test]
fn nobody_stores_to_a_page_that_eaccept_has_made_read_only_or_given_up() {
    for venue in VENUES {
        for job in [Job::Restrict, Job::Trim] {
            hold(Setup { rounds: 2, stores: 2, ..setup(venue, job.clone()) });
            hold(Setup { threads: 3, ..setup(venue, job) });
        }
    }
}

/// The kernel does not wait for anything, and EBLOCK, ETRACK, EWB and EREMOVE answer in every state as they should.
#[test]
fn the_codes_are_those_of_the_tracking_rules() {
    use Op::{Eblock, Emodpr, Emodt, Eremove, Etrack, Ewb};
    for ops in [
        vec![Eblock, Eblock, Ewb, Etrack, Ewb, Etrack, Ewb, Eremove],
        vec![Etrack, Ewb, Etrack, Eblock, Etrack, Etrack, Ewb],
        vec![Emodpr, Etrack, Eblock, Ewb, Etrack, Ewb],
        vec![Emodt, Emodt, Etrack, Eremove, Eblock, Ewb],
    ] {
        hold(Setup { rounds: 2, ..setup(Venue::Silicon, Job::Probe(ops)) });
    }
}

/// The same with real pages, registers and encryption, and every answer compared with the sketch's.
#[test]
fn the_whole_processor_keeps_all_promises_and_answers_as_the_sketch_does() {
    use Op::{Eblock, Emodpr, Emodt, Eremove, Etrack, Ewb};
    let hold = |setup: Setup| {
        let whole = Both::new(setup.threads, setup.venue);
        holds(&format!("whole processor, {}", describe(&setup)), &Machine::new(setup, whole));
    };
    for venue in VENUES {
        for job in [Job::Evict(1), Job::Restrict, Job::Trim] {
            hold(setup(venue, job));
        }
    }
    hold(setup(Venue::Silicon, Job::Probe(vec![Eblock, Ewb, Etrack, Etrack, Ewb, Etrack, Ewb, Eremove])));
    hold(setup(
        Venue::Silicon,
        Job::Probe(vec![Emodpr, Emodpr, Emodt, Emodpr, Emodt, Etrack, Eblock, Eremove]),
    ));
    if far() {
        for venue in VENUES {
            hold(Setup { rounds: 2, stores: 2, ..setup(venue, Job::Evict(2)) });
            hold(Setup { threads: 3, ..setup(venue, Job::Evict(1)) });
            hold(Setup { threads: 3, ..setup(venue, Job::Trim) });
        }
    }
}

#[test]
fn longer_runs_and_four_processors_keep_all_promises() {
    let (times, rounds) = if far() { (3, 3) } else { (2, 1) };
    for venue in VENUES {
        hold(Setup { rounds, stores: 2, ..setup(venue, Job::Evict(times)) });
        if far() {
            hold(Setup { threads: 3, rounds: 2, ..setup(venue, Job::Evict(2)) });
            hold(Setup { threads: 4, ..setup(venue, Job::Evict(1)) });
            hold(Setup { threads: 3, rounds: 2, stores: 2, ..setup(venue, Job::Restrict) });
            hold(Setup { threads: 3, rounds: 2, stores: 2, ..setup(venue, Job::Trim) });
        }
    }
}

#[track_caller]
fn break_it(fault: Fault, venue: Venue, job: Job, promise: &str) {
    let setup = Setup { fault: Some(fault), ..setup(venue, job) };
    breaks(&format!("{fault:?}, {}", describe(&setup)), &Machine::sketch(setup, None), promise);
}

/// The same on the whole processor.
#[track_caller]
fn break_whole(fault: Fault, venue: Venue, job: Job, promise: &str) {
    let setup = Setup { fault: Some(fault), ..setup(venue, job) };
    let whole = Both::new(setup.threads, venue);
    breaks(
        &format!("whole processor, {fault:?}, {}", describe(&setup)),
        &Machine::new(setup, whole),
        promise,
    );
}

#[test]
fn each_step_of_an_eviction_is_needed() {
    for venue in VENUES {
        for (fault, promise) in [
            (Fault::NoEblock, "EWB answered 10"),
            (Fault::NoEtrack, "EWB answered 11"),
            (Fault::EtrackFirst, "EWB answered 11"),
            (Fault::NoKick, "EWB answered 11"),
            (Fault::NoWait, "EWB answered 11"),
            (Fault::MaskBeforeEtrack, "EWB answered 11"),
        ] {
            break_it(fault, venue, Job::Evict(1), promise);
        }
    }
    for fault in [Fault::ReadWhileWritable, Fault::SkipOneMm] {
        break_it(fault, Venue::Homes, Job::Evict(1), "a store is lost");
    }
}

#[test]
fn each_step_before_an_eaccept_is_needed() {
    for job in [Job::Restrict, Job::Trim] {
        for fault in
            [Fault::NoEtrack, Fault::EtrackFirst, Fault::NoKick, Fault::NoWait, Fault::MaskBeforeEtrack]
        {
            break_it(fault, Venue::Silicon, job.clone(), "EACCEPT answered 11");
        }
    }
    break_it(Fault::SkipOneMm, Venue::Homes, Job::Restrict, "stores after EACCEPT");
    for fault in [Fault::ReadWhileWritable, Fault::SkipOneMm] {
        break_it(fault, Venue::Homes, Job::Trim, "a store is lost");
    }
    break_it(Fault::NoAccept, Venue::Silicon, Job::Trim, "EREMOVE answered 14");
}

#[test]
fn the_whole_processor_refuses_what_leaves_a_step_out() {
    for (fault, promise) in [
        (Fault::NoEblock, "EWB answered 10"),
        (Fault::NoEtrack, "EWB answered 11"),
        (Fault::NoKick, "EWB answered 11"),
        (Fault::MaskBeforeEtrack, "EWB answered 11"),
    ] {
        break_whole(fault, Venue::Silicon, Job::Evict(1), promise);
    }
    break_whole(Fault::NoKick, Venue::Silicon, Job::Restrict, "EACCEPT answered 11");
    break_whole(Fault::NoAccept, Venue::Silicon, Job::Trim, "EREMOVE answered 14");
    break_whole(Fault::ReadWhileWritable, Venue::Homes, Job::Evict(1), "a store is lost");
    break_whole(Fault::SkipOneMm, Venue::Homes, Job::Evict(1), "a store is lost");
}

/// What the codes protect from: the same on processors that do not have them.
#[test]
fn each_code_is_needed() {
    use Weakness::{EacceptIgnoresTracking, EremoveIgnoresThreads, EwbIgnoresTracking};
    let (left, accepted) = ("which the page has left", "EACCEPT has said that nobody can");
    let remove = Job::Probe(vec![Op::Eremove]);
    for (weakness, fault, job, promise) in [
        (EwbIgnoresTracking, Some(Fault::NoKick), Job::Evict(1), left),
        (EwbIgnoresTracking, Some(Fault::NoWait), Job::Evict(1), left),
        (EacceptIgnoresTracking, Some(Fault::NoKick), Job::Restrict, accepted),
        (EacceptIgnoresTracking, Some(Fault::NoKick), Job::Trim, accepted),
        (EremoveIgnoresThreads, None, remove, left),
    ] {
        let setup = Setup { fault, ..setup(Venue::Silicon, job) };
        let what = format!("{weakness:?}, {fault:?}, {}", describe(&setup));
        breaks(&what, &Machine::sketch(setup, Some(weakness)), promise);
    }
}

#[test]
fn every_fault_is_tried() {
    let source = include_str!("paging.rs");
    for fault in Fault::ALL {
        assert!(source.matches(&format!("Fault::{fault:?}")).count() > 0, "{fault:?} is not");
    }
}
