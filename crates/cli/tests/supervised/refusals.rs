//! What `anyclave run` refuses: 127 not found, 126 not executable, 125 everything of its own.

use crate::compile::scratch;
use crate::run::{Outcome, anyclave, run, supervised};
use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Nothing on standard output, one sentence of ours on standard error.
fn assert_refused(outcome: &Outcome, code: i32) {
    outcome.assert_code(code);
    assert_eq!(outcome.stdout, "");
    assert!(outcome.stderr.starts_with("anyclave: "), "{outcome:?}");
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
}

fn file(folder: &Path, name: &str, content: &[u8], mode: u32) -> PathBuf {
    let path = folder.join(name);
    drop(std::fs::remove_file(&path));
    std::fs::write(&path, content).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    path
}

#[test]
fn missing_program_is_127() {
    let folder = scratch("missing");
    for name in ["/no/such/program", "./no-such-program", "no-such-program-in-path", ""] {
        assert_refused(&run(&mut supervised([name]), &folder), 127);
    }
}

#[test]
fn file_that_is_not_executable_is_126() {
    let folder = scratch("not_executable");
    let plain = file(&folder, "plain", b"#!/bin/sh\nexit 0\n", 0o644);
    assert_refused(&run(&mut supervised([&plain]), &folder), 126);
    let garbage = file(&folder, "garbage", b"\x01\x02\x03", 0o755);
    assert_refused(&run(&mut supervised([&garbage]), &folder), 126);
    let cut = file(&folder, "cut", b"\x7fELF\x02\x01\x01", 0o755);
    assert_refused(&run(&mut supervised([&cut]), &folder), 126);
}

#[test]
fn directory_is_126() {
    let folder = scratch("directory");
    assert_refused(&run(&mut supervised([&folder]), &folder), 126);
}

#[test]
fn script_runs() {
    let folder = scratch("script");
    let script = file(&folder, "script", b"#!/bin/sh\nexit $1\n", 0o755);
    run(&mut supervised([script.as_os_str(), "12".as_ref()]), &folder).assert_code(12);
}

/// The header of an i386 program and one loadable segment, which ends with a call of exit(0).
fn program_of_32_bits() -> Vec<u8> {
    const ADDRESS: u32 = 0x0804_8000;
    const HEADERS: u32 = 52 + 32;
    let code = [0x31, 0xdb, 0xb8, 1, 0, 0, 0, 0xcd, 0x80]; // xor ebx, ebx; mov eax, 1; int 80H
    let size = HEADERS + u32::try_from(code.len()).unwrap();
    let mut bytes = b"\x7fELF\x01\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    for half in [2_u16, 3] {
        bytes.extend(half.to_le_bytes()); // e_type EXEC, e_machine 386
    }
    for word in [1, ADDRESS + HEADERS, 52, 0, 0] {
        bytes.extend(word.to_le_bytes()); // e_version, e_entry, e_phoff, e_shoff, e_flags
    }
    for half in [52_u16, 32, 1, 0, 0, 0] {
        bytes.extend(half.to_le_bytes());
    }
    for word in [1, 0, ADDRESS, ADDRESS, size, size, 5, 0x1000] {
        bytes.extend(word.to_le_bytes()); // PT_LOAD, readable and executable
    }
    bytes.extend(code);
    bytes
}

#[test]
fn program_of_32_bits_is_refused() {
    let folder = scratch("bits_32");
    let program = file(&folder, "program", &program_of_32_bits(), 0o755);
    let outcome = run(&mut supervised([&program]), &folder);
    assert_refused(&outcome, 125);
    assert!(outcome.stderr.contains("32-bit"), "{outcome:?}");
}

/// Where the host has no programs of 32 bits at all, neither has a run.
#[test]
fn child_of_32_bits_runs_without_sgx() {
    let folder = scratch("child_32");
    let program = file(&folder, "program", &program_of_32_bits(), 0o755);
    let command =
        [OsStr::new("sh"), "-c".as_ref(), "\"$0\"; echo $?; /bin/echo on".as_ref(), program.as_ref()];
    let alone = run(Command::new(command[0]).args(&command[1..]), &folder);
    let within = run(&mut supervised(command), &folder);
    assert_eq!((alone.status, alone.stdout), (within.status, within.stdout), "{}", within.stderr);
}

#[test]
fn script_whose_interpreter_has_32_bits_is_refused() {
    let folder = scratch("script_32");
    let program = file(&folder, "program", &program_of_32_bits(), 0o755);
    let script = file(&folder, "script", format!("#!{}\n", program.display()).as_bytes(), 0o755);
    assert_refused(&run(&mut supervised([&script]), &folder), 125);
}

#[test]
fn usage_error_is_125() {
    let folder = scratch("usage");
    for arguments in [
        &["run", "--no-such-option"][..],
        &["run", "--epc", "5Q", "--", "true"],
        &["run", "--epc", "1", "--", "true"],
    ] {
        let outcome = run(Command::new(anyclave()).args(arguments), &folder);
        outcome.assert_code(125);
        assert_eq!(outcome.stdout, "");
        assert!(outcome.stderr.starts_with("anyclave: "), "{outcome:?}");
    }
}

/// The demo's enclave asks for EXINFO, which the oldest processor does not have.
#[test]
fn demo_says_what_its_processor_lacks() {
    let folder = scratch("demo_sgx1");
    let outcome = run(Command::new(anyclave()).args(["demo", "-q", "--cpu", "sgx1"]), &folder);
    outcome.assert_code(1);
    assert!(outcome.stderr.contains("EXINFO") && outcome.stderr.contains("--cpu icelake"), "{outcome:?}");
}
