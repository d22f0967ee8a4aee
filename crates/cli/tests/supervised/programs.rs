//! One test for each C program: it ends with 0 and writes nothing.

use crate::compile::{Flavour, compile, scratch, sources};
use crate::image::image;
use crate::run::{PATIENCE, anyclave, run_within, supervised};
use crate::{fork, signals};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::iter;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// As [`check_with`], with the image of three threads.
pub(crate) fn check(name: &str, flavour: Flavour) {
    check_with(name, flavour, &[image().as_os_str()], PATIENCE);
}

/// Compiles a program, runs it with these arguments, and shows what it says differs.
pub(crate) fn check_with(name: &str, flavour: Flavour, arguments: &[&OsStr], patience: Duration) {
    let folder = scratch(&format!("{name}-{flavour:?}"));
    let program = compile(name, flavour, &folder);
    let command = iter::once(program.as_os_str()).chain(arguments.iter().copied());
    check_command(name, &mut supervised(command), patience, &folder);
}

/// As [`check_with`], on another processor than the usual one.
pub(crate) fn check_on(cpu: &str, name: &str, arguments: &[&OsStr], patience: Duration) {
    let folder = scratch(&format!("{name}-on-{cpu}"));
    let program = compile(name, Flavour::Default, &folder);
    let mut command = Command::new(anyclave());
    command.args(["run", "-q", "--cpu", cpu, "--"]).arg(program).args(arguments);
    check_command(name, &mut command, patience, &folder);
}

fn check_command(name: &str, command: &mut Command, patience: Duration, folder: &Path) {
    let outcome = run_within(patience, command, folder);
    assert!(
        outcome.code() == Some(0) && outcome.stdout.is_empty() && outcome.stderr.is_empty(),
        "{name}: {}\n{}{}",
        outcome.status,
        outcome.stdout,
        outcome.stderr,
    );
}

/// Tests of programs that need no more than the image, and the list of them.
macro_rules! programs {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            crate::programs::check(stringify!($name), crate::compile::Flavour::Default);
        })*

        pub(crate) const ALONE: &[&str] = &[$(stringify!($name)),*];
    };
}
pub(crate) use programs;

programs! {
    abandoned
    clone_flags
    cmac_selftest
    cpuid
    cpuid_inside
    cpuid_lookalikes
    cpuid_registers
    descriptor_paths
    dumpable
    egetkey
    exec_inside
    exec_thread
    exec_ways
    exinfo
    exit_inside
    exitinfo_interrupt
    fork_child
    fork_storm
    group_stop
    group_stop_sibling
    illegal_masks
    illegal_own
    illegal_vdso
    ioctl_add_pages
    ioctl_create
    ioctl_from_inside
    ioctl_init
    ioctl_others
    ioctl_provision
    ioctl_read_only
    ioctl_rhythm
    killed_inside
    low_enclave
    low_limits
    madvise_rules
    many
    main_thread_ended
    many_processes
    memory_stalls
    mmap_early
    mmap_exceeds
    mmap_personality
    mmap_rules
    mprotect_personality
    mprotect_rules
    mremap_failed
    mremap_rules
    munmap_rules
    namespace_death
    nested
    no_interrupted_waits
    no_new_privs
    node_descriptors
    node_opens
    node_paths
    nodes
    orphans
    opens_under_signals
    own_aep
    own_enclu
    own_fault
    own_fault_altstack
    own_fault_pending
    own_filter
    own_filter_calls
    own_filter_lists
    own_filter_threads
    own_refused_entry
    protection_keys
    provision_node
    report
    restart_codes
    selectors
    signal_storm_calls
    signals_blocked
    signals_fatal
    signals_handled
    signals_ignored
    signals_reset_hand
    signals_threads
    signals_unseen
    storm
    storm_threads
    threads
    tight_limits
    vdso_arguments
    vdso_clock
    vdso_dlsym
    vdso_exceptions
    vdso_gnu_hash
    vdso_handler
    vdso_handler_registers
    vdso_hash
    vdso_page_faults
    vdso_refused_entry
    vdso_registers
    vdso_resume
    vdso_scan
    vdso_sections
    vfork_child
    view_cpuinfo
    view_msr
    view_total_bytes
    windows_early
    windows_refused
    windows_wide
}

#[test]
fn vdso_import_bound_by_the_dynamic_linker() {
    check("vdso_weak", Flavour::ImportsVdso);
}

#[test]
fn cpuid_at_a_fixed_address() {
    check("cpuid", Flavour::NoPie);
}

#[test]
fn cpuid_in_a_static_program() {
    check("cpuid", Flavour::Static);
}

#[test]
fn static_program_with_the_vdso() {
    check("vdso_hash", Flavour::Static);
}

#[test]
fn own_fault_at_a_fixed_address() {
    check("own_fault", Flavour::NoPie);
}

#[test]
fn program_without_a_c_library() {
    check("raw", Flavour::Raw);
}

/// A new program that no test names would never run.
#[test]
fn every_program_has_a_test() {
    const ELSEWHERE: &[&str] = &[
        "aex_notify",
        "as_init",
        "closed_descriptors",
        "conform",
        "cpuid_genuine",
        "daemon",
        "docker_like",
        "enclu_unmapped",
        "first_process",
        "fork_both",
        "given_up",
        "hostile_filter",
        "identity",
        "illegal_outside",
        "libvdso_stub",
        "limits",
        "own_code",
        "longest_filter",
        "migrating",
        "msr_list",
        "namespaces",
        "no_memory",
        "no_memory_raw",
        "other_ids",
        "own_listener",
        "ptrace_refused",
        "ptrace_self",
        "raw",
        "seal_key",
        "sgx2_inside",
        "signal_chaos",
        "stackless",
        "storm_exact",
        "subreaper",
        "terminal",
        "traced",
        "unmapped",
        "vdso_weak",
        "vector_report",
        "vector_sgx_crate",
        "vector_test_enclave",
        "without",
    ];
    let named: BTreeSet<String> = ALONE
        .iter()
        .chain(fork::ALONE)
        .chain(signals::ALONE)
        .chain(ELSEWHERE)
        .map(ToString::to_string)
        .collect();
    let entries = std::fs::read_dir(sources()).unwrap().map(|entry| entry.unwrap().path());
    let present: BTreeSet<String> = entries
        .filter(|path| path.extension().is_some_and(|extension| extension == "c"))
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(named, present);
}
