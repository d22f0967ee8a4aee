//! Files that are memory: memfd_create(2).

use crate::{Errno, Result, errno_of};
use nix::fcntl::{FallocateFlags, FcntlArg, OFlag, SealFlag, fallocate, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::uio::pwritev;
use std::ffi::CStr;
use std::fs::File;
use std::io::IoSlice;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};

/// A memory file, sparse: what was never written takes no memory and reads as zeroes. Gone when the last
/// descriptor and the last mapping are.
#[derive(Debug)]
pub struct Memfd(File);

impl Memfd {
    /// A file of `size` bytes that are zero; the name shows as `/memfd:name` in the maps of processes.
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE`, `ENOMEM`; `EFBIG`, `EINVAL`: too large; `EINVAL`: a name above 249 bytes; `ENOENT`: no
    /// /proc.
    pub fn create(name: &CStr, size: u64) -> Result<Self> {
        let born = Self(File::from(create_for_mappings(name)?));
        // A host that gave it seals (vm.memfd_noexec) would let whoever has it add some. Without, this is EPERM.
        let _ = fcntl(&born.0, FcntlArg::F_ADD_SEALS(SealFlag::F_SEAL_SEAL));
        // The kernel does not count the open file that a memory file is born with among its writers, so a lease
        // could not tell who else has it.
        let memfd = Self(File::from(born.reopen(libc::O_RDWR | libc::O_CLOEXEC)?));
        memfd.resize(size)?;
        Ok(memfd)
    }

    /// Reads all of `buf` at `offset`.
    ///
    /// # Errors
    /// `ENXIO`: beyond the end.
    pub fn pread(&self, buf: &mut [u8], offset: u64) -> Result<()> {
        self.0.read_exact_at(buf, offset).map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => Errno::ENXIO,
            _ => errno_of(&error),
        })
    }

    /// Writes all of `buf` at `offset`, making the file longer if need be.
    ///
    /// # Errors
    /// `ENOSPC`, `ENOMEM`: no memory. `EFBIG`.
    pub fn pwrite(&self, buf: &[u8], offset: u64) -> Result<()> {
        self.0.write_all_at(buf, offset).map_err(|error| errno_of(&error))
    }

    /// Writes several pieces, one behind the other, as [`Self::pwrite`] writes one.
    ///
    /// # Errors
    /// As there; pieces before the failing one are written.
    pub fn pwrite_all(&self, pieces: &[IoSlice<'_>], mut offset: u64) -> Result<()> {
        let mut written = pwritev(&self.0, pieces, i64::try_from(offset).or(Err(Errno::EFBIG))?)?;
        for piece in pieces {
            let done = written.min(piece.len());
            written -= done;
            // What one call has left over is rare.
            self.pwrite(&piece[done..], offset + done as u64)?;
            offset += piece.len() as u64;
        }
        Ok(())
    }

    /// Gives back the memory of a range, which reads as zeroes afterwards, through every mapping too.
    ///
    /// # Errors
    /// `EINVAL`: an empty range.
    pub fn punch_hole(&self, offset: u64, len: u64) -> Result<()> {
        let signed = |n: u64| i64::try_from(n).or(Err(Errno::EFBIG));
        let flags = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
        fallocate(&self.0, flags, signed(offset)?, signed(len)?)
    }

    /// No other open file of it is left: no descriptor and no mapping but this one's, in any process, on its way
    /// between two, or waiting in a socket.
    ///
    /// # Errors
    /// `EINVAL`: the kernel gives no leases on memory files, and nothing else tells.
    pub fn is_the_only_open_file(&self) -> Result<bool> {
        /// Missing in libc.
        const F_SETSIG: i32 = 10;
        let control = |command: i32, argument: i32| {
            // SAFETY: both commands used here take a number and change nothing but this open file.
            Errno::result(unsafe { libc::fcntl(self.0.as_raw_fd(), command, argument) })
        };
        // Who opens the file meanwhile waits, and we get a signal: one that nobody minds, where SIGIO would kill.
        control(F_SETSIG, libc::SIGURG)?;
        // A write lease is given to who has the only open file.
        match control(libc::F_SETLEASE, libc::F_WRLCK) {
            Ok(_) => control(libc::F_SETLEASE, libc::F_UNLCK).map(|_| true),
            Err(Errno::EAGAIN) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Makes it `size` bytes long.
    ///
    /// # Errors
    /// `EFBIG`, `EINVAL`: too large.
    pub fn resize(&self, size: u64) -> Result<()> {
        self.0.set_len(size).map_err(|error| errno_of(&error))
    }

    /// Gives it these permissions, for opens by one of its paths in /proc; it is born with all.
    ///
    /// # Errors
    /// None that is known.
    pub fn set_mode(&self, mode: u32) -> Result<()> {
        let permissions = std::fs::Permissions::from_mode(mode);
        self.0.set_permissions(permissions).map_err(|error| errno_of(&error))
    }

    /// Its length in bytes.
    ///
    /// # Errors
    /// None that is known.
    pub fn size(&self) -> Result<u64> {
        Ok(self.metadata()?.len())
    }

    /// How many bytes of memory it takes.
    ///
    /// # Errors
    /// None that is known.
    pub fn allocated(&self) -> Result<u64> {
        Ok(self.metadata()?.blocks() * 512)
    }

    /// The device and the inode, the same for every descriptor and every mapping of it.
    ///
    /// # Errors
    /// None that is known.
    pub fn dev_ino(&self) -> Result<(u64, u64)> {
        let metadata = self.metadata()?;
        Ok((metadata.dev(), metadata.ino()))
    }

    /// Opens it once more, with an access mode and a position of its own. `flags` are open(2)'s: `O_RDONLY`,
    /// `O_RDWR`, `O_NONBLOCK`, `O_CLOEXEC`, ...
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE`; `ENOENT`: no /proc.
    pub fn reopen(&self, flags: i32) -> Result<OwnedFd> {
        let path = self.proc_path();
        nix::fcntl::open(path.as_str(), OFlag::from_bits_retain(flags), nix::sys::stat::Mode::empty())
    }

    /// Its path by way of this process: /proc/self/fd/N.
    #[must_use]
    pub fn proc_path(&self) -> String {
        format!("/proc/self/fd/{}", self.0.as_raw_fd())
    }

    fn metadata(&self) -> Result<std::fs::Metadata> {
        self.0.metadata().map_err(|error| errno_of(&error))
    }
}

/// A memory file without seals where the host allows it. That it may not be executed as a program is of no
/// account: mapped code is another matter.
fn create_for_mappings(name: &CStr) -> Result<OwnedFd> {
    match memfd_create(name, MFdFlags::MFD_CLOEXEC) {
        // Linux 6.3 to 6.5 with vm.memfd_noexec=2 insists.
        Err(Errno::EACCES) => {
            memfd_create(name, MFdFlags::from_bits_retain(libc::MFD_CLOEXEC | libc::MFD_NOEXEC_SEAL))
        }
        result => result,
    }
}

impl AsFd for Memfd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hole_reads_as_zeroes_and_takes_no_memory() {
        let memfd = Memfd::create(c"hole", 1 << 40).unwrap();
        assert_eq!((memfd.size(), memfd.allocated()), (Ok(1 << 40), Ok(0)));
        let far = (1 << 39) + 4096;
        memfd.pwrite(&[0xAB; 8192], far).unwrap();
        assert!(memfd.allocated().unwrap() >= 8192);
        memfd.punch_hole(far, 4096).unwrap();
        let mut buf = [1; 8192];
        memfd.pread(&mut buf, far).unwrap();
        assert!(buf[..4096].iter().all(|&byte| byte == 0) && buf[4096..].iter().all(|&byte| byte == 0xAB));
        memfd.punch_hole(far + 4096, 4096).unwrap();
        assert_eq!(memfd.allocated(), Ok(0));
        assert_eq!(memfd.size(), Ok(1 << 40));
    }

    #[test]
    fn permissions_are_as_set_and_open_files_keep_their_rights() {
        let memfd = Memfd::create(c"mode", 0).unwrap();
        memfd.set_mode(0o444).unwrap();
        assert_eq!(memfd.metadata().unwrap().mode() & 0o7777, 0o444);
        memfd.pwrite(b"text", 0).unwrap();
        assert!(memfd.reopen(libc::O_RDONLY).is_ok());
    }

    #[test]
    fn reading_beyond_the_end_is_an_error() {
        let memfd = Memfd::create(c"end", 4096).unwrap();
        assert_eq!(memfd.pread(&mut [0; 16], 4088), Err(Errno::ENXIO));
        memfd.resize(8192).unwrap();
        assert_eq!(memfd.pread(&mut [0; 16], 4088), Ok(()));
    }

    /// Opening breaks a lease, and the kernel's default for that is a signal that ends the process.
    #[test]
    fn opening_while_it_is_asked_who_else_has_it_does_no_harm() {
        use crate::fork::{Fork, exit_now, fork, waitpid};
        let status = crate::testing::in_child(|| {
            let memfd = Memfd::create(c"raced", 4096).unwrap();
            let Fork::Parent(opener) = fork().unwrap() else {
                for _ in 0..5_000 {
                    drop(memfd.reopen(libc::O_RDWR | libc::O_NONBLOCK));
                }
                exit_now(0)
            };
            for _ in 0..5_000 {
                memfd.is_the_only_open_file().unwrap();
            }
            waitpid(opener).unwrap();
            i32::from(memfd.is_the_only_open_file() != Ok(true))
        });
        assert_eq!(status, 0);
    }

    #[test]
    fn a_mapping_alone_is_an_open_file_still() {
        let memfd = Memfd::create(c"mapped", 4096).unwrap();
        let other = memfd.reopen(libc::O_RDWR).unwrap();
        crate::testing::pages(1, libc::PROT_READ, libc::MAP_SHARED, Some((other.as_fd(), 0)));
        drop(other);
        assert_eq!(memfd.is_the_only_open_file(), Ok(false));
    }

    #[test]
    fn the_last_open_file_knows_that_it_is_the_last() {
        let _alone = crate::testing::not_forking();
        let memfd = Memfd::create(c"last", 4096).unwrap();
        assert_eq!(memfd.is_the_only_open_file(), Ok(true));
        for flags in [libc::O_RDWR, libc::O_RDONLY] {
            let other = memfd.reopen(flags).unwrap();
            let copy = other.try_clone().unwrap();
            assert_eq!(memfd.is_the_only_open_file(), Ok(false));
            drop(other);
            assert_eq!(memfd.is_the_only_open_file(), Ok(false));
            drop(copy);
            assert_eq!(memfd.is_the_only_open_file(), Ok(true));
        }
    }

    #[test]
    fn a_reopened_one_is_the_same_file_with_the_access_asked_for() {
        let memfd = Memfd::create(c"again", 4096).unwrap();
        memfd.pwrite(b"text", 0).unwrap();
        let read_only = File::from(memfd.reopen(libc::O_RDONLY | libc::O_CLOEXEC).unwrap());
        let metadata = read_only.metadata().unwrap();
        assert_eq!((metadata.dev(), metadata.ino()), memfd.dev_ino().unwrap());
        let mut buf = [0; 4];
        read_only.read_exact_at(&mut buf, 0).unwrap();
        assert_eq!(&buf, b"text");
        assert_eq!(read_only.write_at(b"x", 0).unwrap_err().raw_os_error(), Some(libc::EBADF));
        let read_write = File::from(memfd.reopen(libc::O_RDWR).unwrap());
        assert_eq!(read_write.write_at(b"T", 0).unwrap(), 1);
    }
}
