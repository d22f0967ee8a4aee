//! /proc/TID/status.

use super::gone;
use crate::{Errno, Pid, Result};
use std::fs::File;
use std::os::unix::fs::FileExt;

/// The fields of /proc/TID/status that a tracer asks for. A set of signals has bit n−1 for signal n.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// The process.
    pub tgid: Pid,
    /// The parent; 0: outside our namespace.
    pub ppid: Pid,
    /// Who traces it; 0: nobody.
    pub tracer: Pid,
    /// Signals blocked by the thread.
    pub blocked: u64,
    /// Signals ignored by the process.
    pub ignored: u64,
    /// Signals the process has handlers for.
    pub caught: u64,
    /// Signals waiting for the thread.
    pub pending: u64,
    /// Signals waiting for the process.
    pub shared_pending: u64,
    /// `no_new_privs` is set.
    pub no_new_privs: bool,
    /// The id of the thread in its own PID namespace. That of the reader where the kernel does not say.
    pub own_tid: Pid,
}

impl Status {
    /// Reads the status of a thread or, by its leader, of a process.
    ///
    /// # Errors
    /// `ESRCH`: no such thread.
    pub fn read(tid: Pid) -> Result<Self> {
        // The name in it is any bytes the program likes.
        let text = std::fs::read(format!("/proc/{tid}/status")).map_err(|error| gone(&error))?;
        Self::parse(&String::from_utf8_lossy(&text)).ok_or(Errno::EINVAL)
    }

    fn parse(text: &str) -> Option<Self> {
        let field = |name: &str| {
            let value = |line: &str| Some(line.strip_prefix(name)?.strip_prefix(':')?.trim().to_owned());
            text.lines().find_map(value)
        };
        let pid = |name| Some(Pid::from_raw(field(name)?.parse().ok()?));
        let set = |name| u64::from_str_radix(&field(name)?, 16).ok();
        Some(Self {
            tgid: pid("Tgid")?,
            ppid: pid("PPid")?,
            tracer: pid("TracerPid")?,
            blocked: set("SigBlk")?,
            ignored: set("SigIgn")?,
            caught: set("SigCgt")?,
            pending: set("SigPnd")?,
            shared_pending: set("ShdPnd")?,
            no_new_privs: field("NoNewPrivs")? == "1",
            own_tid: match field("NSpid") {
                Some(ids) => Pid::from_raw(ids.split_ascii_whitespace().next_back()?.parse().ok()?),
                None => pid("Pid")?,
            },
        })
    }
}

/// /proc/TID/status of a thread, opened to ask it one thing again and again.
#[derive(Debug)]
pub struct StatusFile(File);

impl StatusFile {
    /// Opens it. It stays that of this very thread, whoever gets its number later.
    ///
    /// # Errors
    /// `ESRCH`: no such thread. `EMFILE` and the like.
    pub fn open(tid: Pid) -> Result<Self> {
        File::open(format!("/proc/{tid}/status")).map(Self).map_err(|error| gone(&error))
    }

    /// Signals the thread's process has handlers for, as [`Status::caught`].
    ///
    /// # Errors
    /// `ESRCH`: the thread is gone.
    pub fn caught(&self) -> Result<u64> {
        /// More than the kernel writes, were its sets of processors and nodes the largest.
        const BYTES: usize = 4096;
        const FIELD: &[u8] = b"\nSigCgt:\t";
        let mut text = [0; BYTES];
        let length = self.0.read_at(&mut text, 0).map_err(|error| gone(&error))?;
        let text = &text[..length];
        let at = text.windows(FIELD.len()).position(|window| window == FIELD).ok_or(Errno::EINVAL)?;
        let digits = text.get(at + FIELD.len()..at + FIELD.len() + 16).ok_or(Errno::EINVAL)?;
        let digits = std::str::from_utf8(digits).or(Err(Errno::EINVAL))?;
        u64::from_str_radix(digits, 16).or(Err(Errno::EINVAL))
    }
}
