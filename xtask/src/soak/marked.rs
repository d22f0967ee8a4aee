//! Processes that may hang, or leave others behind: they bear a mark in their environment, by which every
//! process that comes of them is found, the supervisor and its monitor included.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const MARK: &str = "ANYCLAVE_SOAK";

/// How long processes may take to go once they have no reason to stay.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often it is looked.
const PAUSE: Duration = Duration::from_millis(4);

/// A command that was started with a mark, its output going to a file.
pub(super) struct Marked {
    child: Child,
    mark: String,
}

/// How it ended.
pub(super) struct End {
    /// Exit status; none: it had to be killed, for it hung.
    pub(super) status: Option<ExitStatus>,
    /// Names of processes that stayed when they should have gone, and were killed.
    pub(super) left: Vec<String>,
}

impl Marked {
    /// Starts it without input; what it says goes to `output`.
    pub(super) fn start(command: &mut Command, output: &Path) -> io::Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let mark = format!("{}.{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let output = File::create(output)?;
        let child = command
            .env(MARK, &mark)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()?;
        Ok(Self { child, mark })
    }

    /// The process that was started.
    pub(super) fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    /// All living processes that bear the mark.
    pub(super) fn processes(&self) -> Vec<Process> {
        let wanted = format!("{MARK}={}", self.mark).into_bytes();
        let numbers = fs::read_dir("/proc").into_iter().flatten().flatten();
        numbers
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter(|pid| {
                fs::read(format!("/proc/{pid}/environ"))
                    .is_ok_and(|all| all.split(|byte| *byte == 0).any(|one| one == wanted))
            })
            .filter_map(|pid| Process::read(Pid::from_raw(pid)))
            .collect()
    }

    /// Waits for the end of it, at most `limit`, and for the end of all that came of it.
    pub(super) fn finish(mut self, limit: Duration) -> io::Result<End> {
        let mut status = None;
        let begin = Instant::now();
        while status.is_none() && begin.elapsed() < limit {
            sleep(PAUSE);
            status = self.child.try_wait()?;
        }
        let mut left = Vec::new();
        if status.is_some() {
            let begin = Instant::now();
            let mut still = self.processes();
            while !still.is_empty() && begin.elapsed() < PATIENCE {
                sleep(PAUSE);
                still = self.processes();
            }
            left = still.into_iter().map(|process| format!("{} {}", process.pid, process.name)).collect();
        }
        if status.is_none() || !left.is_empty() {
            for process in self.processes() {
                // It may have gone meanwhile.
                let _ = kill(process.pid, Signal::SIGKILL);
            }
            self.child.wait()?;
        }
        Ok(End { status, left })
    }
}

impl End {
    /// What is wrong whatever the command was: it hung, or something stayed.
    pub(super) fn complaint(&self) -> Option<String> {
        if self.status.is_none() {
            return Some("hung".to_owned());
        }
        (!self.left.is_empty()).then(|| format!("left behind: {}", self.left.join(", ")))
    }
}

/// A process of a marked command.
#[derive(Clone, Debug)]
pub(super) struct Process {
    pub(super) pid: Pid,
    /// Its first thread's name.
    pub(super) name: String,
    /// Its parent.
    pub(super) parent: Pid,
}

impl Process {
    fn read(pid: Pid) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let field = |name| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let parent = Pid::from_raw(field("PPid:")?.parse().ok()?);
        Some(Self { pid, name: field("Name:")?.to_owned(), parent })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(name: &str) -> std::path::PathBuf {
        std::env::temp_dir().join(format!("soak-{}-{name}", std::process::id()))
    }

    #[test]
    fn processes_are_found_by_their_mark() {
        let output = output("found");
        let started = Marked::start(Command::new("sh").args(["-c", "sleep 60 & wait"]), &output).unwrap();
        let begin = Instant::now();
        while started.processes().len() < 2 && begin.elapsed() < PATIENCE {
            sleep(PAUSE);
        }
        assert_eq!(started.processes().len(), 2);
        let end = started.finish(Duration::from_millis(1)).unwrap();
        assert_eq!(end.complaint().as_deref(), Some("hung"));
        fs::remove_file(output).unwrap();
    }

    #[test]
    fn an_ordinary_end_is_no_complaint() {
        let output = output("ordinary");
        let end = Marked::start(&mut Command::new("true"), &output).unwrap().finish(PATIENCE).unwrap();
        assert!(end.status.is_some_and(|status| status.success()));
        assert!(end.complaint().is_none());
        fs::remove_file(output).unwrap();
    }
}
