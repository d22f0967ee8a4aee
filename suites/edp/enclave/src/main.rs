//! Runs inside an enclave of the Fortanix platform, with threads, panics and a standard library.
//!
//! The word `all` runs every case and says how many are right. The words `panic`, `exit` and `overflow` are
//! for the cases whose point is how the enclave ends.

#![feature(sgx_platform)]
#![forbid(unsafe_code)]

mod collections;
mod keys;
mod outside;
mod panics;
mod reports;
mod threads;

use std::io::{self, Write};
use std::panic::catch_unwind;
use std::process;

/// What a case says about itself when it goes wrong is the text of its panic.
type Case = (&'static str, fn());

const CASES: [Case; 19] = [
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
    ("EGETKEY", keys::seal),
    ("EGETKEY: what it refuses", keys::refused),
];

fn main() {
    unwinder::install();
    match std::env::args().nth(1).as_deref() {
        Some("all") => all(),
        Some("panic") => panic!("this panic ends the enclave"),
        Some("overflow") => panic!("{} levels", panics::endless(0)),
        Some("exit") => process::exit(7),
        Some(word) => panic!("no such word: {word}"),
        None => panic!("a word is missing"),
    }
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
