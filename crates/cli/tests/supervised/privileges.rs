//! Programs whose files carry rights that a traced process cannot have. Some of it can be staged by root alone;
//! these tests say so where they are skipped.

use crate::compile::{Flavour, compile};
use crate::run::{Outcome, anyclave, run, supervised};
use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const NOBODY: u32 = 65534;

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

fn skipped(test: &str) {
    // past the capture of the test harness, which hides what a passing test prints
    drop(writeln!(std::io::stderr(), "skipped: {test}: only root can stage it"));
}

/// A copy of a program, for this owner and with this mode, in a folder that everybody can reach.
fn staged(from: &Path, folder: &Path, name: &str, owner: u32, mode: u32) -> PathBuf {
    let path = folder.join(name);
    drop(std::fs::remove_file(&path));
    std::fs::copy(from, &path).unwrap();
    chown(&path, Some(owner), Some(owner)).unwrap();
    std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    path
}

/// A fresh folder below the system's temporary one: other users cannot reach those of the build.
struct Public(PathBuf);

impl Public {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("anyclave-{name}-{}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        std::fs::set_permissions(&folder, Permissions::from_mode(0o777)).unwrap();
        Self(folder)
    }
}

impl Drop for Public {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// The command as a user without privileges, where we are root.
fn as_nobody(command: &mut Command, home: &Path) -> Outcome {
    command.env("HOME", home).env_remove("XDG_STATE_HOME").env_remove("XDG_RUNTIME_DIR");
    run(command.uid(NOBODY).gid(NOBODY).current_dir(home), home)
}

#[test]
fn set_uid_program_runs_without_that_privilege_and_it_is_said() {
    if !is_root() {
        return skipped("set_uid_program_runs_without_that_privilege_and_it_is_said");
    }
    let folder = Public::new("set-uid");
    let id = compile("identity", Flavour::Default, &folder.0);
    // Root's program for nobody, then nobody's for root.
    let elevating = staged(&id, &folder.0, "elevating", 0, 0o4755);
    let lowering = staged(&id, &folder.0, "lowering", NOBODY, 0o4755);
    let anyclave = staged(&anyclave(), &folder.0, "anyclave", 0, 0o755);

    let mut command = Command::new(&anyclave);
    let outcome = as_nobody(command.args(["run", "-q", "--"]).arg(&elevating), &folder.0);
    outcome.assert_code(0);
    assert_eq!(outcome.stdout, format!("{NOBODY} {NOBODY}\n"));
    assert_said(&outcome, &elevating);

    let outcome = run(&mut supervised([&lowering]), &folder.0);
    outcome.assert_code(0);
    assert_eq!(outcome.stdout, "0 0\n");
    assert_said(&outcome, &lowering);
}

fn assert_said(outcome: &Outcome, program: &Path) {
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
    assert!(outcome.stderr.starts_with("anyclave: "), "{outcome:?}");
    assert!(outcome.stderr.contains(program.to_str().unwrap()), "{outcome:?}");
    assert!(outcome.stderr.contains("set-uid"), "{outcome:?}");
}

#[test]
fn set_uid_program_further_down_runs_without_that_privilege() {
    if !is_root() {
        return skipped("set_uid_program_further_down_runs_without_that_privilege");
    }
    let folder = Public::new("set-uid-child");
    let id = compile("identity", Flavour::Default, &folder.0);
    let elevating = staged(&id, &folder.0, "elevating", 0, 0o4755);
    let anyclave = staged(&anyclave(), &folder.0, "anyclave", 0, 0o755);
    let mut command = Command::new(&anyclave);
    command.args(["run", "-q", "--", "sh", "-c", "\"$0\"; echo $?"]).arg(&elevating);
    let outcome = as_nobody(&mut command, &folder.0);
    outcome.assert_code(0);
    assert_eq!(outcome.stdout, format!("{NOBODY} {NOBODY}\n0\n"));
}

#[test]
fn unreadable_program_is_126() {
    if !is_root() {
        return skipped("unreadable_program_is_126");
    }
    let folder = Public::new("unreadable");
    let id = compile("identity", Flavour::Default, &folder.0);
    let unreadable = staged(&id, &folder.0, "unreadable", 0, 0o711);
    let anyclave = staged(&anyclave(), &folder.0, "anyclave", 0, 0o755);
    let mut command = Command::new(&anyclave);
    let outcome = as_nobody(command.args(["run", "-q", "--"]).arg(&unreadable), &folder.0);
    outcome.assert_code(126);
    assert_eq!(outcome.stdout, "");
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
    assert!(outcome.stderr.starts_with("anyclave: "), "{outcome:?}");
}

/// What a run cannot look into it lets go its way.
#[test]
fn unreadable_program_further_down_runs() {
    if !is_root() {
        return skipped("unreadable_program_further_down_runs");
    }
    let folder = Public::new("unreadable-child");
    let id = compile("identity", Flavour::Default, &folder.0);
    let unreadable = staged(&id, &folder.0, "unreadable", 0, 0o711);
    let anyclave = staged(&anyclave(), &folder.0, "anyclave", 0, 0o755);
    let mut command = Command::new(&anyclave);
    command.args(["run", "-q", "--", "sh", "-c", "\"$0\"; echo $?; true"]).arg(&unreadable);
    let outcome = as_nobody(&mut command, &folder.0);
    outcome.assert_code(0);
    assert_eq!(outcome.stdout, format!("{NOBODY} {NOBODY}\n0\n"));
}

#[test]
fn program_that_the_user_may_not_execute_is_126() {
    if !is_root() {
        return skipped("program_that_the_user_may_not_execute_is_126");
    }
    let folder = Public::new("forbidden");
    let id = compile("identity", Flavour::Default, &folder.0);
    let forbidden = staged(&id, &folder.0, "forbidden", 0, 0o744);
    let anyclave = staged(&anyclave(), &folder.0, "anyclave", 0, 0o755);
    let mut command = Command::new(&anyclave);
    let outcome = as_nobody(command.args(["run", "-q", "--"]).arg(&forbidden), &folder.0);
    outcome.assert_code(126);
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
}
