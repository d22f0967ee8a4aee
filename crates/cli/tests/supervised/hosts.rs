//! Hosts that cannot do it: one sentence and 125.

use crate::compile::{Flavour, compile, scratch};
use crate::run::{anyclave, run};
use std::process::Command;

fn refused_without(call: &str) {
    let folder = scratch(&format!("without_{call}"));
    let without = compile("without", Flavour::Default, &folder);
    let mut command = Command::new(without);
    command.arg(call).arg(anyclave()).args(["run", "-q", "--", "true"]);
    let outcome = run(&mut command, &folder);
    outcome.assert_code(125);
    assert_eq!(outcome.stdout, "");
    assert!(outcome.stderr.starts_with("anyclave: "), "{outcome:?}");
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
}

#[test]
fn without_ptrace() {
    refused_without("ptrace");
}

#[test]
fn without_seccomp() {
    refused_without("seccomp");
}
