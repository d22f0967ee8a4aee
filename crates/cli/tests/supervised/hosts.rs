//! Hosts that lack something: what nothing goes without is one sentence and 125; the rest costs what `check`
//! says. What is missing is refused by a filter.

use crate::compile::{Flavour, compile, scratch};
use crate::image::image;
use crate::run::{Outcome, anyclave, run};
use serde_json::Value;
use std::io::Write;
use std::path::Path;
use std::process::Command;

/// `anyclave words…` on a host without something.
fn without(what: &str, words: &[&str], folder: &Path) -> Outcome {
    let without = compile("without", Flavour::Default, folder);
    let mut command = Command::new(without);
    run(command.arg(what).arg(anyclave()).args(words), folder)
}

fn refused_without(what: &str) {
    let outcome = without(what, &["run", "-q", "--", "true"], &scratch(&format!("without_{what}")));
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
    refused_without("listeners");
}

#[test]
fn without_memory_files() {
    refused_without("memory_files");
}

/// The probe of that name, in what `check --json` has written.
fn probe(outcome: &Outcome, name: &str) -> Value {
    let json: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(json["able"], outcome.code() == Some(0), "{outcome:?}");
    let probes = json["probes"].as_array().unwrap();
    probes.iter().find(|probe| probe["name"] == name).unwrap_or_else(|| panic!("no probe {name}")).clone()
}

/// Asserts that a probe has failed and says what to do.
fn assert_missing(outcome: &Outcome, name: &str, able: bool) {
    outcome.assert_code(i32::from(!able));
    let probe = probe(outcome, name);
    assert_eq!(probe["found"], false, "{probe}");
    assert_eq!(probe["need"] != "required", able, "{probe}");
    for field in ["detail", "cost", "mend"] {
        assert_ne!(probe[field], "", "{probe}");
    }
}

#[test]
fn check_finds_what_is_refused() {
    let folder = scratch("check_refused");
    for (what, name, able) in [
        ("ptrace", "tracing", false),
        ("seccomp", "notifications", false),
        ("listeners", "notifications", false),
        ("memory_files", "memory files", false),
        ("killable_waits", "killable waits", true),
        ("userfaultfd", "userfaultfd", true),
        ("modify_ldt", "modify_ldt", true),
        ("pidfd_getfd", "pidfd_getfd", true),
        ("kcmp", "kcmp", true),
        ("user_namespaces", "user namespaces", true),
        ("int80", "INT 80H", true),
    ] {
        assert_missing(&without(what, &["check", "--json"], &folder), name, able);
    }
}

/// What is not required really is not.
#[test]
fn machines_run_without_what_is_useful() {
    let folder = scratch("without_useful");
    for what in ["killable_waits", "plain_memory_files", "userfaultfd", "modify_ldt", "pidfd_getfd", "kcmp"] {
        without(what, &["demo", "-q"], &folder).assert_code(0);
    }
    // Without 32-bit calls CPUID is another instruction.
    for program in ["cpuid", "vdso_exceptions"] {
        let program = compile(program, Flavour::Default, &folder);
        let words = ["run", "-q", "--", program.to_str().unwrap(), image().to_str().unwrap()];
        let outcome = without("int80", &words, &folder);
        outcome.assert_code(0);
        assert_eq!(outcome.stderr, "");
    }
}

/// `anyclave check --json` behind this piece of shell.
fn check_behind(prefix: &str, folder: &Path) -> Outcome {
    let script = format!("{prefix} \"$0\" check --json");
    let mut command = Command::new("sh");
    run(command.args(["-c", &script]).arg(anyclave()).env_remove("ANYCLAVE_STATE"), folder)
}

#[test]
fn check_finds_a_home_that_is_missing() {
    let folder = scratch("check_home");
    for home in ["-u HOME", "HOME=/nonexistent", "HOME=/proc"] {
        let outcome = check_behind(&format!("exec env -u XDG_STATE_HOME {home}"), &folder);
        assert_missing(&outcome, "lasting keys", true);
    }
    let outcome = check_behind(&format!("exec env XDG_STATE_HOME='{}'", folder.display()), &folder);
    assert_eq!(probe(&outcome, "lasting keys")["found"], true);
}

#[test]
fn check_finds_low_limits() {
    let outcome = check_behind("ulimit -n 100; exec", &scratch("check_limits"));
    assert_missing(&outcome, "descriptors", true);
    assert_eq!(probe(&outcome, "descriptors")["detail"], "100");
}

#[test]
fn check_names_a_debugger_around() {
    let folder = scratch("check_traced");
    let traced = compile("traced", Flavour::Default, &folder);
    let outcome = run(Command::new(traced).arg(anyclave()).args(["check", "--json"]), &folder);
    assert_missing(&outcome, "tracing", false);
    assert!(probe(&outcome, "tracing")["detail"].as_str().unwrap().contains("traced traces this process"));
}

/// Asserts that a namespace can be made, or says that it is skipped.
fn can_unshare(test: &str, folder: &Path) -> bool {
    let can = run(Command::new("unshare").args(["-rfp", "true"]), folder).code() == Some(0);
    if !can {
        // past the capture of the test harness, which hides what a passing test prints
        drop(writeln!(std::io::stderr(), "skipped: {test}: no user namespaces here"));
    }
    can
}

#[test]
fn check_finds_a_foreign_proc() {
    let folder = scratch("check_proc");
    if can_unshare("check_finds_a_foreign_proc", &folder) {
        assert_missing(&check_behind("exec unshare -rfp", &folder), "/proc", false);
    }
}
