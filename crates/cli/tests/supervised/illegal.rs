//! Instructions that enclaves may not execute: what becomes of them outside, and what the user is told.

use crate::compile::{Flavour, compile, scratch};
use crate::image::image;
use crate::run::{anyclave, run, supervised};
use std::process::Command;

#[test]
fn illegal_instructions_do_outside_what_they_do_on_the_host() {
    let folder = scratch("illegal_outside");
    let program = compile("illegal_outside", Flavour::Default, &folder);
    let alone = run(&mut Command::new(&program), &folder);
    alone.assert_code(0);
    assert!(alone.stdout.contains("in $0x80, %al: signal 11 code 128 trap 13"), "{}", alone.stdout);
    let within = run(&mut supervised([program.as_os_str()]), &folder);
    let beside = run(&mut supervised([program.as_os_str(), image().as_os_str()]), &folder);
    for outcome in [within, beside] {
        outcome.assert_code(0);
        for (here, there) in outcome.stdout.lines().zip(alone.stdout.lines()) {
            assert_eq!(here, there);
        }
        assert_eq!(outcome.stdout.lines().count(), alone.stdout.lines().count());
        assert_eq!(outcome.stderr, "");
    }
}

#[test]
fn verbose_run_says_which_instruction_was_illegal() {
    let folder = scratch("illegal_verbose");
    let program = compile("illegal_vdso", Flavour::Default, &folder);
    let mut verbose = Command::new(anyclave());
    verbose.args(["run", "-v", "--"]).args([program.as_path(), image()]);
    let outcome = run(&mut verbose, &folder);
    outcome.assert_code(0);
    for name in ["CPUID", "SYSCALL", "INT", "IN", "RETF", "far JMP", "MOV to a segment register", "SGDT"] {
        let line = format!("anyclave: {name} at 0x");
        let said = outcome
            .stderr
            .lines()
            .any(|said| said.starts_with(&line) && said.ends_with(": #UD: illegal inside an enclave"));
        assert!(said, "{name}: {}", outcome.stderr);
    }
    assert!(!outcome.stderr.contains("HLT") && !outcome.stderr.contains("VERR"), "{}", outcome.stderr);
}
