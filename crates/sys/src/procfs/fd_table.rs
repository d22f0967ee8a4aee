//! /proc/PID/fd, kept open.

use super::gone;
use crate::{Errno, Pid, Result};
use std::ffi::CStr;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::sync::{Mutex, PoisonError};

/// The descriptors of a process, for who asks often: it is not looked up by its number each time.
#[derive(Debug)]
pub struct FdTable {
    pid: Pid,
    folder: File,
    /// The descriptor that was asked for last.
    last: Mutex<Option<Last>>,
}

/// A descriptor, and what it stood for.
#[derive(Debug)]
struct Last {
    fd: i32,
    identity: (u64, u64),
    /// How often in a row it was the same.
    times: u32,
    /// Its fdinfo, from some times on, and what stood there.
    info: Option<(File, Info)>,
}

/// What /proc/PID/fdinfo/N says of a file: mount and inode.
type Info = (u64, u64);

/// Times after which it is worth while to keep an fdinfo open.
const OFTEN: u32 = 8;

impl FdTable {
    /// Opens /proc/`pid`/fd.
    ///
    /// # Errors
    /// `ESRCH`: no such process. `EACCES`: not ours to look at.
    pub fn open(pid: Pid) -> Result<Self> {
        let flags = libc::O_PATH | libc::O_DIRECTORY;
        let folder = OpenOptions::new().read(true).custom_flags(flags).open(format!("/proc/{pid}/fd"));
        let folder = folder.map_err(|error| gone(&error))?;
        Ok(Self { pid, folder, last: Mutex::default() })
    }

    /// The device and the inode of what descriptor `fd` stands for now, as [`super::fd_dev_ino`], but no file system is
    /// asked whether they are up to date: one that a program serves itself might not answer.
    ///
    /// # Errors
    /// `ESRCH`: no such process or no such descriptor. `EACCES`.
    pub fn dev_ino(&self, fd: i32) -> Result<(u64, u64)> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Last { identity, info: Some((file, info)), .. }) =
            last.as_ref().filter(|last| last.fd == fd)
            && read_info(file) == Some(*info)
        {
            return Ok(*identity);
        }
        let identity = match self.look(fd) {
            // A first thread that has ended is root's in /proc.
            Err(error @ (Errno::ESRCH | Errno::EACCES)) => return self.look_beside(fd).or(Err(error)),
            identity => identity?,
        };
        let times = match last.take() {
            Some(before) if before.fd == fd && before.identity == identity => before.times.saturating_add(1),
            _ => 0,
        };
        let info = if times >= OFTEN { self.info(fd, identity) } else { None };
        *last = Some(Last { fd, identity, times, info });
        Ok(identity)
    }

    /// A look that takes the long way.
    fn look(&self, fd: i32) -> Result<(u64, u64)> {
        let mut name = [0; 16];
        write!(&mut name[..15], "{fd}").map_err(|_too_long| Errno::EINVAL)?;
        let name = CStr::from_bytes_until_nul(&name).map_err(|_endless| Errno::EINVAL)?;
        let mut status = MaybeUninit::<libc::statx>::uninit();
        let into = status.as_mut_ptr();
        let look = || {
            // SAFETY: the name is a live string that ends with zero, and the kernel writes one `struct statx`.
            let done = unsafe {
                libc::statx(
                    self.folder.as_raw_fd(),
                    name.as_ptr(),
                    libc::AT_STATX_DONT_SYNC,
                    libc::STATX_INO,
                    into,
                )
            };
            Ok(Errno::result(done).map(drop)?)
        };
        super::look(self.pid, look)?;
        // SAFETY: the call succeeded, so the kernel has filled the structure.
        let status = unsafe { status.assume_init() };
        Ok((libc::makedev(status.stx_dev_major, status.stx_dev_minor), status.stx_ino))
    }

    /// A look through another thread, for a process whose first one has ended and has no descriptors any more.
    fn look_beside(&self, fd: i32) -> Result<(u64, u64)> {
        let pid = self.pid;
        if !super::is_zombie(pid) {
            return Err(Errno::ESRCH);
        }
        let threads = fs::read_dir(format!("/proc/{pid}/task")).map_err(|error| gone(&error))?;
        let mut paths = threads.flatten().map(|thread| thread.path().join("fd").join(fd.to_string()));
        let file = paths.find_map(|path| fs::metadata(path).ok()).ok_or(Errno::ESRCH)?;
        Ok((file.dev(), file.ino()))
    }

    /// The fdinfo of a descriptor that stands for `identity`, before and after it is read.
    fn info(&self, fd: i32, identity: (u64, u64)) -> Option<(File, Info)> {
        let file = File::open(format!("/proc/{}/fdinfo/{fd}", self.pid)).ok()?;
        let info = read_info(&file)?;
        (self.look(fd) == Ok(identity)).then_some((file, info))
    }
}

/// Mount and inode; None where the descriptor is closed, and before Linux 5.14.
fn read_info(file: &File) -> Option<Info> {
    // Four lines, and locks, which may be cut off.
    let mut text = [0; 256];
    let length = file.read_at(&mut text, 0).ok()?;
    let number = |name: &[u8]| {
        let line =
            text.get(..length)?.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(name))?;
        std::str::from_utf8(line).ok()?.trim().parse().ok()
    };
    Some((number(b"mnt_id:")?, number(b"ino:")?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fork::getpid;
    use crate::memfd::Memfd;
    use crate::procfs::fd_dev_ino;
    use std::os::fd::AsFd;

    #[test]
    fn it_says_what_a_look_by_number_says() {
        let memfd = Memfd::create(c"looked at", 4096).unwrap();
        let fd = memfd.as_fd().as_raw_fd();
        let table = FdTable::open(getpid()).unwrap();
        assert_eq!(table.dev_ino(fd), memfd.dev_ino());
        assert_eq!(table.dev_ino(fd), fd_dev_ino(getpid(), fd));
    }

    #[test]
    fn a_number_that_stands_for_another_file_is_seen_however_often_it_was_asked_for() {
        let (one, two) = (Memfd::create(c"one", 0).unwrap(), Memfd::create(c"two", 0).unwrap());
        let number = crate::fd::dup_from(one.as_fd(), 700).unwrap();
        let fd = number.as_raw_fd();
        let table = FdTable::open(getpid()).unwrap();
        for file in [&one, &two, &one] {
            // SAFETY: the number is ours alone.
            assert_eq!(unsafe { libc::dup2(file.as_fd().as_raw_fd(), fd) }, fd);
            for _ in 0..3 * OFTEN {
                assert_eq!(table.dev_ino(fd), file.dev_ino());
            }
            assert!(table.last.lock().unwrap().as_ref().unwrap().info.is_some());
        }
        drop(number);
        assert_eq!(table.dev_ino(fd), Err(Errno::ESRCH));
    }

    #[test]
    fn numbers_without_a_descriptor_are_gone() {
        let table = FdTable::open(getpid()).unwrap();
        for fd in [-1, i32::MIN, i32::MAX] {
            assert_eq!(table.dev_ino(fd), Err(Errno::ESRCH), "{fd}");
        }
        assert_eq!(FdTable::open(Pid::from_raw(i32::MAX)).unwrap_err(), Errno::ESRCH);
    }
}
