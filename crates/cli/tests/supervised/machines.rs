//! Machines of several kinds: launch control that is not the operating system's, and rare events.

use crate::compile::{Flavour, compile, scratch};
use crate::image::image;
use crate::run::{Outcome, anyclave, run};
use std::path::Path;
use std::process::Command;

/// Runs a program with arguments on a machine with these options.
fn on_machine(options: &[&str], program: &Path, arguments: &[&str], folder: &Path) -> Outcome {
    let mut command = Command::new(anyclave());
    command.arg("run").args(options).arg("--").arg(program).args(arguments);
    run(&mut command, folder)
}

#[test]
fn where_the_hash_cannot_be_written_linux_has_no_enclave_node() {
    let folder = scratch("launch_control");
    let script = "ls /dev/sgx_enclave /dev/sgx/enclave 2>/dev/null
        cat /dev/sgx_enclave 2>&1 | grep -o 'No such file'
        test -c /dev/sgx_provision && grep -cw sgx /proc/cpuinfo >/dev/null && echo sgx
        grep -cw sgx_lc /proc/cpuinfo";
    for how in ["locked", "absent"] {
        let outcome = on_machine(&["-q", "--launch-control", how], Path::new("sh"), &["-c", script], &folder);
        assert_eq!(outcome.stdout, "No such file\nsgx\n0\n", "{how}: {outcome:?}");
    }
}

#[test]
fn registers_say_what_launch_control_there_is() {
    let folder = scratch("launch_registers");
    let program = compile("msr_list", Flavour::Default, &folder);
    let read = |how: &str| {
        let numbers = ["3a", "8c", "8d", "8e", "8f"];
        let outcome = on_machine(&["-q", "--launch-control", how], &program, &numbers, &folder);
        outcome.assert_code(0);
        outcome.stdout
    };
    let intel = "a6053e051270b7ac\n6cfbe8ba8b3b413d\nc4916d99f2b3735d\nd4f8c05909f9bb3b\n";
    assert_eq!(read("writable"), format!("0000000000060001\n{intel}"));
    assert_eq!(read("locked"), format!("0000000000040001\n{intel}"));
    let other = "0123456789abcdef".repeat(4);
    let word = "efcdab8967452301\n".repeat(4);
    assert_eq!(read(&format!("locked={other}")), format!("0000000000040001\n{word}"));
    assert_eq!(read("absent"), format!("0000000000040001\n{}", "EIO\n".repeat(4)));
}

/// Linux repeats EINIT while events interrupt it: half of them cannot keep an enclave from its start.
#[test]
fn an_enclave_is_initialised_among_events() {
    let folder = scratch("inject_event");
    let program = compile("vdso_hash", Flavour::Default, &folder);
    let image = image().to_string_lossy();
    let outcome = on_machine(&["--seed", "x", "--inject", "event=1/2,seed=7"], &program, &[&image], &folder);
    outcome.assert_code(0);
    let start = "; with rare events on purpose: event=1/2,seed=7";
    assert!(outcome.stderr.lines().next().is_some_and(|line| line.ends_with(start)), "{outcome:?}");
}

/// A conflict is a fault of the leaf, and of that a program learns what Linux tells: EIO.
#[test]
fn a_conflict_ends_add_pages_with_eio() {
    let folder = scratch("inject_conflict");
    let program = compile("vdso_hash", Flavour::Default, &folder);
    let image = image().to_string_lossy();
    let refused = |seed: u32| {
        let events = format!("conflict=1/50,seed={seed}");
        let outcome = on_machine(&["-v", "--seed", "x", "--inject", &events], &program, &[&image], &folder);
        let lines = outcome.stderr.lines().filter(|line| line.contains("ADD_PAGES"));
        (lines.map(str::to_owned).collect::<Vec<_>>(), outcome)
    };
    let seed = (0..50).find(|seed| !refused(*seed).0.is_empty()).unwrap();
    let (lines, outcome) = refused(seed);
    assert!(lines.iter().any(|line| line.contains("EIO") && line.contains("Conflict")), "{lines:?}");
    assert_ne!(outcome.code(), Some(0), "{outcome:?}");
    // The same seed, the same events.
    assert_eq!(refused(seed).0, lines);
}
