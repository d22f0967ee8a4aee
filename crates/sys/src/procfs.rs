//! What /proc tells of a process.

mod fd_table;
mod status;

pub use self::fd_table::FdTable;
pub use self::status::{Status, StatusFile};

use crate::{Errno, Pid, Result, errno_of, identity};
use std::fs;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

/// The process that the thread `tid` belongs to.
///
/// # Errors
/// `ESRCH`: no such thread.
pub fn tgid_of(tid: Pid) -> Result<Pid> {
    Ok(Status::read(tid)?.tgid)
}

/// Whether /proc is that of this process's own PID namespace, so that the numbers in it are those we know.
#[must_use]
pub fn is_of_our_namespace() -> bool {
    let ours = crate::fork::getpid().to_string();
    fs::read_link("/proc/self").is_ok_and(|link| link == Path::new(&ours))
}

/// The threads of a process at this moment.
///
/// # Errors
/// `ESRCH`: no such process.
pub fn threads(pid: Pid) -> Result<Vec<Pid>> {
    let entries = fs::read_dir(format!("/proc/{pid}/task")).map_err(|error| gone(&error))?;
    let mut tids = Vec::new();
    for entry in entries {
        let name = entry.map_err(|error| gone(&error))?.file_name();
        let tid = name.to_str().and_then(|name| name.parse().ok()).ok_or(Errno::EINVAL)?;
        tids.push(Pid::from_raw(tid));
    }
    Ok(tids)
}

/// The auxiliary vector of the program: pairs of `AT_*` and value, without the closing `AT_NULL`.
///
/// # Errors
/// `ESRCH`: no such process. `EACCES`.
pub fn auxv(pid: Pid) -> Result<Vec<(u64, u64)>> {
    let bytes = look(pid, || fs::read(format!("/proc/{pid}/auxv")))?;
    let word = |half: &[u8]| half.try_into().map(u64::from_ne_bytes).unwrap_or(0);
    let pairs = bytes.chunks_exact(16).map(|pair| (word(&pair[..8]), word(&pair[8..])));
    Ok(pairs.take_while(|(kind, _)| *kind != libc::AT_NULL).collect())
}

/// The descriptors that a process has open, ascending.
///
/// # Errors
/// `ESRCH`: it is gone. `EACCES`: not ours to look at.
pub fn fds(pid: Pid) -> Result<Vec<i32>> {
    let mut fds = look(pid, || {
        let entries = fs::read_dir(format!("/proc/{pid}/fd"))?;
        let fds = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        Ok(fds.collect::<Vec<i32>>())
    })?;
    fds.sort_unstable();
    Ok(fds)
}

/// The device and the inode of what descriptor `fd` of the process stands for.
///
/// # Errors
/// `ESRCH`: no such process or no such descriptor. `EACCES`.
pub fn fd_dev_ino(pid: Pid, fd: i32) -> Result<(u64, u64)> {
    let metadata = fd_metadata(pid, fd)?;
    Ok((metadata.dev(), metadata.ino()))
}

/// What stat(2) says of the file behind descriptor `fd` of the process.
///
/// # Errors
/// As [`fd_dev_ino`].
pub fn fd_metadata(pid: Pid, fd: i32) -> Result<fs::Metadata> {
    look(pid, || fs::metadata(format!("/proc/{pid}/fd/{fd}")))
}

/// What descriptor `fd` of the process stands for, as the kernel writes it.
///
/// # Errors
/// As [`fd_dev_ino`].
pub fn fd_path(pid: Pid, fd: i32) -> Result<PathBuf> {
    look(pid, || fs::read_link(format!("/proc/{pid}/fd/{fd}")))
}

/// The flags descriptor `fd` of the process was opened with, `O_CLOEXEC` as it is now; the access mode is
/// `flags & O_ACCMODE`.
///
/// # Errors
/// As [`fd_dev_ino`].
pub fn fd_flags(pid: Pid, fd: i32) -> Result<i32> {
    let text = look(pid, || fs::read_to_string(format!("/proc/{pid}/fdinfo/{fd}")))?;
    let flags = text.lines().find_map(|line| line.strip_prefix("flags:")).ok_or(Errno::EINVAL)?;
    i32::from_str_radix(flags.trim(), 8).or(Err(Errno::EINVAL))
}

/// All of a file in the directory of a process.
///
/// # Errors
/// `ESRCH`: no such process. `EACCES`.
pub fn read(pid: Pid, name: &str) -> Result<Vec<u8>> {
    fs::read(format!("/proc/{pid}/{name}")).map_err(|error| gone(&error))
}

/// The process that `viewer` finds in its /proc by the number `pid`, as we number it. In a PID namespace with a
/// /proc of its own `viewer` is told from others alone.
///
/// # Errors
/// `ESRCH`: `viewer` is gone, or it has its own numbers and the process is another.
pub fn pid_seen_by(viewer: Pid, pid: Pid) -> Result<Pid> {
    let namespace =
        |of: Pid, kind: &str| fs::read_link(format!("/proc/{of}/ns/{kind}")).map_err(|error| gone(&error));
    let shares = |kind: &str| -> Result<bool> {
        Ok(namespace(viewer, kind)? == namespace(crate::fork::getpid(), kind)?)
    };
    // A namespace of processes alone comes with the /proc from around it.
    if shares("pid")? || shares("mnt")? {
        return Ok(pid);
    }
    let text = String::from_utf8_lossy(&read(viewer, "status")?).into_owned();
    let own = text.lines().find_map(|line| line.strip_prefix("NSpid:")?.split_ascii_whitespace().last());
    if own.is_some_and(|own| own == pid.to_string()) { Ok(viewer) } else { Err(Errno::ESRCH) }
}

/// The working directory of the process.
///
/// # Errors
/// `ESRCH`: no such process. `EACCES`.
pub fn cwd(pid: Pid) -> Result<PathBuf> {
    look(pid, || fs::read_link(format!("/proc/{pid}/cwd")))
}

/// The file of the program the process runs.
///
/// # Errors
/// `ESRCH`: no such process. `EACCES`.
pub fn exe(pid: Pid) -> Result<PathBuf> {
    look(pid, || fs::read_link(format!("/proc/{pid}/exe")))
}

/// The name of the thread: by default the first bytes of its program's file name.
///
/// # Errors
/// `ESRCH`: no such thread.
pub fn name(tid: Pid) -> Result<String> {
    let bytes = fs::read(format!("/proc/{tid}/comm")).map_err(|error| gone(&error))?;
    Ok(String::from_utf8_lossy(bytes.strip_suffix(b"\n").unwrap_or(&bytes)).into_owned())
}

/// The CPU that the thread runs on or ran on last.
///
/// # Errors
/// `ESRCH`: no such thread.
pub fn last_cpu(tid: Pid) -> Result<usize> {
    let text = fs::read(format!("/proc/{tid}/stat")).map_err(|error| gone(&error))?;
    // The second field is a name in parentheses that may itself hold anything; `processor` is the 39th.
    let after_name = text.iter().rposition(|&byte| byte == b')').ok_or(Errno::EINVAL)?;
    let rest = std::str::from_utf8(&text[after_name + 1..]).or(Err(Errno::EINVAL))?;
    rest.split_ascii_whitespace().nth(39 - 3).and_then(|field| field.parse().ok()).ok_or(Errno::EINVAL)
}

/// A page of the process as /proc/PID/pagemap tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PagemapEntry(u64);

impl PagemapEntry {
    /// In memory and in the page table.
    #[must_use]
    pub fn present(self) -> bool {
        self.0 >> 63 & 1 != 0
    }

    /// In swap space, or a marker such as userfaultfd's.
    #[must_use]
    pub fn swapped(self) -> bool {
        self.0 >> 62 & 1 != 0
    }

    /// A page of a file or of shared memory.
    #[must_use]
    pub fn file_or_shared(self) -> bool {
        self.0 >> 61 & 1 != 0
    }
}

/// The pagemap entry of the page that holds `addr`.
///
/// # Errors
/// `ESRCH`: no such process. `EFAULT`: an address beyond user space.
pub fn pagemap(pid: Pid, addr: u64) -> Result<PagemapEntry> {
    let file = look(pid, || fs::File::open(format!("/proc/{pid}/pagemap")))?;
    let mut entry = [0; 8];
    file.read_exact_at(&mut entry, addr / 4096 * 8).or(Err(Errno::EFAULT))?;
    Ok(PagemapEntry(u64::from_ne_bytes(entry)))
}

/// `path` as the process would see it from its own root.
#[must_use]
pub fn path_inside(pid: Pid, path: &Path) -> PathBuf {
    let relative = path.strip_prefix("/").unwrap_or(path);
    PathBuf::from(format!("/proc/{pid}/root")).join(relative)
}

/// The thread has ended and nobody has asked after it yet; if it is the first of its process, others may live on.
#[must_use]
pub fn is_zombie(tid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{tid}/stat")).unwrap_or_default();
    // The name before the state may hold anything.
    stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('Z'))
}

/// Looks as whoever may.
fn look<T>(pid: Pid, look: impl Fn() -> std::io::Result<T>) -> Result<T> {
    identity::look(pid, look).map(|(value, _)| value).map_err(|error| gone(&error))
}

/// A missing entry of /proc is a process, thread or descriptor that is gone.
fn gone(error: &std::io::Error) -> Errno {
    match errno_of(error) {
        Errno::ENOENT => Errno::ESRCH,
        other => other,
    }
}

#[cfg(test)]
mod tests;
