//! Keys at a terminal: a shell with job control, typed at by `terminal.c`, starts programs under `anyclave run`.
//! Each scenario runs without us first, so that a test which fails here tells whose fault it is.

use crate::compile::{Flavour, compile, scratch};
use crate::run::{anyclave, run};
use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

const SHELLS: &[&str] = &["/bin/sh", "/bin/bash"];

fn play(scenario: &str) {
    let folder = scratch(&format!("terminal_{scenario}"));
    let program = compile("terminal", Flavour::Default, &folder);
    let anyclave = anyclave();
    for shell in SHELLS.iter().filter(|shell| Path::new(shell).exists()) {
        for anyclave in [OsStr::new(""), anyclave.as_os_str()] {
            let mut command = Command::new(&program);
            command.args([scenario, shell]).arg(anyclave).arg(&folder);
            let outcome = run(&mut command, &folder);
            assert_eq!(outcome.code(), Some(0), "{shell}, {anyclave:?}: {}", outcome.stderr);
        }
    }
}

#[test]
fn interrupt_and_quit_keys_end_the_program() {
    play("interrupt");
}

#[test]
fn suspend_key_and_fg() {
    play("stop_and_continue");
}

#[test]
fn background_job_that_reads_is_stopped() {
    play("background_reader");
}

#[test]
fn child_that_ignores_the_interrupt_key_survives() {
    play("survivor");
}

#[test]
fn shell_with_jobs_of_its_own_inside() {
    play("shell_inside");
}

#[test]
fn terminal_modes_are_the_programs_business() {
    play("modes");
}

#[test]
fn hang_up_ends_the_program_and_not_who_ignores_it() {
    play("hang_up");
}
