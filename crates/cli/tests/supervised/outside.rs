//! Instructions that enclaves may not execute, where there is no enclave around them.

use crate::compile::{Flavour, compile, scratch};
use crate::image::image;
use crate::run::{run, supervised};
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
