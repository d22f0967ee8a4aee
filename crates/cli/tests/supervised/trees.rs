//! Process trees: where processes come from, where they live, and how they end. What every host can stage is in
//! `programs`; here is the rest. What a host cannot stage is said.

use crate::compile::{Flavour, compile, scratch};
use crate::image::image;
use crate::run::{Outcome, anyclave, run, supervised, wait_until};
use nix::sys::signal::Signal;
use std::ffi::OsStr;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

/// What the programs end with where the host, or the user, cannot do it.
const NOT_HERE: i32 = 77;

/// Whether the host could not do it, which is said past the capture of the test harness.
fn skipped(test: &str, outcome: &Outcome) -> bool {
    let skipped = outcome.code() == Some(NOT_HERE);
    if skipped {
        drop(writeln!(std::io::stderr(), "skipped: {test}: this user or this host cannot stage it"));
    }
    skipped
}

fn assert_silent(outcome: &Outcome) {
    outcome.assert_code(0);
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("", ""), "{outcome:?}");
}

#[test]
fn namespaces_of_a_program_change_nothing() {
    let folder = scratch("namespaces");
    let program = compile("namespaces", Flavour::Default, &folder);
    let outcome = run(&mut supervised([program.as_os_str(), image().as_os_str()]), &folder);
    if !skipped("namespaces_of_a_program_change_nothing", &outcome) {
        assert_silent(&outcome);
    }
}

#[test]
fn privileges_may_be_given_up() {
    let folder = scratch("other_ids");
    let program = compile("other_ids", Flavour::Default, &folder);
    let outcome = run(&mut supervised([program.as_os_str(), image().as_os_str()]), &folder);
    if !skipped("privileges_may_be_given_up", &outcome) {
        assert_silent(&outcome);
    }
}

/// `anyclave run` as the first process of a PID namespace.
fn first_process(name: &str, proc: &str, arguments: &[&str]) -> Outcome {
    let folder = scratch(name);
    let first = compile("as_init", Flavour::Default, &folder);
    let program = compile("first_process", Flavour::Default, &folder);
    let mut command = Command::new(first);
    command.arg(proc).arg(anyclave()).args(["run", "-q", "--"]).arg(program).arg(image()).args(arguments);
    run(&mut command, &folder)
}

#[test]
fn a_run_may_be_the_first_process_of_a_namespace() {
    let outcome = first_process("first_process", "proc", &[]);
    if !skipped("a_run_may_be_the_first_process_of_a_namespace", &outcome) {
        assert_silent(&outcome);
    }
}

#[test]
fn the_first_process_of_a_namespace_dies_by_its_faults() {
    let faults = [
        ("fault", Signal::SIGSEGV),
        ("undefined", Signal::SIGILL),
        ("enclu", Signal::SIGSEGV),
        ("divide", Signal::SIGFPE),
    ];
    for (fault, signal) in faults {
        for arguments in [&[fault][..], &["early", fault]] {
            let outcome = first_process(&format!("first_dies_{}", arguments.join("_")), "proc", arguments);
            if skipped("the_first_process_of_a_namespace_dies_by_its_faults", &outcome) {
                return;
            }
            assert_eq!(outcome.signal(), Some(signal as i32), "{arguments:?}: {outcome:?}");
            assert_eq!(outcome.stderr, "", "{arguments:?}");
        }
    }
}

#[test]
fn proc_of_another_namespace_is_refused_in_one_sentence() {
    let outcome = first_process("first_noproc", "noproc", &[]);
    if skipped("proc_of_another_namespace_is_refused_in_one_sentence", &outcome) {
        return;
    }
    outcome.assert_code(125);
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
    assert!(outcome.stderr.starts_with("anyclave: ") && outcome.stderr.contains("/proc"), "{outcome:?}");
}

/// A program that takes in orphans, and becomes a run itself, gets none of ours.
#[test]
fn who_takes_up_orphans_gets_none_of_ours() {
    let folder = scratch("subreaper");
    let program = compile("subreaper", Flavour::Default, &folder);
    let mut command = Command::new(&program);
    assert_silent(&run(command.arg(anyclave()), &folder));
}

#[test]
fn a_daemon_outlives_its_program_with_sgx() {
    let folder = scratch("daemon");
    let program = compile("daemon", Flavour::Default, &folder);
    let note = folder.join("note");
    drop(std::fs::remove_file(&note));
    let outcome = run(&mut supervised([program.as_os_str(), image().as_os_str(), note.as_os_str()]), &folder);
    outcome.assert_code(3);
    let text = wait_until("the daemon has worked", || {
        std::fs::read_to_string(&note).ok().filter(|text| text.ends_with('\n'))
    });
    assert_eq!(text, "good\n");
}

#[test]
fn without_address_space_randomization() {
    let folder = scratch("no_aslr");
    for (name, flavour) in
        [("vdso_hash", Flavour::Default), ("fork_child", Flavour::Default), ("raw", Flavour::Raw)]
    {
        let program = compile(name, flavour, &folder);
        let command =
            ["setarch".as_ref(), "x86_64".as_ref(), "-R".as_ref(), program.as_os_str(), image().as_ref()];
        assert_silent(&run(&mut supervised(command), &folder));
        let mut around = Command::new("setarch");
        around.args(["x86_64", "-R"]).arg(anyclave()).args(["run", "-q", "--"]).arg(program).arg(image());
        assert_silent(&run(&mut around, &folder));
    }
}

#[test]
fn static_programs_that_may_lie_anywhere() {
    let folder = scratch("static_pie");
    for (name, flavour) in [("vdso_hash", Flavour::StaticPie), ("raw", Flavour::RawPie)] {
        let program = compile(name, flavour, &folder);
        assert_silent(&run(&mut supervised([program.as_os_str(), image().as_os_str()]), &folder));
    }
}

/// A filter that is so long that nothing can stand before it goes on as it is, and that is said.
#[test]
fn a_filter_without_room_for_ours_is_named() {
    let folder = scratch("longest_filter");
    let program = compile("longest_filter", Flavour::Default, &folder);
    let outcome = run(&mut supervised([program]), &folder);
    outcome.assert_code(0);
    assert_one_word(&outcome, "too long");
}

#[test]
fn a_listener_of_a_programs_own_is_refused_with_a_word() {
    let folder = scratch("own_listener");
    let program = compile("own_listener", Flavour::Default, &folder);
    let outcome = run(&mut supervised([program]), &folder);
    outcome.assert_code(0);
    assert_one_word(&outcome, "listener");
}

/// It may not even map memory, so it runs as it would without us.
#[test]
fn a_filter_that_forbids_memory_costs_a_program_sgx_and_not_its_life() {
    let folder = scratch("no_memory");
    let launcher = compile("no_memory", Flavour::Default, &folder);
    let program = compile("no_memory_raw", Flavour::Raw, &folder);
    let outcome = run(&mut supervised([launcher, program]), &folder);
    outcome.assert_code(42);
    assert_one_word(&outcome, "without SGX");
}

fn assert_one_word(outcome: &Outcome, about: &str) {
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
    assert!(outcome.stderr.starts_with("anyclave: ") && outcome.stderr.contains(about), "{outcome:?}");
}

/// Scripts that interpret each other, with a program of the machine at the end.
#[test]
fn scripts_of_scripts_run() {
    let folder = scratch("scripts");
    let program = compile("vdso_hash", Flavour::Default, &folder);
    let script = |name: &str, text: String| -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    };
    let inner = script("inner", format!("#!/bin/sh\nexec '{}' \"$2\"\n", program.display()));
    let outer = script("outer", format!("#!{}\n", inner.display()));
    let command: [&OsStr; 2] = [outer.as_ref(), image().as_ref()];
    assert_silent(&run(&mut supervised(command), &folder));
}
