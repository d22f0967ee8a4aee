//! What stat and statx say of what a machine has.

use std::os::unix::fs::MetadataExt;

use anyclave_platform::{Device, MISC_MAJOR, NODE_MODE};

/// st_blksize of files without one of their own.
const BLOCK_SIZE: u32 = 4096;
/// Bits of stx_mask that stat(2) fills too: STATX_BASIC_STATS.
const BASIC_STATS: u32 = 0x7ff;
/// Type and permissions of directories.
const DIRECTORY_MODE: u32 = libc::S_IFDIR | 0o755;

/// What stat says of something.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Status {
    /// Type and permissions.
    pub(crate) mode: u32,
    /// Names.
    pub(crate) links: u32,
    /// Major and minor number of a device.
    pub(crate) rdev: (u32, u32),
    /// Number of its own.
    pub(crate) inode: u64,
    /// Bytes.
    pub(crate) size: u64,
    /// What it lies beside, and whose file system and times it therefore has.
    pub(crate) beside: &'static str,
}

/// Nothing, in one place.
impl Default for Status {
    fn default() -> Self {
        Self { mode: 0, links: 1, rdev: (0, 0), inode: 0, size: 0, beside: "/" }
    }
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
    /// A device node.
    pub(crate) fn node(device: Device) -> Self {
        let minor = device.minor();
        let inode = 0x5100 + u64::from(minor);
        Self { mode: NODE_MODE, rdev: (MISC_MAJOR, minor), inode, beside: "/dev", ..Self::default() }
    }

    /// A directory.
    pub(crate) fn directory(beside: &'static str) -> Self {
        Self { mode: DIRECTORY_MODE, links: 2, inode: 0x5100, beside, ..Self::default() }
    }

    /// `struct stat` of x86-64. None if the host lacks what it lies beside.
    pub(crate) fn stat(&self) -> Option<Vec<u8>> {
        let beside = std::fs::metadata(self.beside).ok()?;
        let mut layout = Layout(vec![0; size_of::<libc::stat>()]);
        let rdev = libc::makedev(self.rdev.0, self.rdev.1);
        layout.put(0, &beside.dev().to_le_bytes());
        layout.put(8, &self.inode.to_le_bytes());
        layout.put(16, &u64::from(self.links).to_le_bytes());
        layout.put(24, &self.mode.to_le_bytes());
        layout.put(40, &rdev.to_le_bytes());
        layout.put(48, &self.size.to_le_bytes());
        layout.put(56, &u64::from(BLOCK_SIZE).to_le_bytes());
        for (offset, seconds) in [(72, beside.atime()), (88, beside.mtime()), (104, beside.ctime())] {
            layout.put(offset, &seconds.to_le_bytes());
        }
        Some(layout.0)
    }

    /// `struct statx`. None as in [`stat`](Self::stat).
    pub(crate) fn statx(&self) -> Option<Vec<u8>> {
        let beside = std::fs::metadata(self.beside).ok()?;
        let mut layout = Layout(vec![0; size_of::<libc::statx>()]);
        let [mode_low, mode_high, ..] = self.mode.to_le_bytes();
        layout.put(0, &BASIC_STATS.to_le_bytes());
        layout.put(4, &BLOCK_SIZE.to_le_bytes());
        layout.put(16, &self.links.to_le_bytes());
        layout.put(28, &[mode_low, mode_high]);
        layout.put(32, &self.inode.to_le_bytes());
        layout.put(40, &self.size.to_le_bytes());
        for (offset, seconds) in [(64, beside.atime()), (96, beside.ctime()), (112, beside.mtime())] {
            layout.put(offset, &seconds.to_le_bytes());
        }
        layout.put(128, &self.rdev.0.to_le_bytes());
        layout.put(132, &self.rdev.1.to_le_bytes());
        layout.put(136, &libc::major(beside.dev()).to_le_bytes());
        layout.put(140, &libc::minor(beside.dev()).to_le_bytes());
        Some(layout.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The offsets above are the C library's.
    #[test]
    fn layouts_are_those_of_the_host() {
        use std::mem::offset_of;
        assert_eq!(offset_of!(libc::stat, st_mode), 24);
        assert_eq!(offset_of!(libc::stat, st_rdev), 40);
        assert_eq!(offset_of!(libc::stat, st_size), 48);
        assert_eq!(offset_of!(libc::stat, st_blksize), 56);
        assert_eq!(offset_of!(libc::stat, st_mtime), 88);
        assert_eq!(offset_of!(libc::statx, stx_mode), 28);
        assert_eq!(offset_of!(libc::statx, stx_ino), 32);
        assert_eq!(offset_of!(libc::statx, stx_size), 40);
        assert_eq!(offset_of!(libc::statx, stx_rdev_major), 128);
        assert_eq!(offset_of!(libc::statx, stx_dev_minor), 140);
        assert_eq!(offset_of!(libc::statx, stx_mtime), 112);
    }

    #[test]
    fn without_its_neighbourhood_there_is_nothing() {
        let nowhere = Status { beside: "/no/such/place", ..Status::default() };
        assert!(nowhere.stat().is_none() && nowhere.statx().is_none());
        assert_eq!(Status::directory("/").stat().map(|bytes| bytes.len()), Some(144));
    }
}
