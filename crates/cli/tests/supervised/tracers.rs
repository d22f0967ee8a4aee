//! Debuggers and their like: a thread has one tracer, and within a run that is us. They are refused with a word.

use crate::compile::{Flavour, compile, scratch};
use crate::run::{Outcome, anyclave, run, supervised};
use std::process::Command;

/// The one line that an outcome has on standard error.
fn word(outcome: &Outcome) -> &str {
    assert_eq!(outcome.stdout, "", "{outcome:?}");
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
    outcome.stderr.trim_end()
}

#[test]
fn ptrace_is_refused_with_a_word() {
    let folder = scratch("tracers");
    let program = compile("ptrace_refused", Flavour::Default, &folder);
    let outcome = run(&mut supervised([&program]), &folder);
    outcome.assert_code(0);
    let word = word(&outcome);
    assert!(word.starts_with("anyclave: ptrace_refused (") && word.contains("gdb, strace"), "{word}");
}

#[test]
fn each_program_is_told_once_in_a_run() {
    let folder = scratch("tracers_twice");
    let program = compile("ptrace_refused", Flavour::Default, &folder);
    let other = folder.join("another");
    std::fs::copy(&program, &other).unwrap();
    let script = "\"$0\" && \"$0\" && \"$1\" && \"$0\"";
    let mut command =
        supervised(["sh".as_ref(), "-c".as_ref(), script.as_ref(), program.as_os_str(), other.as_os_str()]);
    let outcome = run(&mut command, &folder);
    outcome.assert_code(0);
    let told: Vec<_> = outcome.stderr.lines().map(|line| line.split(' ').nth(1).unwrap()).collect();
    assert_eq!(told, ["ptrace_refused", "another"], "{outcome:?}");
}

#[test]
fn leak_sanitizers_way_is_refused_with_a_hint() {
    let folder = scratch("tracers_self");
    let program = compile("ptrace_self", Flavour::Default, &folder);
    let outcome = run(&mut supervised([program]), &folder);
    outcome.assert_code(0);
    let word = word(&outcome);
    assert!(word.starts_with("anyclave: ptrace_self (") && word.contains("detect_leaks=0"), "{word}");
}

#[test]
fn a_run_under_a_debugger_is_125() {
    let folder = scratch("tracers_around");
    let traced = compile("traced", Flavour::Default, &folder);
    let mut command = Command::new(traced);
    let outcome = run(command.arg(anyclave()).args(["run", "-q", "--", "true"]), &folder);
    outcome.assert_code(125);
    assert_eq!(
        word(&outcome),
        "anyclave: traced traces this process, and a thread has one tracer, which would be anyclave: start it \
         without traced"
    );
}
