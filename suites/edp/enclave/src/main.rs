//! Runs inside an enclave of the Fortanix platform, with threads, panics and a standard library.
//!
//! The word `all` runs every case and says how many are right. The words `panic`, `exit`, `overflow` and
//! `malformed` are for the cases whose point is how the enclave ends; those for which it takes several enclaves are
//! `ask` and `provisioning`, which need signatures of their own, and `talk` and `judge`.

#![feature(sgx_platform)]
#![forbid(unsafe_code)]

mod collections;
mod exchange;
mod keys;
mod outside;
mod panics;
mod reports;
mod request;
mod table;
mod threads;

use std::io::{self, Write};
use std::panic::catch_unwind;
use std::process;

/// What a case says about itself when it goes wrong is the text of its panic.
type Case = (&'static str, fn());

const CASES: [Case; 20] = [
    ("hash map", collections::hash_map),
    ("heap", collections::heap),
    ("catch_unwind", panics::catch),
    ("unwinding drops what stands on the stack", panics::drops),
    ("a panic goes on after it was caught", panics::resumed),
    ("a thread that panics is joined", panics::thread),
    ("four threads inside at once", threads::four),
    ("threads come and go", threads::come_and_go),
    ("mutex and condition variable", threads::condition),
    ("channel", threads::channel),
    ("thread-local values", threads::local),
    ("parked thread", threads::park),
    ("arguments", outside::arguments),
    ("time", outside::time),
    ("a connection between two threads", outside::connection),
    ("EREPORT", reports::body),
    ("EREPORT: the MAC", reports::mac),
    ("EGETKEY: seal keys", keys::seal),
    ("EGETKEY: report keys", keys::report),
    ("EGETKEY: what it refuses", keys::refused),
];

fn main() {
    unwinder::install();
    let word = std::env::args().nth(2).unwrap_or_default();
    match std::env::args().nth(1).as_deref() {
        Some("all") => all(),
        Some("ask") => table::ask(word == "kss"),
        Some("provisioning") => provisioning(),
        Some("malformed") => keys::malformed(&word),
        Some("talk") => exchange::talk(&word),
        Some("judge") => exchange::judge(&word),
        Some("panic") => panic!("this panic ends the enclave"),
        Some("overflow") => panic!("{} levels", panics::endless(0)),
        Some("exit") => process::exit(7),
        Some(word) => panic!("no such word: {word}"),
        None => panic!("a word is missing"),
    }
}

fn provisioning() {
    keys::provisioning();
    println!("provisioning keys are right");
}

fn all() {
    println!("println reaches the host");
    let mut failed = 0;
    for (name, case) in CASES {
        match catch_unwind(case) {
            Ok(()) => println!("ok       {name}"),
            Err(payload) => {
                failed += 1;
                println!("FAILED   {name}: {}", panics::text(&*payload));
            }
        }
    }
    println!("{} of {} cases are right", CASES.len() - failed, CASES.len());
    // The host writes on another thread, and does not wait for it at its end.
    let flushed = io::stdout().flush();
    if failed != 0 || flushed.is_err() {
        process::exit(1);
    }
}
