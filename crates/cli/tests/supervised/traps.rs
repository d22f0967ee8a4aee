//! The traps of running programs under a tracer, each with the tests that keep us out of it.

use std::collections::BTreeSet;
use std::process::Command;

/// What goes wrong where nobody thought of it, and the names of tests of this program.
const TRAPS: &[(&str, &[&str])] = &[
    (
        "the kernel forces a fault's signal: the handler of a blocked or ignored one is gone before the tracer sees it",
        &["programs::signals_blocked", "programs::signals_ignored", "programs::signals_reset_hand"],
    ),
    (
        "of many threads the one that had the signal blocked is to be found, and the others' handler may go at any moment",
        &[
            "programs::signals_threads",
            "signals::signals_masks",
            "signals::signal_frames",
            "signals::signal_chaos",
        ],
    ),
    ("a fork copies the actions while a sibling's handler is gone", &["signals::signal_chaos"]),
    ("a group-stop overtakes an exception", &["signals::signal_chaos", "signals::job_control"]),
    (
        "a signal that is made again shows the host's error code, trap number and address",
        &["programs::own_fault", "programs::own_fault_altstack", "programs::own_fault_at_a_fixed_address"],
    ),
    ("a blocked fault stays pending and faults for ever", &["programs::signals_fatal"]),
    ("RAX inside looks like a call to restart", &["programs::restart_codes"]),
    (
        "registers of a tracer's image that the processor refuses",
        &["programs::storm", "programs::vdso_registers", "signals::storm_exact"],
    ),
    (
        "group-stops and SIGKILL come without a signal-delivery stop",
        &[
            "programs::group_stop",
            "programs::killed_inside",
            "programs::exit_inside",
            "terminal::suspend_key_and_fg",
        ],
    ),
    ("a tracer's interruption, or an ignored signal, ends a wait", &["programs::no_interrupted_waits"]),
    ("execve by another thread than the first", &["programs::exec_thread", "programs::exec_inside"]),
    (
        "a child's first stop comes before its parent's event",
        &["programs::fork_storm", "everyday::hand_over_of_many_processes_never_hangs"],
    ),
    (
        "a parent in vfork cannot be stopped, and shares its memory",
        &["programs::vfork_child", "programs::exec_inside"],
    ),
    (
        "between two tracers a process belongs to nobody",
        &[
            "programs::fork_storm",
            "tracers::ptrace_is_refused_with_a_word",
            "everyday::a_thousand_short_processes",
        ],
    ),
    ("handlers see another PKRU", &["programs::protection_keys"]),
    ("a second signal while a handler's first instruction is waited for", &["programs::own_fault_pending"]),
    ("arguments of an ioctl in enclave memory that cannot be read", &["programs::ioctl_from_inside"]),
    ("the program's own limits of files and descriptors", &["programs::low_limits"]),
    ("an EPC of which every frame costs", &["lifecycle::tebibyte_of_epc_costs_nothing_at_the_start"]),
    ("mmap before CREATE", &["programs::mmap_early"]),
    ("a handled signal restarts a call that the supervisor is at", &["programs::signal_storm_calls"]),
    ("a process that is not dumpable", &["programs::dumpable"]),
    (
        "remote calls under the program's own filter",
        &[
            "programs::own_filter",
            "programs::own_filter_calls",
            "programs::own_filter_lists",
            "programs::own_filter_threads",
            "programs::no_new_privs",
            "trees::a_filter_that_forbids_memory_costs_a_program_sgx_and_not_its_life",
        ],
    ),
    (
        "the first process of a PID namespace: signals do not end it while it is traced, and orphans are its own",
        &[
            "trees::a_run_may_be_the_first_process_of_a_namespace",
            "trees::the_first_process_of_a_namespace_dies_by_its_faults",
            "trees::who_takes_up_orphans_gets_none_of_ours",
        ],
    ),
    (
        "process ids, users and roots that are not ours",
        &[
            "trees::namespaces_of_a_program_change_nothing",
            "trees::proc_of_another_namespace_is_refused_in_one_sentence",
            "trees::privileges_may_be_given_up",
            "containers::programs_of_users_that_root_becomes_have_sgx",
        ],
    ),
    ("hosts that forbid what we need", &["hosts::without_ptrace", "hosts::without_seccomp"]),
    (
        "many ways to open and to name a node",
        &["programs::node_opens", "programs::node_paths", "programs::nodes"],
    ),
    ("an ELRANGE where we would like to be ourselves", &["programs::low_enclave"]),
    (
        "programs of 32 bits, and debuggers inside a run",
        &[
            "refusals::program_of_32_bits_is_refused",
            "refusals::child_of_32_bits_runs_without_sgx",
            "tracers::ptrace_is_refused_with_a_word",
        ],
    ),
    (
        "what only enclaves may not execute comes as another exception, or as none",
        &[
            "programs::illegal_own",
            "programs::illegal_vdso",
            "programs::illegal_masks",
            "programs::cpuid_inside",
            "programs::selectors",
            "illegal::illegal_instructions_do_outside_what_they_do_on_the_host",
        ],
    ),
    ("programs that may be executed and not read", &["privileges::unreadable_program_further_down_runs"]),
];

#[test]
fn each_trap_has_its_tests() {
    let list = Command::new(std::env::current_exe().unwrap()).arg("--list").output().unwrap();
    let list = String::from_utf8(list.stdout).unwrap();
    let present: BTreeSet<&str> = list.lines().filter_map(|line| line.strip_suffix(": test")).collect();
    for (trap, tests) in TRAPS {
        assert!(!tests.is_empty(), "{trap}");
        for test in *tests {
            assert!(present.contains(test), "{trap}: no test {test}");
        }
    }
}
