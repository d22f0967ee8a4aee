//! /proc/PID/maps: the memory areas of a process.

mod query;

use crate::{Errno, Pid, Result, errno_of};
use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Seek};
use std::os::unix::ffi::OsStringExt;

/// One area: one line of /proc/PID/maps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vma {
    /// First address.
    pub start: u64,
    /// First address after it.
    pub end: u64,
    /// `PROT_READ`.
    pub read: bool,
    /// `PROT_WRITE`.
    pub write: bool,
    /// `PROT_EXEC`.
    pub exec: bool,
    /// `MAP_SHARED`.
    pub shared: bool,
    /// Where in the file the area begins, in bytes.
    pub offset: u64,
    /// The file's device, major and minor; (0, 0) for anonymous memory.
    pub dev: (u32, u32),
    /// The file's inode; 0 for anonymous memory.
    pub inode: u64,
    /// The file's path, or a name in brackets, or nothing.
    pub path: OsString,
}

impl Vma {
    /// The area that holds `addr`, else the next one above it, else nothing.
    ///
    /// # Errors
    /// `ESRCH`: the process, or the program it ran when `maps` was opened, is gone.
    pub fn find_at_or_above(maps: &ProcessMaps, addr: u64) -> Result<Option<Self>> {
        maps.find_at_or_above(addr)
    }

    /// `addr` lies in it.
    #[must_use]
    pub fn contains(&self, addr: u64) -> bool {
        (self.start..self.end).contains(&addr)
    }

    /// Reads one line; `None` if it is not one.
    fn parse(line: &[u8]) -> Option<Self> {
        let (range, rest) = field(line);
        let (rights, rest) = field(rest);
        let (offset, rest) = field(rest);
        let (dev, rest) = field(rest);
        let (inode, rest) = field(rest);
        let dash = range.iter().position(|&byte| byte == b'-')?;
        let colon = dev.iter().position(|&byte| byte == b':')?;
        let &[read, write, exec, shared] = rights else { return None };
        Some(Self {
            start: hex(&range[..dash])?,
            end: hex(&range[dash + 1..])?,
            read: read == b'r',
            write: write == b'w',
            exec: exec == b'x',
            shared: shared == b's',
            offset: hex(offset)?,
            dev: (hex(&dev[..colon])?.try_into().ok()?, hex(&dev[colon + 1..])?.try_into().ok()?),
            inode: std::str::from_utf8(inode).ok()?.parse().ok()?,
            path: OsString::from_vec(rest.trim_ascii_start().to_vec()),
        })
    }
}

/// The maps file of a process, kept open: it goes on answering when the process makes its /proc files
/// unreadable, and for the program that ran at the time of opening only.
#[derive(Debug)]
pub struct ProcessMaps {
    file: File,
}

impl ProcessMaps {
    /// Opens /proc/`pid`/maps.
    ///
    /// # Errors
    /// `ENOENT`: no such process. `EACCES`: not ours to look at.
    pub fn open(pid: Pid) -> Result<Self> {
        let file = File::open(format!("/proc/{pid}/maps")).map_err(|error| errno_of(&error))?;
        Ok(Self { file })
    }

    /// All areas, by address.
    ///
    /// # Errors
    /// `ESRCH`: the program is gone. `EINVAL`: a line that cannot be read.
    pub fn all(&self) -> Result<Vec<Vma>> {
        let mut text = Vec::new();
        let mut file = &self.file;
        file.rewind().map_err(|error| errno_of(&error))?;
        file.read_to_end(&mut text).map_err(|error| errno_of(&error))?;
        text.split(|&byte| byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| Vma::parse(line).ok_or(Errno::EINVAL))
            .collect()
    }

    /// The area that holds `addr`, else the next one above it, else nothing. One ioctl on Linux 6.11 and
    /// later, a reading of the whole file before.
    ///
    /// # Errors
    /// `ESRCH`: the program is gone.
    pub fn find_at_or_above(&self, addr: u64) -> Result<Option<Vma>> {
        match query::at_or_above(&self.file, addr) {
            Err(Errno::ENOTTY) => self.parsed_at_or_above(addr),
            other => other,
        }
    }

    fn parsed_at_or_above(&self, addr: u64) -> Result<Option<Vma>> {
        Ok(self.all()?.into_iter().find(|vma| vma.end > addr))
    }
}

/// The bytes up to the next space, and those after it.
fn field(line: &[u8]) -> (&[u8], &[u8]) {
    match line.iter().position(|&byte| byte == b' ') {
        Some(at) => (&line[..at], &line[at + 1..]),
        None => (line, &[]),
    }
}

fn hex(digits: &[u8]) -> Option<u64> {
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}
