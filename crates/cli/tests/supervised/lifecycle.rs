//! What the parent sees of a program is what it would see without us.

use crate::compile::{Flavour, compile, scratch};
use crate::image::image;
use crate::run::{Started, anyclave, run, supervised, wait_until};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::fs::File;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

fn shell(script: &str) -> Command {
    supervised(["sh", "-c", script])
}

fn pid_of(started: &Started) -> Pid {
    Pid::from_raw(started.child.id().try_into().unwrap())
}

#[test]
fn exit_code_is_the_programs() {
    let folder = scratch("exit_code");
    for code in [0, 1, 42, 125, 127, 255] {
        let outcome = run(&mut shell(&format!("exit {code}")), &folder);
        outcome.assert_code(code);
        assert_eq!(outcome.stderr, "");
    }
}

#[test]
fn death_by_signal_is_the_programs() {
    let folder = scratch("death_by_signal");
    for signal in [Signal::SIGKILL, Signal::SIGTERM, Signal::SIGSEGV, Signal::SIGILL, Signal::SIGUSR1] {
        let outcome = run(&mut shell(&format!("ulimit -c 0; kill -{} $$", signal as i32)), &folder);
        assert_eq!(outcome.signal(), Some(signal as i32), "{outcome:?}");
    }
}

#[test]
fn signals_reach_the_program() {
    let folder = scratch("signals_reach");
    let mut command = shell("trap 'exit 9' TERM; echo ready; while :; do sleep 0.1; done");
    let started = Started::new(&mut command, &folder);
    wait_until("the trap is set", || started.stdout().contains("ready").then_some(()));
    kill(pid_of(&started), Signal::SIGTERM).unwrap();
    started.finish().assert_code(9);
}

#[test]
fn program_is_the_child_that_was_started() {
    let folder = scratch("same_process");
    let started = Started::new(&mut shell("echo $$ $PPID"), &folder);
    let expected = format!("{} {}\n", started.child.id(), std::process::id());
    assert_eq!(started.finish().stdout, expected);
}

#[test]
fn stopping_and_continuing_is_seen_by_the_parent() {
    let folder = scratch("stopping");
    for stop in [Signal::SIGTSTP, Signal::SIGSTOP] {
        // Long enough to be seen running again before it ends.
        let mut command = shell(&format!("kill -{} $$; sleep 0.5; exit 7", stop as i32));
        let started = Started::new(command.process_group(0), &folder);
        let pid = pid_of(&started);
        assert_eq!(waitpid(pid, Some(WaitPidFlag::WUNTRACED)), Ok(WaitStatus::Stopped(pid, stop)));
        kill(pid, Signal::SIGCONT).unwrap();
        assert_eq!(waitpid(pid, Some(WaitPidFlag::WCONTINUED)), Ok(WaitStatus::Continued(pid)));
        assert_eq!(waitpid(pid, None), Ok(WaitStatus::Exited(pid, 7)));
    }
}

#[test]
fn child_outlives_the_program_and_still_has_sgx() {
    let folder = scratch("outlives");
    let program = compile("vdso_hash", Flavour::Default, &folder);
    let note = folder.join("note");
    drop(std::fs::remove_file(&note));
    let script = format!(
        "(sleep 0.5; '{}' '{}'; echo ended with $? > '{}') & exit 3",
        program.display(),
        image().display(),
        note.display(),
    );
    run(&mut shell(&script), &folder).assert_code(3);
    assert!(!note.exists(), "the run must not wait for the child");
    let text = wait_until("the child has ended", || {
        std::fs::read_to_string(&note).ok().filter(|text| text.ends_with('\n'))
    });
    assert_eq!(text, "ended with 0\n");
}

#[test]
fn killing_the_supervisor_kills_the_program_with_a_word() {
    let folder = scratch("kill_supervisor");
    let mut command = shell("grep TracerPid /proc/$$/status; exec sleep 60");
    let started = Started::new(&mut command, &folder);
    let tracer = wait_until("the tracer is known", || {
        let line = started.stdout();
        line.strip_prefix("TracerPid:")
            .filter(|_| line.ends_with('\n'))
            .map(|number| number.trim().to_owned())
    });
    assert_ne!(tracer, "0");
    let status = std::fs::read_to_string(format!("/proc/{tracer}/status")).unwrap();
    let group = status.lines().find_map(|line| line.strip_prefix("Tgid:")).unwrap().trim().parse().unwrap();
    kill(Pid::from_raw(group), Signal::SIGKILL).unwrap();

    let outcome = started.finish();
    assert_eq!(outcome.signal(), Some(Signal::SIGKILL as i32), "{outcome:?}");
    let said = wait_until("a word on standard error", || {
        std::fs::read_to_string(folder.join("stderr")).ok().filter(|text| text.ends_with('\n'))
    });
    assert!(said.starts_with("anyclave: "), "{said}");
}

/// The same command without and with us.
fn both(folder: &str, command: &[&str]) -> (String, String) {
    let folder = scratch(folder);
    let mut plain = Command::new(command[0]);
    let alone = run(plain.args(&command[1..]), &folder);
    let within = run(&mut supervised(command), &folder);
    assert_eq!(alone.status, within.status, "{within:?}");
    assert_eq!(alone.stderr, within.stderr);
    (alone.stdout, within.stdout)
}

#[test]
fn environment_is_passed_on_unchanged() {
    let (alone, within) = both("environment", &["env"]);
    assert_eq!(alone, within);
}

#[test]
fn limits_descriptors_and_dispositions_are_passed_on_unchanged() {
    let folder = scratch("limits");
    let program = compile("limits", Flavour::Default, &folder);
    let (alone, within) = both("limits", &[program.to_str().unwrap(), "--quiet", "-x", "two words", ""]);
    assert_eq!(alone, within);
}

#[test]
fn standard_input_is_the_programs() {
    let folder = scratch("standard_input");
    let path = folder.join("input");
    File::create(&path).unwrap().write_all(b"one\ntwo\n").unwrap();
    let mut command = supervised(["cat"]);
    let outcome = Started::new(command.stdin(File::open(&path).unwrap()), &folder).finish();
    outcome.assert_code(0);
    assert_eq!(outcome.stdout, "one\ntwo\n");
}

#[test]
fn pipelines_and_many_processes_run() {
    let folder = scratch("pipelines");
    let script = "for i in $(seq 40); do /bin/true || exit 1; done; seq 20000 | sort -rn | tail -n 1";
    let outcome = run(&mut shell(script), &folder);
    outcome.assert_code(0);
    assert_eq!(outcome.stdout, "1\n");
}

#[test]
fn without_a_program_the_shell_runs() {
    let folder = scratch("shell");
    let input = folder.join("input");
    std::fs::write(&input, "test -c /dev/sgx_enclave && exit 6\n").unwrap();
    let mut command = Command::new(anyclave());
    command.args(["run", "-q"]).env("SHELL", "/bin/sh").stdin(File::open(&input).unwrap());
    Started::new(&mut command, &folder).finish().assert_code(6);
}

#[test]
fn one_line_at_start_names_the_simulation() {
    let folder = scratch("start_line");
    let mut command = Command::new(anyclave());
    command.args(["run", "--", "true"]).env_remove("ANYCLAVE_QUIET").stdin(Stdio::null());
    let outcome = Started::new(&mut command, &folder).finish();
    outcome.assert_code(0);
    assert!(outcome.stderr.starts_with("anyclave: "), "{outcome:?}");
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
    assert_eq!(outcome.stdout, "");
}

#[test]
fn sealing_keys_come_back_with_the_state_folder() {
    let folder = scratch("sealing");
    let program = compile("seal_key", Flavour::Default, &folder);
    let key = |state: &str| {
        let state = folder.join(state);
        let mut command = supervised([program.as_os_str(), image().as_os_str()]);
        let outcome = run(command.env("ANYCLAVE_STATE", state), &folder);
        outcome.assert_code(0);
        outcome.stdout
    };
    for state in ["one", "two"] {
        drop(std::fs::remove_dir_all(folder.join(state)));
    }
    let first = key("one");
    assert_eq!(first.len(), 33);
    assert_eq!(key("one"), first);
    assert_ne!(key("two"), first);
}

#[test]
fn programs_run_where_nothing_is_writable() {
    let folder = scratch("no_home");
    let program = compile("vdso_hash", Flavour::Default, &folder);
    let mut command = supervised([program.as_os_str(), image().as_os_str()]);
    command.env("HOME", "/nonexistent").env_remove("XDG_STATE_HOME").env_remove("XDG_CACHE_HOME");
    let outcome = run(command.env("TMPDIR", "/nonexistent").env_remove("XDG_RUNTIME_DIR"), &folder);
    outcome.assert_code(0);
    assert!(!std::path::Path::new("/nonexistent").exists(), "a home was made");
}

#[test]
fn tebibyte_of_epc_costs_nothing_at_the_start() {
    let folder = scratch("tebibyte");
    let program = compile("vdso_hash", Flavour::Default, &folder);
    let mut command = Command::new(anyclave());
    command.args(["run", "-q", "--epc", "1T", "--"]).arg(&program).arg(image());
    run(&mut command, &folder).assert_code(0);
}
