//! Bringing the host's protections of a window in line with what enclave code may touch.

use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;

use anyclave_arch::{Linear, PAGE_SIZE};
use anyclave_driver::{EnclaveId, Rights};
use anyclave_sys::memfd::Memfd;
use anyclave_sys::remote::RemoteCall;
use anyclave_sys::{Errno, Result, procfs};

use super::{Thread, Tracer};
use crate::process::windows::Window;
use crate::process::{Process, Stub};
use crate::shared::{DeviceFile, Shared};
use crate::syscall::mmap::home_offset;

/// A run of pages and the host protection it is to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    start: u64,
    end: u64,
    rights: Rights,
}

impl Tracer {
    /// Applies the rights of all windows in a range at a stop where the thread is about to go on. False where
    /// the host has something else there.
    pub(super) fn apply_rights(&mut self, thread: &mut Thread, start: u64, end: u64) -> Result<bool> {
        let Some(stub) = thread.process.mm().stub else { return Ok(false) };
        let mut call = RemoteCall::begin(thread.tracee, stub.syscall())?;
        let applied = apply(&self.shared, &thread.process, stub, &mut call, start, end)?;
        call.finish()?;
        Ok(applied)
    }
}

/// Applies the rights of all windows in a range by system calls of a borrowed thread.
///
/// Reachable pages get the rights of their window that the EPCM has too, all others none. A window that the host does not map at
/// its place in the home yet is mapped anew first. False where the host refused: it has no longer what the
/// table says.
pub(crate) fn apply(
    shared: &Shared,
    process: &Process,
    stub: Stub,
    call: &mut RemoteCall,
    start: u64,
    end: u64,
) -> Result<bool> {
    let mut applied = true;
    let windows = process.mm().windows.within(start, end);
    for window in windows {
        if !window.placed && !place(shared, process, stub, call, &window)? {
            continue;
        }
        for run in runs(shared, &window) {
            let args = [run.start, run.end - run.start, run.rights.bits().into(), 0, 0, 0];
            applied &= call.call(libc::SYS_mprotect, args)?.is_ok();
        }
    }
    Ok(applied)
}

/// The host protection of a page in a window with these rights. Where the EPCM has less, the access to read that any
/// right implies on x86 is left if the EPCM has it.
fn under(window: Rights, epcm: Rights) -> Rights {
    if epcm.contains(window) { window } else { (window | Rights::READ) & epcm }
}

/// The runs of a window that are to have the same protection.
fn runs(shared: &Shared, window: &Window) -> Vec<Run> {
    let core = shared.core();
    let (driver, package) = (core.machine.driver(), core.machine.package());
    let mut runs: Vec<Run> = Vec::new();
    let mut push = |start: u64, end: u64, rights: Rights| match runs.last_mut() {
        Some(last) if last.end == start && last.rights == rights => last.end = end,
        _ if start < end => runs.push(Run { start, end, rights }),
        _ => {}
    };
    let Some(enclave) = driver.enclave(window.enclave) else { return runs };
    let mut at = window.start;
    for (address, page) in enclave.pages(Linear(window.start), Linear(window.end)) {
        push(at, address.0, Rights::empty());
        let reachable = page.most().contains(window.rights) && package.frames().is_at_home(page.address());
        // the EPCM may have less than the page was added with, or more again
        let epcm = Rights::of_page(package.epcm_entry(page.address()).rights);
        let rights = if reachable { under(window.rights, epcm) } else { Rights::empty() };
        at = address.0 + PAGE_SIZE;
        push(address.0, at, rights);
    }
    push(at, window.end, Rights::empty());
    runs
}

/// Maps a window at its place in the home, now that the enclave has a base. False where it lies outside.
fn place(
    shared: &Shared,
    process: &Process,
    stub: Stub,
    call: &mut RemoteCall,
    window: &Window,
) -> Result<bool> {
    let Some(offset) = home_offset(shared, window.enclave, window.start, window.end) else {
        return Ok(false);
    };
    let Some((home, identity)) = home_of(shared, window.enclave) else { return Ok(false) };
    // Through a descriptor that the program still has; one of ours would be another open file.
    let own = procfs::fds(process.tgid)?
        .into_iter()
        .find(|fd| procfs::fd_dev_ino(process.tgid, *fd) == Ok(identity) && mode_fits(process, *fd, window));
    let opened = match own {
        Some(_) => None,
        None => Some(open_home(shared, process, stub, call, &home, window)?),
    };
    let fd = match (own, opened) {
        (Some(fd), _) => u64::from(fd.cast_unsigned()),
        (None, Some(Some(fd))) => fd,
        _ => return Ok(false),
    };
    let flags = (libc::MAP_SHARED | libc::MAP_FIXED).cast_unsigned().into();
    let map = [window.start, window.end - window.start, 0, flags, fd, offset];
    let mapped = call.call(libc::SYS_mmap, map)?.is_ok();
    if opened.is_some() {
        call.call(libc::SYS_close, [fd, 0, 0, 0, 0, 0])?.or(Err(Errno::EIO))?;
    }
    if mapped {
        process.mm().windows.mark_placed(window.start, window.end);
    }
    Ok(mapped)
}

fn mode_fits(process: &Process, fd: i32, window: &Window) -> bool {
    let mode = procfs::fd_flags(process.tgid, fd).unwrap_or(libc::O_WRONLY) & libc::O_ACCMODE;
    mode == if window.writable { libc::O_RDWR } else { libc::O_RDONLY }
}

/// Opens the home once more, by the descriptor that the supervisor has.
fn open_home(
    shared: &Shared,
    process: &Process,
    stub: Stub,
    call: &mut RemoteCall,
    home: &Memfd,
    window: &Window,
) -> Result<Option<u64>> {
    let path = format!("/proc/{}/fd/{}\0", std::process::id(), home.as_fd().as_raw_fd());
    let at = stub.scratch(call.tid());
    process.mem.write(at, path.as_bytes())?;
    let mode = if window.writable { libc::O_RDWR } else { libc::O_RDONLY } | libc::O_CLOEXEC;
    let open = [libc::AT_FDCWD.cast_unsigned().into(), at, mode.cast_unsigned().into(), 0, 0, 0];
    match call.call(libc::SYS_openat, open)? {
        Ok(fd) => Ok(Some(fd)),
        Err(error) => {
            shared.log.warn(format_args!("a window made before CREATE cannot be opened: {error}"));
            Ok(None)
        }
    }
}

/// The home of an enclave, with its device and inode.
fn home_of(shared: &Shared, id: EnclaveId) -> Option<(Arc<Memfd>, (u64, u64))> {
    shared.core().files.iter().find_map(|(identity, file)| match file {
        DeviceFile::Enclave { id: other, home } if *other == id => Some((Arc::clone(home), *identity)),
        DeviceFile::Enclave { .. } | DeviceFile::Provision | DeviceFile::Msr { .. } => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_what_window_and_epcm_both_allow() {
        let (r, w, x) = (Rights::READ, Rights::WRITE, Rights::EXEC);
        assert_eq!(under(r | w, r | w | x), r | w);
        assert_eq!(under(r | w, r), r);
        assert_eq!(under(r | w | x, r | x), r | x);
        assert_eq!(under(r | w, Rights::empty()), Rights::empty());
    }

    #[test]
    fn any_right_of_a_window_lets_the_page_be_read() {
        assert_eq!(under(Rights::WRITE, Rights::READ), Rights::READ);
        assert_eq!(under(Rights::EXEC, Rights::READ), Rights::READ);
        // where the EPCM takes nothing away, the host decides what its rights imply
        assert_eq!(under(Rights::EXEC, Rights::READ | Rights::EXEC), Rights::EXEC);
        assert_eq!(under(Rights::empty(), Rights::READ), Rights::empty());
    }
}
