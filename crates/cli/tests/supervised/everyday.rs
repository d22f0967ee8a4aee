//! What people do all day, without enclaves: it comes out the same under `anyclave run`.

use crate::compile::{Flavour, compile, scratch, sources};
use crate::run::{Outcome, Started, anyclave, run, supervised, wait_until};
use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

fn shell(script: &str) -> Command {
    supervised(["sh", "-c", script])
}

/// The same command without and with us, in `folder`.
fn both(command: &[&OsStr], folder: &Path) -> [Outcome; 2] {
    let alone = run(Command::new(command[0]).args(&command[1..]).current_dir(folder), folder);
    [alone, run(supervised(command).current_dir(folder), folder)]
}

fn assert_same(command: &[&OsStr], folder: &Path) -> Outcome {
    let [alone, within] = both(command, folder);
    assert_eq!(alone.status, within.status, "{command:?}: {within:?}");
    assert_eq!(alone.stdout, within.stdout, "{command:?}");
    assert_eq!(alone.stderr, within.stderr, "{command:?}");
    within
}

fn same_script(name: &str, script: &str) -> Outcome {
    assert_same(&["sh".as_ref(), "-c".as_ref(), script.as_ref()], &scratch(name))
}

/// Whether the host has a program; a test that needs more than a compiler says that it is skipped.
fn present(test: &str, program: &str) -> bool {
    let found = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()));
    if !found {
        // past the capture of the test harness, which hides what a passing test prints
        drop(writeln!(std::io::stderr(), "skipped: {test}: no {program}"));
    }
    found
}

#[test]
fn a_thousand_short_processes() {
    let folder = scratch("thousand");
    let script = "i=0; while [ $i -lt 1000 ]; do /bin/true || exit 1; i=$((i + 1)); done; echo $i";
    let outcome = run(&mut shell(script), &folder);
    outcome.assert_code(0);
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("1000\n", ""));
}

#[test]
fn trees_of_processes() {
    let script =
        "f() { if [ $1 -gt 0 ]; then (f $(($1 - 1))) & (f $(($1 - 1))) & wait; else /bin/echo leaf; fi; }
        f 6 | sort | uniq -c | awk '{ print $1, $2 }'";
    let outcome = same_script("trees", script);
    assert_eq!(outcome.stdout, "64 leaf\n");
}

#[test]
fn background_jobs_in_parallel() {
    let script = "for i in 1 2 3 4 5 6 7 8; do
            (for j in 1 2 3 4 5; do sh -c \"echo $i | cat | cat\"; done >out.$i) & done; wait; cat out.?";
    assert_eq!(same_script("parallel", script).stdout.lines().count(), 40);
}

#[test]
fn processes_where_no_more_are_allowed() {
    // The limit counts the user's processes everywhere, so the shell may not get even one.
    let script = "ulimit -u 1; (echo in a child) 2>/dev/null; echo after";
    let folder = scratch("no_processes");
    let outcome = run(&mut shell(script), &folder);
    assert!(outcome.code().is_some(), "{outcome:?}");
}

#[test]
fn statuses_as_shells_tell_them() {
    for script in [
        "sh -c 'ulimit -c 0; kill -SEGV $$'; echo $?",
        "sh -c 'kill -KILL $$'; echo $?",
        "(exit 300); echo $?",
        "/no/such/program; echo $?",
        "/etc/passwd; echo $?",
        "sh -c 'kill -STOP $$; exit 4' & sleep 0.3; kill -CONT $!; wait $!; echo $?",
        "true | false; echo $?",
        "trap 'echo trapped' EXIT; exit 5",
        "timeout 0.2 sleep 10; echo $?",
        "timeout -s KILL 0.2 sleep 10; echo $?",
        "sleep 10 & kill $!; wait $!; echo $?",
        "ulimit -t 1; (while :; do :; done); echo $?",
    ] {
        // The shell names process ids where a signal ended a job.
        let script = format!("{{ {script}\n}} 2>/dev/null");
        same_script("statuses", &script);
    }
}

#[test]
fn a_broken_pipe_ends_the_writer() {
    let folder = scratch("broken_pipe");
    let mut command = shell("{ yes; echo $? >status; } | head -n 1; cat status");
    let outcome = run(command.current_dir(&folder), &folder);
    outcome.assert_code(0);
    // SIGPIPE unless whoever started the tests ignores it.
    assert!(["y\n141\n", "y\n1\n"].contains(&outcome.stdout.as_str()), "{outcome:?}");
}

#[test]
fn a_reader_of_our_output_that_goes_away_ends_the_program() {
    let mut command = supervised(["sh", "-c", "while :; do echo line; done"]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let status = wait_until("the program ends", || child.try_wait().unwrap());
    assert!(!status.success());
}

#[test]
fn descriptors_that_are_closed_at_the_start_stay_closed() {
    let folder = scratch("closed");
    let program = compile("closed_descriptors", Flavour::Default, &folder);
    for redirections in ["", "<&-", ">&-", "2>&-", "<&- >&- 2>&-", "7</dev/null 9>/dev/null"] {
        let said = ["", "\"$0\" run -q -- "].map(|prefix| {
            let script = format!("exec {prefix}\"$1\" \"$2\" {redirections}");
            let note = folder.join("descriptors");
            let mut command = Command::new("sh");
            command.args(["-c", &script]).arg(anyclave()).arg(&program).arg(&note);
            run(&mut command, &folder).assert_code(0);
            std::fs::read_to_string(note).unwrap()
        });
        assert_eq!(said[0], said[1], "{redirections}");
    }
}

#[test]
fn daemons_outlive_the_run() {
    let folder = scratch("daemon");
    let note = folder.join("note");
    drop(std::fs::remove_file(&note));
    let script = "(setsid sh -c '(sleep 0.5; sh -c \"exit 6\"; echo $? >note) &' <&- >&- 2>&- &); exit 3";
    run(shell(script).current_dir(&folder), &folder).assert_code(3);
    let text = wait_until("the daemon has written", || {
        std::fs::read_to_string(&note).ok().filter(|text| text.ends_with('\n'))
    });
    assert_eq!(text, "6\n");
}

#[test]
fn without_address_randomisation() {
    if !present("without_address_randomisation", "setarch") {
        return;
    }
    let folder = scratch("no_randomisation");
    let personality = ["setarch", "-R", "cat", "/proc/self/personality"].map(OsStr::new);
    assert_same(&personality, &folder);
    let mut command = Command::new("setarch");
    command.arg("-R").arg(anyclave()).args(["run", "-q", "--", "cat", "/proc/self/personality"]);
    let outcome = run(&mut command, &folder);
    outcome.assert_code(0);
    assert_eq!(outcome.stdout, "00040000\n");
}

#[test]
fn first_process_of_a_namespace() {
    const NAME: &str = "first_process_of_a_namespace";
    if !present(NAME, "unshare") {
        return;
    }
    let script = "echo $$; (exit 3); echo $?; /bin/true; sh -c 'kill -KILL $$'; echo $?";
    let command = ["unshare", "-rfp", "sh", "-c", script].map(OsStr::new);
    let folder = scratch("namespace");
    let [alone, within] = both(&command, &folder);
    if alone.code() != Some(0) {
        drop(writeln!(std::io::stderr(), "skipped: {NAME}: {}", alone.stderr.trim()));
        return;
    }
    assert_eq!(alone.stdout, within.stdout, "{within:?}");
    assert_eq!(within.code(), Some(0), "{within:?}");
}

#[test]
fn the_compiler_makes_the_same_object() {
    let folder = scratch("compiler");
    std::fs::write(folder.join("p.c"), "#include <stdio.h>\nint main(void) { return puts(\"made\") < 0; }\n")
        .unwrap();
    let cc = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let mut objects = Vec::new();
    for _within in [false, true] {
        let options = ["-O2", "-c", "p.c", "-o", "p.o"].map(OsStr::new);
        let command: Vec<&OsStr> = std::iter::once(cc.as_os_str()).chain(options).collect();
        if objects.is_empty() {
            run(Command::new(command[0]).args(&command[1..]).current_dir(&folder), &folder).assert_code(0);
        } else {
            run(supervised(&command).current_dir(&folder), &folder).assert_code(0);
        }
        objects.push(std::fs::read(folder.join("p.o")).unwrap());
    }
    assert!(objects[0] == objects[1]);

    // And whole, with the linker; the result runs within, too.
    let link = [cc.as_os_str(), "-O2".as_ref(), "p.c".as_ref(), "-o".as_ref(), "p".as_ref()];
    run(supervised(link).current_dir(&folder), &folder).assert_code(0);
    assert_eq!(run(&mut supervised([folder.join("p")]), &folder).stdout, "made\n");
}

#[test]
fn make_with_parallel_jobs() {
    if !present("make_with_parallel_jobs", "make") {
        return;
    }
    let folder = scratch("make");
    let rule = "all: 1 2 3 4 5 6 7 8\n%:\n\t@echo $@ | cat | cat >out.$@; sh -c 'exit 0'\n";
    std::fs::write(folder.join("Makefile"), rule).unwrap();
    let make = ["make", "-s", "-j2"].map(OsStr::new);
    run(supervised(make).env_remove("MAKEFLAGS").current_dir(&folder), &folder).assert_code(0);
    for number in 1..=8 {
        let text = std::fs::read_to_string(folder.join(format!("out.{number}"))).unwrap();
        assert_eq!(text, format!("{number}\n"));
    }
}

#[test]
fn python_with_threads_and_processes() {
    if !present("python_with_threads_and_processes", "python3") {
        return;
    }
    let script = "
import subprocess, threading, multiprocessing, hashlib, signal, os, time
if __name__ == '__main__':
    print(subprocess.run(['sh', '-c', 'exit 5']).returncode, subprocess.check_output(['echo', 'x']))
    seen = []
    threads = [threading.Thread(target=lambda n=n: seen.append(n)) for n in range(20)]
    [t.start() for t in threads]; [t.join() for t in threads]
    print(sorted(seen))
    with multiprocessing.get_context('fork').Pool(3) as pool:
        print(pool.map(abs, range(-5, 0)))
    print(hashlib.sha256(b'abc').hexdigest())
    signal.signal(signal.SIGALRM, lambda *_: print('alarm'))
    signal.setitimer(signal.ITIMER_REAL, 0.05); time.sleep(0.2)
    pid = os.fork()
    if pid == 0:
        os.kill(os.getpid(), signal.SIGTERM)
    print(os.waitpid(pid, 0)[1])
";
    assert_same(&["python3", "-c", script].map(OsStr::new), &scratch("python"));
}

/// Where a process is between two tracers nothing gets lost, however often.
#[test]
fn hand_over_of_many_processes_never_hangs() {
    let folder = scratch("hand_over");
    let program = compile("fork_storm", Flavour::Default, &folder);
    let started: Vec<Started> = (0..6)
        .map(|number| {
            let folder = folder.join(number.to_string());
            std::fs::create_dir_all(&folder).unwrap();
            let script = "for i in 1 2 3; do \"$0\" || exit 1; done";
            let mut command =
                supervised(["sh".as_ref(), "-c".as_ref(), script.as_ref(), program.as_os_str()]);
            Started::new(command.stdin(Stdio::null()), &folder)
        })
        .collect();
    for started in started {
        let outcome = started.finish();
        outcome.assert_code(0);
        assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("", ""));
    }
}

#[test]
fn static_programs_and_those_without_a_c_library() {
    let folder = scratch("static");
    let identity = compile("identity", Flavour::Static, &folder);
    assert_same(&[identity.as_os_str()], &folder);
    assert!(sources().join("raw.c").is_file());
    let raw = compile("raw", Flavour::Raw, &folder);
    // Without an argument it ends at its first check.
    assert_eq!(assert_same(&[raw.as_os_str()], &folder).code(), Some(10));
}

/// Valgrind decodes what its programs would execute.
#[test]
fn code_that_an_emulator_reads_is_left_alone() {
    let folder = scratch("emulator");
    let program = compile("own_code", Flavour::Default, &folder);
    run(&mut supervised([&program]), &folder).assert_code(3);
    let tool = folder.join("valgrind/some-amd64-linux");
    std::fs::create_dir_all(tool.parent().unwrap()).unwrap();
    std::fs::copy(&program, &tool).unwrap();
    run(&mut supervised([tool]), &folder).assert_code(0);
}
