//! Runs in containers: what an engine's usual profile refuses is refused, whoever the user is and wherever nothing can be
//! written. Some of it root alone can stage; that is said where it is skipped.

use crate::compile::{Flavour, compile};
use crate::image::image;
use crate::run::{Outcome, anyclave, run};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

/// What docker_like ends with where this user or host cannot do it.
const NOT_HERE: i32 = 77;

/// A container, with copies of what is run in it where every user can reach them.
struct Container {
    folder: PathBuf,
    launcher: PathBuf,
}

impl Container {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("anyclave-{name}-{}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        let container = Self { launcher: compile("docker_like", Flavour::Default, &folder), folder };
        std::fs::copy(anyclave(), container.at("anyclave")).unwrap();
        std::fs::copy(image(), container.at("image")).unwrap();
        for entry in std::fs::read_dir(&container.folder).unwrap() {
            std::fs::set_permissions(entry.unwrap().path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let home = container.at("home");
        std::fs::create_dir(&home).unwrap();
        for (path, mode) in [(&home, 0o555), (&container.folder, 0o755)] {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        }
        container
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn program(&self, name: &str) -> PathBuf {
        compile(name, Flavour::Default, &self.folder)
    }

    /// `anyclave words…` in it; nothing if it cannot be staged, which is said.
    fn run(&self, options: &[&str], words: &[&str]) -> Option<Outcome> {
        let mut command = Command::new(&self.launcher);
        command.args(options).arg("--").arg(self.at("anyclave")).args(words).env_clear();
        command.env("PATH", "/usr/local/bin:/usr/bin:/bin").env("HOME", self.at("home"));
        command.env("TMPDIR", "/nonexistent").current_dir("/");
        let outcome = run(&mut command, &self.folder);
        if outcome.code() == Some(NOT_HERE) {
            let text =
                format!("skipped: a container with {options:?}: this user or this host cannot stage it");
            drop(writeln!(std::io::stderr(), "{text}"));
            return None;
        }
        Some(outcome)
    }

    /// The demo, and programs with enclaves, threads and children, end as anywhere.
    fn check(&self, options: &[&str]) {
        let Some(outcome) = self.run(options, &["demo", "-q"]) else { return };
        outcome.assert_code(0);
        assert_eq!(outcome.stderr, "", "{options:?}");
        for program in ["vdso_hash", "fork_child", "threads", "exec_inside", "own_filter_lists"] {
            let path = self.program(program);
            let words = ["run", "-q", "--", path.to_str().unwrap(), self.at("image").to_str().unwrap()]
                .map(str::to_owned);
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let outcome = self.run(options, &words).unwrap();
            outcome.assert_code(0);
            assert_eq!((&*outcome.stdout, &*outcome.stderr), ("", ""), "{program} {options:?}");
        }
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Options that root alone can stage.
fn as_root<'a>(options: &[&'a str], more: &[&'a str]) -> Option<Vec<&'a str>> {
    let all = [options, more].concat();
    if !is_root() {
        drop(writeln!(std::io::stderr(), "skipped: a container with {all:?}: only root can stage it"));
        return None;
    }
    Some(all)
}

#[test]
fn the_usual_profile_refuses_nothing_that_a_run_needs() {
    let container = Container::new("profile");
    container.check(&["filter", "closed", "descriptors=64"]);
}

#[test]
fn root_with_the_usual_privileges_has_sgx() {
    let container = Container::new("usual-root");
    for options in [&["filter", "privileges"][..], &["first", "filter", "privileges", "closed"]] {
        if let Some(options) = as_root(options, &[]) {
            container.check(&options);
        }
    }
}

#[test]
fn a_user_without_a_name_has_sgx() {
    let container = Container::new("nameless");
    let Some(options) = as_root(&["filter", "privileges", "uid=4242"], &[]) else { return };
    container.check(&options);
    container.check(
        &as_root(&["first", "readonly=/tmp", "readonly=/dev/shm", "closed", "descriptors=64"], &options)
            .unwrap(),
    );
}

/// An entry point of root's that becomes another user, as images have it.
#[test]
fn programs_of_users_that_root_becomes_have_sgx() {
    let container = Container::new("entry-point");
    for first in [&[][..], &["first"]] {
        let Some(options) = as_root(first, &["filter", "privileges"]) else { return };
        for program in ["vdso_hash", "fork_child", "threads", "exec_inside"] {
            let path = container.program(program);
            let image = container.at("image");
            let words = ["run", "-q", "--", "setpriv", "--reuid=4242", "--regid=4242", "--clear-groups"];
            let words = [&words[..], &[path.to_str().unwrap(), image.to_str().unwrap()]].concat();
            let outcome = container.run(&options, &words).unwrap();
            outcome.assert_code(0);
            assert_eq!((&*outcome.stdout, &*outcome.stderr), ("", ""), "{program} {options:?}");
        }
    }
}

/// Such a process is not to be looked at. It and its children live, and if it has a device there is a word.
#[test]
fn who_gives_up_roots_privileges_without_exec_lives() {
    let container = Container::new("given-up");
    let Some(options) = as_root(&["filter", "privileges"], &[]) else { return };
    let program = container.program("given_up");
    let outcome = container.run(&options, &["run", "-q", "--", program.to_str().unwrap()]).unwrap();
    outcome.assert_code(0);
    assert_eq!(outcome.stderr, "");

    let (program, image) = (container.program("other_ids"), container.at("image"));
    let words = ["run", "-q", "--", program.to_str().unwrap(), image.to_str().unwrap()];
    let outcome = container.run(&options, &words).unwrap();
    outcome.assert_code(1);
    let ours: Vec<&str> = outcome.stderr.lines().filter(|line| line.starts_with("anyclave: ")).collect();
    assert!(matches!(ours.as_slice(), [word] if word.contains("SYS_PTRACE")), "{outcome:?}");
}
