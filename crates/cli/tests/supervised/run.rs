//! Starts `anyclave run` and waits for it.

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// No program here needs more than a few seconds.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// The program under test.
pub(crate) fn anyclave() -> PathBuf {
    std::env::var_os("ANYCLAVE_TEST_PROGRAM")
        .map_or_else(|| env!("CARGO_BIN_EXE_anyclave").into(), PathBuf::from)
}

/// `anyclave run -q -- command…`.
pub(crate) fn supervised<S: AsRef<OsStr>>(command: impl IntoIterator<Item = S>) -> Command {
    let mut run = Command::new(anyclave());
    run.args(["run", "-q", "--"]).args(command);
    run
}

/// How a command ended and what it wrote.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    /// The exit code; none where a signal ended the command.
    pub(crate) fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// The signal that ended the command.
    pub(crate) fn signal(&self) -> Option<i32> {
        self.status.signal()
    }

    /// Panics, with all that was written, unless the command ended with `code`.
    pub(crate) fn assert_code(&self, code: i32) {
        assert_eq!(self.code(), Some(code), "{self:#?}");
    }
}

/// A command that was started with its output going to files: processes that outlive it do not keep a pipe open.
pub(crate) struct Started {
    pub(crate) child: Child,
    folder: PathBuf,
}

impl Started {
    /// Starts `command`; standard input is empty unless the caller has set it.
    pub(crate) fn new(command: &mut Command, folder: &Path) -> Self {
        let stdout = File::create(folder.join("stdout")).unwrap();
        let stderr = File::create(folder.join("stderr")).unwrap();
        let child = command.stdout(stdout).stderr(stderr).spawn();
        let child = child.unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        Self { child, folder: folder.to_path_buf() }
    }

    /// What the command has written to standard output so far.
    pub(crate) fn stdout(&self) -> String {
        read(&self.folder.join("stdout"))
    }

    /// Waits for the end.
    pub(crate) fn finish(self) -> Outcome {
        self.finish_within(PATIENCE)
    }

    fn finish_within(mut self, patience: Duration) -> Outcome {
        let status = wait_within(patience, "the command ends", || self.child.try_wait().unwrap());
        Outcome { status, stdout: self.stdout(), stderr: read(&self.folder.join("stderr")) }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // Only where a test gives up; otherwise the process is gone and this fails.
        drop(self.child.kill());
    }
}

/// Runs `command` with empty standard input to its end.
pub(crate) fn run(command: &mut Command, folder: &Path) -> Outcome {
    Started::new(command.stdin(Stdio::null()), folder).finish()
}

/// The same for a command that is known to need longer.
pub(crate) fn run_within(patience: Duration, command: &mut Command, folder: &Path) -> Outcome {
    Started::new(command.stdin(Stdio::null()), folder).finish_within(patience)
}

/// Asks again and again until there is an answer; panics after a while.
pub(crate) fn wait_until<T>(what: &str, ask: impl FnMut() -> Option<T>) -> T {
    wait_within(PATIENCE, what, ask)
}

fn wait_within<T>(patience: Duration, what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begin.elapsed() < patience, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned()
}
