//! The memory of another process, by two roads that differ in one thing: whether its protections hold.
//!
//! - [`ProcessMem::read`] and [`write`](ProcessMem::write) go through /proc/PID/mem and are a debugger's:
//!   they ignore protections, and a write to a private mapping breaks its sharing.
//! - [`ProcessMem::copy_from_user`] and [`copy_to_user`](ProcessMem::copy_to_user) are a kernel's: they fail
//!   where the process itself would fault.

use crate::maps::{ProcessMaps, Vma};
use crate::{Errno, Pid, Result, errno_of, identity};
use nix::sys::uio::{RemoteIoVec, process_vm_readv, process_vm_writev};
use std::fs::{File, OpenOptions};
use std::io::{IoSlice, IoSliceMut};
use std::os::unix::fs::FileExt;

/// Pages are what partial reads are cut at.
const PAGE: u64 = 4096;

/// The memory of a process, open. The descriptors belong to the program that runs now: open it again after
/// each exec. They go on working when the process makes itself undumpable.
#[derive(Debug)]
pub struct ProcessMem {
    pid: Pid,
    /// None for a process that is not ours to look at.
    mem: Option<File>,
    maps: ProcessMaps,
    /// It was not ours to open as ourselves.
    foreign: bool,
}

impl ProcessMem {
    /// Opens the memory of `pid`, which may also be a thread.
    ///
    /// # Errors
    /// `ENOENT`: no such process. `EACCES`: not ours to look at.
    pub fn open(pid: Pid) -> Result<Self> {
        let open = || OpenOptions::new().read(true).write(true).open(format!("/proc/{pid}/mem"));
        let (mem, foreign) = identity::look(pid, open).map_err(|error| errno_of(&error))?;
        Ok(Self { pid, mem: Some(mem), maps: ProcessMaps::open(pid)?, foreign })
    }

    /// The memory of a process that cannot be opened: every access is `EFAULT`, and it has no areas.
    #[must_use]
    pub const fn closed(pid: Pid) -> Self {
        Self { pid, mem: None, maps: ProcessMaps::closed(), foreign: true }
    }

    /// The process.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// Whether it could be opened as its own user only, or not at all. Such a process cannot be seized.
    #[must_use]
    pub fn is_foreign(&self) -> bool {
        self.foreign
    }

    /// Its memory areas.
    #[must_use]
    pub fn maps(&self) -> &ProcessMaps {
        &self.maps
    }

    /// Reads all of `buf` from `addr`, whatever the protection.
    ///
    /// # Errors
    /// `EFAULT`: not all of it is mapped. `ESRCH`: the program is gone.
    pub fn read(&self, addr: u64, buf: &mut [u8]) -> Result<()> {
        let mem = self.mem.as_ref().ok_or(Errno::EFAULT)?;
        let mut done = 0;
        while done < buf.len() {
            let got = mem.read_at(&mut buf[done..], address(addr, done)?);
            done += progress(got)?;
        }
        Ok(())
    }

    /// Writes all of `buf` to `addr`, whatever the protection.
    ///
    /// # Errors
    /// `EFAULT`: not all of it is mapped, or a part is a shared mapping without write permission; the bytes
    /// before that are written. `ESRCH`: the program is gone.
    pub fn write(&self, addr: u64, buf: &[u8]) -> Result<()> {
        let mem = self.mem.as_ref().ok_or(Errno::EFAULT)?;
        let mut done = 0;
        while done < buf.len() {
            let put = mem.write_at(&buf[done..], address(addr, done)?);
            done += progress(put)?;
        }
        Ok(())
    }

    /// Reads all of `buf` from `addr` as the process itself could.
    ///
    /// # Errors
    /// `EFAULT`: not all of it is readable. `ESRCH`: the process is gone.
    pub fn copy_from_user(&self, addr: u64, buf: &mut [u8]) -> Result<()> {
        self.mem.as_ref().ok_or(Errno::EFAULT)?;
        match read_user(self.pid, addr, buf) {
            // The last: its first thread has ended, and others live on.
            Err(Errno::EPERM | Errno::EACCES | Errno::ENOSYS | Errno::ESRCH) => {
                self.check(addr, buf.len(), |vma| vma.read)?;
                self.read(addr, buf)
            }
            other => other,
        }
    }

    /// Reads several pieces in one call, each as [`Self::copy_from_user`] reads one.
    ///
    /// # Errors
    /// `EFAULT`: not all of all of them is readable; some may be. Others as there.
    pub fn copy_all_from_user<const N: usize>(&self, addrs: [u64; N], bufs: [&mut [u8]; N]) -> Result<()> {
        self.mem.as_ref().ok_or(Errno::EFAULT)?;
        let mut remotes = [RemoteIoVec { base: 0, len: 0 }; N];
        let mut len = 0;
        for ((at, addr), buf) in remotes.iter_mut().zip(addrs).zip(&bufs) {
            *at = remote(addr, buf.len())?;
            len += buf.len();
        }
        match process_vm_readv(self.pid, &mut bufs.map(IoSliceMut::new), &remotes) {
            Ok(got) if got == len => Ok(()),
            Ok(_) => Err(Errno::EFAULT),
            Err(error) => Err(error),
        }
    }

    /// Writes all of `buf` to `addr` as the process itself could.
    ///
    /// # Errors
    /// `EFAULT`: not all of it is writable; what is before that may be written. `ESRCH`: the process is gone.
    pub fn copy_to_user(&self, addr: u64, buf: &[u8]) -> Result<()> {
        self.mem.as_ref().ok_or(Errno::EFAULT)?;
        match write_user(self.pid, addr, buf) {
            // The last: its first thread has ended, and others live on.
            Err(Errno::EPERM | Errno::EACCES | Errno::ENOSYS | Errno::ESRCH) => {
                self.check(addr, buf.len(), |vma| vma.write)?;
                self.write(addr, buf)
            }
            other => other,
        }
    }

    /// The bytes from `addr` up to a zero byte, which is left out.
    ///
    /// # Errors
    /// `EFAULT`: unreadable memory before a zero byte. `ENAMETOOLONG`: no zero byte among the first `max`
    /// bytes.
    pub fn read_cstr(&self, addr: u64, max: usize) -> Result<Vec<u8>> {
        /// Most texts are paths, and shorter than that.
        const FIRST: usize = 256;
        let mut text = Vec::new();
        while text.len() < max {
            let at = address(addr, text.len())?;
            let to_page_end = usize::try_from(PAGE - at % PAGE).or(Err(Errno::EFAULT))?;
            let most = if text.is_empty() { max.min(FIRST) } else { max - text.len() };
            let mut piece = vec![0; to_page_end.min(most)];
            self.copy_from_user(at, &mut piece)?;
            if let Some(zero) = piece.iter().position(|&byte| byte == 0) {
                text.extend_from_slice(&piece[..zero]);
                return Ok(text);
            }
            text.append(&mut piece);
        }
        Err(Errno::ENAMETOOLONG)
    }

    /// All of the range lies in areas that `allow`.
    fn check(&self, addr: u64, len: usize, allow: impl Fn(&Vma) -> bool) -> Result<()> {
        let end = address(addr, len)?;
        let mut at = addr;
        while at < end {
            match self.maps.find_at_or_above(at)? {
                Some(vma) if vma.contains(at) && allow(&vma) => at = vma.end,
                _ => return Err(Errno::EFAULT),
            }
        }
        Ok(())
    }
}

/// Reads all of `buf` from `addr` of `pid`, its protections respected (process_vm_readv(2)).
///
/// # Errors
/// `EFAULT`: not all of it is readable. `EPERM`: not ours to look at, or undumpable. `ESRCH`: gone.
pub fn read_user(pid: Pid, addr: u64, buf: &mut [u8]) -> Result<()> {
    let remote = remote(addr, buf.len())?;
    let len = buf.len();
    let got = process_vm_readv(pid, &mut [IoSliceMut::new(buf)], &[remote])?;
    if got == len { Ok(()) } else { Err(Errno::EFAULT) }
}

/// Writes all of `buf` to `addr` of `pid`, its protections respected (process_vm_writev(2)).
///
/// # Errors
/// `EFAULT`: not all of it is writable; what is before that is written. `EPERM`: not ours to change, or
/// undumpable. `ESRCH`: gone.
pub fn write_user(pid: Pid, addr: u64, buf: &[u8]) -> Result<()> {
    let remote = remote(addr, buf.len())?;
    let put = process_vm_writev(pid, &[IoSlice::new(buf)], &[remote])?;
    if put == buf.len() { Ok(()) } else { Err(Errno::EFAULT) }
}

fn remote(addr: u64, len: usize) -> Result<RemoteIoVec> {
    Ok(RemoteIoVec { base: usize::try_from(addr).or(Err(Errno::EFAULT))?, len })
}

fn address(base: u64, offset: usize) -> Result<u64> {
    base.checked_add(offset as u64).ok_or(Errno::EFAULT)
}

/// How far one step through /proc/PID/mem came.
fn progress(step: std::io::Result<usize>) -> Result<usize> {
    match step.map_err(|error| errno_of(&error)) {
        // The memory belongs to nobody any more.
        Ok(0) => Err(Errno::ESRCH),
        // An unmapped address, one that is no file offset, and one above user space.
        Err(Errno::EIO | Errno::EINVAL | Errno::EOVERFLOW) => Err(Errno::EFAULT),
        Err(Errno::EINTR) => Ok(0),
        other => other,
    }
}

#[cfg(test)]
mod tests;
