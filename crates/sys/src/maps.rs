//! /proc/PID/maps: the memory areas of a process.

mod query;

use crate::{Errno, Pid, Result, errno_of, identity};
use std::ffi::OsString;
use std::fs::File;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::FileExt;

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
    /// None for a process that is not ours to look at.
    file: Option<File>,
}

impl ProcessMaps {
    /// Opens /proc/`pid`/maps.
    ///
    /// # Errors
    /// `ENOENT`: no such process. `EACCES`: not ours to look at.
    pub fn open(pid: Pid) -> Result<Self> {
        let opened = identity::look(pid, || File::open(format!("/proc/{pid}/maps")));
        let (file, _) = opened.map_err(|error| errno_of(&error))?;
        Ok(Self { file: Some(file) })
    }

    /// The maps of a process that cannot be opened: none.
    #[must_use]
    pub const fn closed() -> Self {
        Self { file: None }
    }

    /// All areas, by address.
    ///
    /// # Errors
    /// `ESRCH`: the program is gone. `EINVAL`: a line that cannot be read.
    pub fn all(&self) -> Result<Vec<Vma>> {
        let Some(file) = &self.file else { return Ok(Vec::new()) };
        // Several threads may read, so none moves the file's position.
        let mut text = Vec::new();
        let mut piece = [0; 4096];
        loop {
            match file.read_at(&mut piece, text.len() as u64).map_err(|error| errno_of(&error))? {
                0 => break,
                length => text.extend_from_slice(piece.get(..length).unwrap_or_default()),
            }
        }
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
        let Some(file) = &self.file else { return Ok(None) };
        match query::at_or_above(file, addr) {
            Err(Errno::ENOTTY) => self.parsed_at_or_above(addr),
            other => other,
        }
    }

    /// The same, in half the time for most, but the path may be missing where there is no file behind an area.
    ///
    /// # Errors
    /// `ESRCH`: the program is gone.
    pub fn find_file_at_or_above(&self, addr: u64) -> Result<Option<Vma>> {
        let Some(file) = &self.file else { return Ok(None) };
        match query::unnamed_at_or_above(file, addr) {
            Ok(Some(vma)) if vma.inode != 0 => self.find_at_or_above(addr),
            Err(Errno::ENOTTY) => self.parsed_at_or_above(addr),
            other => other,
        }
    }

    fn parsed_at_or_above(&self, addr: u64) -> Result<Option<Vma>> {
        // The file ends with the vsyscall page, which lies in the kernel's half and which the ioctl leaves out.
        const USER_END: u64 = 1 << 63;
        Ok(self.all()?.into_iter().find(|vma| vma.end > addr && vma.start < USER_END))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memfd::Memfd;
    use crate::testing::{Traced, pages};
    use std::os::fd::AsFd;

    #[test]
    fn both_ways_to_find_an_area_agree_everywhere() {
        let traced = Traced::stopped();
        let maps = ProcessMaps::open(traced.tid).unwrap();
        let all = maps.all().unwrap();
        assert!(all.len() > 10 && all.windows(2).all(|two| two[0].end <= two[1].start));
        let edges = |vma: &Vma| [vma.start.wrapping_sub(1), vma.start, vma.end - 1, vma.end];
        for addr in all.iter().flat_map(edges).chain([0, u64::MAX]) {
            let parsed = maps.parsed_at_or_above(addr).unwrap();
            let file = |vma: Option<Vma>| {
                vma.map(|vma| if vma.inode == 0 { Vma { path: OsString::new(), ..vma } } else { vma })
            };
            let found = maps.find_file_at_or_above(addr).unwrap();
            assert_eq!(file(found), file(parsed.clone()), "{addr:#x}");
            match query::at_or_above(maps.file.as_ref().unwrap(), addr) {
                // Before Linux 6.11 there is one way only.
                Err(Errno::ENOTTY) => assert_eq!(maps.find_at_or_above(addr), Ok(parsed)),
                queried => assert_eq!(queried, Ok(parsed), "{addr:#x}"),
            }
        }
    }

    #[test]
    fn an_area_of_a_file_has_all_its_fields() {
        let memfd = Memfd::create(c"area of a file", 0x4000).unwrap();
        let shared = libc::MAP_SHARED;
        let addr = pages(2, libc::PROT_READ | libc::PROT_EXEC, shared, Some((memfd.as_fd(), 0x1000)));
        let traced = Traced::stopped();
        let maps = ProcessMaps::open(traced.tid).unwrap();
        let vma = Vma::find_at_or_above(&maps, addr + 0x1800).unwrap().unwrap();
        assert!(vma.contains(addr) && vma.contains(addr + 0x1FFF) && !vma.contains(addr + 0x2000));
        assert!(vma.read && !vma.write && vma.exec && vma.shared);
        assert_eq!(vma.offset, 0x1000);
        let (dev, inode) = memfd.dev_ino().unwrap();
        assert_eq!((libc::makedev(vma.dev.0, vma.dev.1), vma.inode), (dev, inode));
        assert_eq!(vma.path, "/memfd:area of a file (deleted)");
    }

    #[test]
    fn a_process_that_cannot_be_opened_has_no_areas() {
        let maps = ProcessMaps::closed();
        assert_eq!(maps.all(), Ok(Vec::new()));
        for addr in [0, 0x1000, u64::MAX] {
            assert_eq!(maps.find_at_or_above(addr), Ok(None));
        }
    }

    #[test]
    fn several_readers_of_one_file_each_see_all_of_it() {
        let traced = Traced::stopped();
        let maps = ProcessMaps::open(traced.tid).unwrap();
        let all = maps.all().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..20).for_each(|_| assert_eq!(maps.all().unwrap(), all)));
            }
        });
    }

    #[test]
    fn a_line_that_is_none_is_refused() {
        assert!(Vma::parse(b"1000-2000 r-xp 00000000 08:01 12 /a b").is_some_and(|vma| vma.path == "/a b"));
        for line in [
            &b""[..],
            b"1000 r-xp 0 0:0 0",
            b"1000-2000 r-x 0 0:0 0",
            b"1000-2000 r-xp 0 0 0",
            b"x-y r-xp 0 0:0 0",
        ] {
            assert_eq!(Vma::parse(line), None, "{}", String::from_utf8_lossy(line));
        }
    }
}
