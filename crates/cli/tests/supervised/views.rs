//! Files in which a machine shows, on machines of several kinds. What each file says by itself is checked by the
//! C programs `view_*`.

use crate::compile::{Flavour, compile, scratch};
use crate::image::image;
use crate::run::{Outcome, anyclave, run, supervised};
use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;
use std::process::Command;

/// Runs a shell's script on a machine with these options.
fn on_machine(name: &str, options: &[&str], script: &str) -> Outcome {
    let mut command = Command::new(anyclave());
    command.args(["run", "-q"]).args(options).args(["--", "sh", "-c", script]);
    run(&mut command, &scratch(name))
}

#[test]
fn each_node_says_how_much_epc_it_has() {
    let script =
        "for n in 0 1 2; do cat /sys/devices/system/node/node$n/x86/sgx_total_bytes; done 2>/dev/null
        test -d /sys/devices/system/node/node1/x86; echo $?";
    let options = ["--epc", "64M@node0,32M@node1,4K@node0"];
    let outcome = on_machine("total_bytes", &options, script);
    assert_eq!(outcome.stdout, "67112960\n33554432\n0\n", "{outcome:?}");
}

#[test]
fn cpuinfo_differs_from_the_hosts_by_what_sgx_adds_alone() {
    let words = |text: &str| -> Vec<String> {
        // The clock differs from one look to the next.
        let lines =
            text.lines().filter(|line| !line.starts_with("cpu MHz") && !line.starts_with("cpuid level"));
        let words = lines.flat_map(str::split_ascii_whitespace).map(str::to_owned);
        words.filter(|word| !["sgx", "sgx_lc"].contains(&word.as_str())).collect()
    };
    let host = std::fs::read_to_string("/proc/cpuinfo").unwrap();
    let outcome = on_machine("cpuinfo", &[], "cat /proc/cpuinfo");
    assert_eq!(words(&outcome.stdout), words(&host));
    let count = |word| outcome.stdout.split_ascii_whitespace().filter(|other| *other == word).count();
    let processors = host.lines().filter(|line| line.starts_with("flags")).count();
    assert_eq!((count("sgx"), count("sgx_lc")), (processors, processors));
}

#[test]
fn a_processor_of_intels_name_says_so_everywhere() {
    let folder = scratch("genuine");
    let program = compile("cpuid_genuine", Flavour::Default, &folder);
    let mut command = Command::new(anyclave());
    command.args(["run", "-q", "--cpu", "icelake,+genuineintel", "--"]).arg(&program);
    let outcome = run(&mut command, &folder);
    assert!(outcome.code() == Some(0) && outcome.stderr.is_empty(), "{outcome:?}");
    // And everyday programs do not mind.
    let script = "grep -c GenuineIntel /proc/cpuinfo >/dev/null && sort /etc/passwd | tail -n 1 | wc -l";
    let outcome = on_machine("genuine_shell", &["--cpu", "max,+genuineintel"], script);
    assert_eq!((outcome.code(), outcome.stdout.trim()), (Some(0), "1"), "{outcome:?}");
}

#[test]
fn enclaves_run_on_every_model_that_has_what_they_want() {
    let folder = scratch("models");
    let program = compile("vdso_hash", Flavour::Default, &folder);
    for cpu in ["sgx2", "icelake,+genuineintel", "spr", "max", "sgx1,+exinfo"] {
        let mut command = Command::new(anyclave());
        command.args(["run", "-q", "--cpu", cpu, "--"]).arg(&program).arg(image());
        let outcome = run(&mut command, &folder);
        assert!(outcome.code() == Some(0) && outcome.stderr.is_empty(), "{cpu}: {outcome:?}");
    }
    // The image wants EXINFO.
    for cpu in ["sgx1", "max,-exinfo"] {
        let mut command = Command::new(anyclave());
        command.args(["run", "-v", "--cpu", cpu, "--"]).arg(&program).arg(image());
        let refused = run(&mut command, &folder);
        refused.assert_code(1);
        assert!(refused.stderr.contains("MiscselectUnsupported"), "{cpu}: {refused:?}");
    }
}

#[test]
fn control_flow_enforcement_is_refused_with_a_reason() {
    let outcome = on_machine("no_cet", &["--cpu", "icelake,+cet"], "echo started");
    outcome.assert_code(125);
    assert_eq!(outcome.stdout, "");
    assert!(outcome.stderr.contains("'cet' is not there"), "{outcome:?}");
}

/// A command in a mount namespace of its own whose /dev is noexec. None where the host lets nobody have one.
fn beside_noexec_devices(folder: &Path, command: &[&OsStr]) -> Option<Outcome> {
    // Without a mount of its own /dev gets one first.
    let script = "noexec='mount -o remount,bind,noexec /dev'
        $noexec 2>/dev/null || { mount --rbind /dev /dev && $noexec; } || exit 111
        grep -q ' /dev .*noexec' /proc/mounts || exit 111";
    let isolated = |last: &str| {
        let mut isolated = Command::new("unshare");
        isolated.args(["-rm", "sh", "-c", &format!("{script}\n{last}"), "sh"]);
        isolated
    };
    let possible = isolated("exit 0").output().is_ok_and(|output| output.status.success());
    if !possible {
        drop(writeln!(std::io::stderr(), "skipped: no mount namespace can be had"));
        return None;
    }
    Some(run(isolated("exec \"$@\"").args(command), folder))
}

#[test]
fn nodes_are_never_noexec() {
    let folder = scratch("noexec");
    let anyclave = anyclave();
    let within = [anyclave.as_os_str(), "run".as_ref(), "-q".as_ref(), "--".as_ref()];
    let script = "cd /proc/self && cat /proc/mounts /proc/self/mounts /proc/thread-self/mounts /proc/$$/mountinfo \
        mounts mountinfo";
    let script = ["sh".as_ref(), "-c".as_ref(), script.as_ref()].map(|word: &OsStr| word);
    let Some(host) = beside_noexec_devices(&folder, &script) else { return };
    host.assert_code(0);
    let outcome = beside_noexec_devices(&folder, &[&within[..], &script].concat()).unwrap();
    outcome.assert_code(0);
    let expected: Vec<String> = host.stdout.lines().map(without_noexec_of_dev).collect();
    assert_eq!(expected.iter().filter(|line| line.contains(" /dev ")).count() % 6, 0);
    assert_ne!(host.stdout, outcome.stdout);
    let numbers = |line: &str| -> String {
        // Each namespace numbers its mounts anew.
        let known = |word: &&str| !word.contains(':') && !word.bytes().all(|byte| byte.is_ascii_digit());
        line.split(' ').filter(known).collect::<Vec<_>>().join(" ")
    };
    let [expected, seen] = [expected, outcome.stdout.lines().map(str::to_owned).collect()]
        .map(|lines: Vec<String>| lines.iter().map(|line| numbers(line)).collect::<Vec<_>>());
    assert_eq!(expected, seen);

    let program = compile("vdso_hash", Flavour::Default, &folder);
    let host = [program.as_os_str(), image().as_os_str()];
    let outcome = beside_noexec_devices(&folder, &[&within[..], &host].concat()).unwrap();
    assert!(outcome.code() == Some(0) && outcome.stderr.is_empty(), "{outcome:?}");
}

/// The options are in the fourth field of mounts and in the sixth of mountinfo.
fn without_noexec_of_dev(line: &str) -> String {
    if line.contains(" /dev ") { line.replace(",noexec", "") } else { line.to_owned() }
}

#[test]
fn tables_of_mounts_are_the_hosts_where_nothing_is_noexec() {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
    if mounts.lines().any(|line| line.contains(" /dev ") && line.contains("noexec")) {
        return;
    }
    // The file itself, which can be waited on for changes.
    let outcome = on_machine("mounts", &[], "exec 5</proc/self/mounts; readlink /proc/self/fd/5; cat <&5");
    let (name, table) = outcome.stdout.split_once('\n').unwrap();
    assert!(name.starts_with("/proc/"), "{name}");
    assert_eq!(table, mounts);
}

#[test]
fn a_program_without_proc_has_no_cpuinfo() {
    let folder = scratch("no_proc");
    let mut command = supervised([
        "sh",
        "-c",
        "exec unshare -rm sh -c 'mount -t tmpfs none /proc || exit 111
        exec 3</proc/cpuinfo'",
    ]);
    let outcome = run(&mut command, &folder);
    if outcome.code() == Some(111) || outcome.stderr.contains("unshare") {
        drop(writeln!(std::io::stderr(), "skipped: no mount namespace can be had"));
        return;
    }
    assert_ne!(outcome.code(), Some(0), "{outcome:?}");
    assert!(outcome.stderr.contains("/proc/cpuinfo"), "{outcome:?}");
}
