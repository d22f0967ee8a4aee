//! stat, lstat, fstat, newfstatat, statx of device nodes and of descriptors of ours.

use std::os::unix::fs::MetadataExt;

use anyclave_platform::{Device, MISC_MAJOR, NODE_MODE};
use anyclave_sys::notify::Response;
use anyclave_sys::ptrace::Regs;
use anyclave_sys::{Errno, Result};

use super::open::PATH_MAX;
use super::{Answer, Notified, answer};
use crate::device::{self, Found};
use crate::shared::{DeviceFile, Shared};
use crate::tracer::Thread;

/// Mode of /dev/sgx.
const DIRECTORY_MODE: u32 = libc::S_IFDIR | 0o755;
/// st_blksize of files without one of their own.
const BLOCK_SIZE: u32 = 4096;
/// Bits of stx_mask that stat(2) fills too: STATX_BASIC_STATS.
const BASIC_STATS: u32 = 0x7ff;

/// What stat says of a node.
struct Status {
    mode: u32,
    links: u32,
    /// Major and minor number of the device.
    rdev: (u32, u32),
    inode: u64,
}

pub(super) fn stat(call: &Notified<'_>) -> Answer {
    let [a, b, c, _, e, _] = call.call.args;
    let (dirfd, path, buffer) = match call.call.nr {
        libc::SYS_newfstatat => (a, b, c),
        libc::SYS_statx => (a, b, e),
        _ => (libc::AT_FDCWD.cast_unsigned().into(), a, b),
    };
    let Ok(path) = call.process.mem.read_cstr(path, PATH_MAX) else { return Answer::CONTINUE };
    let found = device::find(call.shared, &call.process, dirfd, &path);
    let status = match found {
        Some(Found::Node(device)) => Status::node(device),
        Some(Found::OpenFile(DeviceFile::Enclave { .. })) => Status::node(Device::Enclave),
        Some(Found::OpenFile(DeviceFile::Provision)) => Status::node(Device::Provision),
        Some(Found::Directory) => Status { mode: DIRECTORY_MODE, links: 2, rdev: (0, 0), inode: 0x5100 },
        Some(Found::BeneathNode) => return Answer::error(Errno::ENOTDIR),
        None => return Answer::CONTINUE,
    };
    // /dev holds the nodes, so they have its device and its times.
    let Ok(dev) = std::fs::metadata("/dev") else { return Answer::error(Errno::ENOENT) };
    let bytes = if call.call.nr == libc::SYS_statx { status.statx(&dev) } else { status.stat(&dev) };
    match call.process.mem.copy_to_user(buffer, &bytes) {
        Ok(()) => Answer::Respond(Response::Return(0)),
        Err(error) => Answer::error(error),
    }
}

/// fstat, and its kin with an empty path, of a thread that is stopped.
pub(super) fn stat_descriptor(shared: &Shared, thread: &Thread, regs: &Regs) -> Result<()> {
    let nr = regs.orig_rax.cast_signed();
    let buffer = match nr {
        libc::SYS_fstat => regs.rsi,
        libc::SYS_newfstatat => regs.rdx,
        _ => regs.r8,
    };
    let process = &thread.process;
    let mut first = [0];
    let by_path = nr != libc::SYS_fstat
        && regs.rsi != 0
        && (process.mem.copy_from_user(regs.rsi, &mut first).is_err() || first != [0]);
    let file = if by_path { None } else { shared.device_file(process.tgid, regs.rdi) };
    let status = match file {
        Some(DeviceFile::Enclave { .. }) => Status::node(Device::Enclave),
        Some(DeviceFile::Provision) => Status::node(Device::Provision),
        None => return thread.tracee.cont(0),
    };
    let Ok(dev) = std::fs::metadata("/dev") else { return thread.tracee.cont(0) };
    let bytes = if nr == libc::SYS_statx { status.statx(&dev) } else { status.stat(&dev) };
    answer(thread, process.mem.copy_to_user(buffer, &bytes).map(|()| 0))
}

/// A structure of the kernel, filled field by field.
struct Layout(Vec<u8>);

impl Layout {
    fn put(&mut self, offset: usize, bytes: &[u8]) {
        if let Some(place) = self.0.get_mut(offset..offset + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    }
}

impl Status {
    const fn node(device: Device) -> Self {
        let minor = device.minor();
        Self { mode: NODE_MODE, links: 1, rdev: (MISC_MAJOR, minor), inode: 0x5100 + minor as u64 }
    }

    /// `struct stat` of x86-64.
    fn stat(&self, dev: &std::fs::Metadata) -> Vec<u8> {
        let mut layout = Layout(vec![0; size_of::<libc::stat>()]);
        let rdev = libc::makedev(self.rdev.0, self.rdev.1);
        layout.put(0, &dev.dev().to_le_bytes());
        layout.put(8, &self.inode.to_le_bytes());
        layout.put(16, &u64::from(self.links).to_le_bytes());
        layout.put(24, &self.mode.to_le_bytes());
        layout.put(40, &rdev.to_le_bytes());
        layout.put(56, &u64::from(BLOCK_SIZE).to_le_bytes());
        for (offset, seconds) in [(72, dev.atime()), (88, dev.mtime()), (104, dev.ctime())] {
            layout.put(offset, &seconds.to_le_bytes());
        }
        layout.0
    }

    /// `struct statx`.
    fn statx(&self, dev: &std::fs::Metadata) -> Vec<u8> {
        let mut layout = Layout(vec![0; size_of::<libc::statx>()]);
        let [mode_low, mode_high, ..] = self.mode.to_le_bytes();
        layout.put(0, &BASIC_STATS.to_le_bytes());
        layout.put(4, &BLOCK_SIZE.to_le_bytes());
        layout.put(16, &self.links.to_le_bytes());
        layout.put(28, &[mode_low, mode_high]);
        layout.put(32, &self.inode.to_le_bytes());
        for (offset, seconds) in [(64, dev.atime()), (96, dev.ctime()), (112, dev.mtime())] {
            layout.put(offset, &seconds.to_le_bytes());
        }
        layout.put(128, &self.rdev.0.to_le_bytes());
        layout.put(132, &self.rdev.1.to_le_bytes());
        layout.put(136, &libc::major(dev.dev()).to_le_bytes());
        layout.put(140, &libc::minor(dev.dev()).to_le_bytes());
        layout.0
    }
}

#[cfg(test)]
mod tests {
    /// The offsets above are the C library's.
    #[test]
    fn layouts_are_those_of_the_host() {
        use std::mem::offset_of;
        assert_eq!(offset_of!(libc::stat, st_mode), 24);
        assert_eq!(offset_of!(libc::stat, st_rdev), 40);
        assert_eq!(offset_of!(libc::stat, st_blksize), 56);
        assert_eq!(offset_of!(libc::stat, st_mtime), 88);
        assert_eq!(offset_of!(libc::statx, stx_mode), 28);
        assert_eq!(offset_of!(libc::statx, stx_ino), 32);
        assert_eq!(offset_of!(libc::statx, stx_rdev_major), 128);
        assert_eq!(offset_of!(libc::statx, stx_dev_minor), 140);
        assert_eq!(offset_of!(libc::statx, stx_mtime), 112);
    }
}
