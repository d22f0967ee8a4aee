//! /dev/cpu/N/msr: a file whose offset is the number of a register, which a read of eight bytes gives.
//!
//! The numbers of the launch-key hash, 8CH to 8FH, are nearer to each other than their eight bytes, so no contents
//! of a file would do. pread is answered for each number, and lseek puts there what a read then finds; each open has a memory file of its own, for another may be read elsewhere meanwhile.

use std::path::Path;
use std::sync::Arc;

use anyclave_sys::memfd::Memfd;
use anyclave_sys::{Errno, Result, host};

use super::MODE;
use super::status::Status;
use crate::shared::{DeviceFile, Shared};
use crate::syscall::{Answer, Notified, give};

/// Major number of the driver.
const MAJOR: u32 = 202;
/// A register.
const BYTES: usize = 8;

/// The logical processor, if it runs.
pub(super) fn at(path: &str) -> Option<u32> {
    let number = path.strip_prefix("/dev/cpu/")?.strip_suffix("/msr")?;
    let cpu = number.parse().ok().filter(|cpu: &u32| cpu.to_string() == number)?;
    host::is_online(cpu).then_some(cpu)
}

pub(super) fn open(call: &Notified<'_>, cpu: u32, flags: i32) -> Answer {
    // Who may not write registers may not open for writing, which is everybody here.
    if flags & libc::O_ACCMODE != libc::O_RDONLY {
        return Answer::error(Errno::EPERM);
    }
    Answer::given(open_for_reading(call, cpu, flags))
}

fn open_for_reading(call: &Notified<'_>, cpu: u32, flags: i32) -> Result<()> {
    let file = Arc::new(Memfd::create(c"msr", 0)?);
    file.set_mode(MODE)?;
    let identity = file.dev_ino()?;
    call.releaser.watch(Path::new(&file.proc_path()), identity)?;
    call.shared.core().files.insert(identity, DeviceFile::Msr { cpu, file: Arc::clone(&file) });
    call.process.gets_device(call.call.pid);
    give(call, &file, flags)
}

pub(crate) fn status(cpu: u32) -> Status {
    Status {
        mode: libc::S_IFCHR | MODE,
        rdev: (MAJOR, cpu),
        inode: 0x5300 + u64::from(cpu),
        beside: "/dev",
        ..Status::default()
    }
}

/// A register, as many times as a read of `count` bytes gets it. The driver has it no other way.
pub(crate) fn read(shared: &Shared, number: u64, count: usize) -> Result<Vec<u8>> {
    if !count.is_multiple_of(BYTES) {
        return Err(Errno::EINVAL);
    }
    Ok(value(shared, number).ok_or(Errno::EIO)?.to_le_bytes().repeat(count / BYTES))
}

/// Makes a file have a register at its number, and nothing behind it; nothing at all where there is none.
pub(crate) fn place(shared: &Shared, file: &Memfd, number: u64) -> Result<()> {
    file.resize(0)?;
    match value(shared, number) {
        Some(value) => file.pwrite(&value.to_le_bytes(), number),
        None => Ok(()),
    }
}

fn value(shared: &Shared, number: u64) -> Option<u64> {
    let number = u32::try_from(number).ok()?;
    shared.core().machine.package().rdmsr(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_have_one_path_each() {
        assert_eq!(at("/dev/cpu/0/msr"), Some(0));
        for path in [
            "/dev/cpu/00/msr",
            "/dev/cpu/+0/msr",
            "/dev/cpu//msr",
            "/dev/cpu/0/cpuid",
            "/dev/cpu/4294967295/msr",
        ] {
            assert_eq!(at(path), None, "{path}");
        }
    }
}
