//! A run inside a run.

use crate::compile::{Flavour, compile, scratch};
use crate::image::image;
use crate::run::{Outcome, anyclave, run, supervised};
use std::io::Write;
use std::path::Path;
use std::process::Command;

#[test]
fn without_options_it_is_the_machine_around() {
    let folder = scratch("nested");
    let program = compile("vdso_hash", Flavour::Default, &folder);
    let inner = [anyclave().into_os_string(), "run".into(), "-q".into(), "--".into()];
    let outcome =
        run(&mut supervised(inner.iter().cloned().chain([program.into(), image().into()])), &folder);
    outcome.assert_code(0);
    assert_eq!(outcome.stderr, "");
    let exit = ["sh", "-c", "exit 9"].map(Into::into);
    run(&mut supervised(inner.into_iter().chain(exit)), &folder).assert_code(9);
}

/// `anyclave words…` inside a run, from a script.
fn inside(words: &str, folder: &Path) -> Outcome {
    let script = format!("anyclave=$0; {words}");
    run(&mut supervised(["sh".as_ref(), "-c".as_ref(), script.as_ref(), anyclave().as_os_str()]), folder)
}

#[test]
fn with_machine_options_it_is_refused_and_nothing_runs() {
    let folder = scratch("nested_options");
    let mark = folder.join("ran");
    for options in ["--epc 16M", "--seed x", "--state ."] {
        for verb in [format!("run {options} -- touch '{}'", mark.display()), format!("demo {options}")] {
            let outcome = inside(&format!("\"$anyclave\" {verb}"), &folder);
            outcome.assert_code(125);
            assert_eq!(outcome.stdout, "");
            assert!(outcome.stderr.contains("machines do not nest"), "{outcome:?}");
            assert!(!mark.exists());
        }
    }
}

#[test]
fn other_verbs_speak_of_the_machine_around() {
    let folder = scratch("nested_verbs");
    let outcome = inside("\"$anyclave\" check", &folder);
    outcome.assert_code(1);
    assert_eq!(outcome.stdout, "");
    assert!(outcome.stderr.contains("this is a machine already"), "{outcome:?}");
    let outcome = inside("\"$anyclave\" info --json", &folder);
    outcome.assert_code(0);
    assert!(outcome.stdout.contains("\"around\""), "{outcome:?}");
    inside("\"$anyclave\" demo -q && \"$anyclave\" explain EINIT", &folder).assert_code(0);
}

#[test]
fn what_cannot_run_is_told_as_outside() {
    let folder = scratch("nested_refusals");
    for (program, code) in [("/no/such/program", 127), ("no-such-program", 127), ("/etc/passwd", 126)] {
        let outcome = inside(&format!("\"$anyclave\" run -- {program}"), &folder);
        outcome.assert_code(code);
        assert!(outcome.stderr.starts_with(&format!("anyclave: {program}: ")), "{outcome:?}");
        assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
    }
}

/// The tracer does not show there.
#[test]
fn in_a_pid_namespace_it_is_the_machine_around() {
    let folder = scratch("nested_namespace");
    if run(Command::new("unshare").args(["-rfp", "true"]), &folder).code() != Some(0) {
        // past the capture of the test harness, which hides what a passing test prints
        drop(writeln!(
            std::io::stderr(),
            "skipped: in_a_pid_namespace_it_is_the_machine_around: no namespaces"
        ));
        return;
    }
    inside("exec unshare -rfp \"$anyclave\" run -q -- sh -c 'exit 9'", &folder).assert_code(9);
    inside("exec unshare -rfp \"$anyclave\" run -q --epc 16M -- true", &folder).assert_code(125);
}
