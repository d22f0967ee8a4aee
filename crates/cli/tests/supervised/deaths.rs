//! Programs that make it hard to end them: each dies as on hardware, and the other processes of its run live on.

use crate::compile::{Flavour, compile, scratch};
use crate::image::image;
use crate::run::{run, supervised};

/// The shell's word for a death by SIGSEGV.
const SEGMENTATION_FAULT: i32 = 128 + 11;

/// Runs a program from a shell of the same machine, which says how it ended; then another one.
fn check_death(name: &str, arguments: &[&str], expected: i32) {
    let folder = scratch(&format!("{name}-{}", arguments.join("-")));
    let program = compile(name, Flavour::Default, &folder);
    let after = compile("vdso_hash", Flavour::Default, &folder);
    let script = "ulimit -c 0; after=$1; shift; \"$@\"; echo $?; \"$after\" \"$2\"; echo $?";
    let mut command = supervised(["sh", "-c", script, "sh"]);
    command.args([after.as_os_str(), program.as_os_str(), image().as_os_str()]).args(arguments);
    let outcome = run(&mut command, &folder);
    outcome.assert_code(0);
    assert_eq!(outcome.stdout, format!("{expected}\n0\n"), "{outcome:?}");
}

#[test]
fn who_unmaps_everything_dies_alone() {
    check_death("unmapped", &["all"], SEGMENTATION_FAULT);
}

#[test]
fn who_unmaps_code_that_is_not_its_own_dies_alone() {
    check_death("unmapped", &["code"], SEGMENTATION_FAULT);
}

#[test]
fn a_signal_without_a_stack_to_put_it_on_ends_one_process() {
    check_death("stackless", &["10"], SEGMENTATION_FAULT);
    check_death("stackless", &["10", "handled"], SEGMENTATION_FAULT);
    check_death("stackless", &["11"], SEGMENTATION_FAULT);
}

/// The calls are rt_sigaction, mprotect, munmap, mmap; EPERM and SIGSYS are the answers.
#[test]
fn a_filter_that_refuses_calls_ends_no_other_process() {
    const REFUSED: &str = "0x50001";
    const TRAPPED: &str = "0x30000";
    let filters =
        [(REFUSED, "13"), (TRAPPED, "13"), (TRAPPED, "10"), (REFUSED, "10"), (REFUSED, "11"), (REFUSED, "9")];
    for (action, call) in filters {
        check_death("hostile_filter", &[action, call], SEGMENTATION_FAULT);
    }
}

#[test]
fn a_fault_of_enclu_is_not_kept_back_by_a_mask() {
    check_death("enclu_unmapped", &["blocked"], SEGMENTATION_FAULT);
    check_death("enclu_unmapped", &["ignored"], SEGMENTATION_FAULT);
}
