//! What the steps need: the program, the suite of supervised tests, and the programs and image that it makes.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Everything built.
#[derive(Debug)]
pub(super) struct Kit {
    /// The root of the workspace.
    pub(super) root: PathBuf,
    /// The program, optimised.
    pub(super) anyclave: PathBuf,
    /// The test program of crates/cli/tests/supervised.
    pub(super) suite: PathBuf,
    /// A folder for what the steps write.
    pub(super) folder: PathBuf,
}

impl Kit {
    /// Builds everything.
    ///
    /// # Errors
    /// cargo fails.
    pub(super) fn build() -> io::Result<Self> {
        let root = crate::root().canonicalize()?;
        let anyclave = executable(&root, &["build", "--release", "--package", "anyclave"], "anyclave")?;
        let test = ["test", "--package", "anyclave", "--test", "supervised", "--no-run"];
        let suite = executable(&root, &test, "supervised")?;
        let target = anyclave
            .parent()
            .and_then(Path::parent)
            .ok_or_else(|| io::Error::other("no target directory"))?;
        let folder = target.join("soak");
        fs::create_dir_all(&folder)?;
        Ok(Self { anyclave, suite, folder, root })
    }

    /// `anyclave run -q -- program…`.
    pub(super) fn run<S: AsRef<OsStr>>(&self, program: impl IntoIterator<Item = S>) -> Command {
        let mut run = Command::new(&self.anyclave);
        run.args(["run", "-q", "--"]).args(program);
        run
    }

    /// The suite, on the optimised program.
    pub(super) fn suite(&self) -> Command {
        let mut suite = Command::new(&self.suite);
        suite
            .current_dir(&self.root)
            .env("ANYCLAVE_TEST_PROGRAM", &self.anyclave)
            .env("ANYCLAVE_TEST_DIR", &self.folder);
        suite
    }

    /// A program of the suite, and the image that it takes as an argument.
    pub(super) fn program(&self, name: &str) -> [PathBuf; 2] {
        let made = self.folder.join("supervised");
        [made.join(format!("{name}-Default")).join(name), made.join("image/enclave.image")]
    }

    /// Obtains and builds what a suite of others runs; its folder.
    ///
    /// # Errors
    /// The suite's fetch.sh fails; what it says.
    pub(super) fn fetch(&self, suite: &str) -> io::Result<PathBuf> {
        let output = Command::new(self.root.join("suites").join(suite).join("fetch.sh")).output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        let folder = said.lines().last().map(PathBuf::from).filter(|_| output.status.success());
        folder.ok_or_else(|| io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()))
    }

    /// Builds a program from crates.io, once; the folder that holds it.
    ///
    /// # Errors
    /// cargo cannot install it.
    pub(super) fn tool(&self, name: &str, version: &str) -> io::Result<PathBuf> {
        let root = self.folder.join("tools").join(format!("{name}-{version}"));
        let folder = root.join("bin");
        if !folder.join(name).exists() {
            let mut install = self.cargo();
            install.args(["install", "--locked", "--version", version, "--root"]).arg(&root).arg(name);
            let status = install.status()?;
            status.success().then_some(()).ok_or_else(|| io::Error::other(format!("no {name}: {status}")))?;
        }
        Ok(folder)
    }

    /// PATH with a folder before all others.
    ///
    /// # Errors
    /// The folder has a colon in its name.
    pub(super) fn path_with(&self, folder: &Path) -> io::Result<OsString> {
        let others = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(folder.to_owned()).chain(std::env::split_paths(&others));
        std::env::join_paths(folders).map_err(io::Error::other)
    }

    /// cargo, at the root.
    pub(super) fn cargo(&self) -> Command {
        cargo(&self.root)
    }
}

fn cargo(root: &Path) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root);
    cargo
}

/// Has cargo build something; the path of the program that comes of it.
fn executable(root: &Path, arguments: &[&str], target: &str) -> io::Result<PathBuf> {
    let output = cargo(root)
        .args(arguments)
        .arg("--message-format=json-render-diagnostics")
        .stderr(std::process::Stdio::inherit())
        .output()?;
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    lines
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == target)
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
        .next_back()
        .filter(|_| output.status.success())
        .ok_or_else(|| io::Error::other(format!("cargo {} does not make {target}", arguments.join(" "))))
}
