//! Files in which a machine shows, one file each: what a program reads there is the machine's, not the host's.
//!
//! A descriptor of one is of a memory file that is made at the open. The contents come from
//! [`anyclave_platform::views`] and from the processor.

mod cpuinfo;
mod mounts;
pub(crate) mod msr;
mod sgx_total_bytes;
pub(crate) mod status;

use std::ffi::CStr;
use std::sync::Arc;

use anyclave_platform::views::mounts::Table;
use anyclave_sys::memfd::Memfd;
use anyclave_sys::{Errno, Pid, Result};

use crate::process::Process;
use crate::shared::Shared;
use crate::syscall::{Answer, Notified, give};
use status::Status;

/// A file of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    /// /proc/cpuinfo.
    CpuInfo,
    /// The table of mounts of a process.
    Mounts { table: Table, of: Pid },
    /// sgx_total_bytes of a NUMA node.
    TotalBytes { node: u32 },
    /// The model-specific registers of a logical processor.
    Msr { cpu: u32 },
}

/// Permissions of all of them: for everybody to read.
const MODE: u32 = 0o444;

/// Whether a path with this last component may lead here. Looked at for each path of each program.
pub(crate) fn may_be(name: &[u8]) -> bool {
    matches!(name, b"cpuinfo" | b"mounts" | b"mountinfo" | b"sgx_total_bytes" | b"x86" | b"msr")
}

impl View {
    /// The file at an absolute path without dots, as `process` names it.
    pub(crate) fn at(shared: &Shared, process: &Arc<Process>, path: &str) -> Option<Self> {
        if path == cpuinfo::PATH {
            return Some(Self::CpuInfo);
        }
        mounts::at(shared, process, path)
            .or_else(|| sgx_total_bytes::at(shared, path))
            .or_else(|| msr::at(path).map(|cpu| Self::Msr { cpu }))
    }

    /// A directory of the machine: x86 of a NUMA node with EPC.
    pub(crate) fn is_directory(shared: &Shared, path: &str) -> bool {
        sgx_total_bytes::is_directory(shared, path)
    }

    /// Answers an open with these flags.
    pub(crate) fn open(self, call: &Notified<'_>, flags: i32) -> Answer {
        // The host has these too, and knows what it answers to any other open.
        let of_host = matches!(self, Self::CpuInfo | Self::Mounts { .. });
        if flags & libc::O_PATH != 0 || of_host && flags & NOT_JUST_READING != 0 {
            return Answer::CONTINUE;
        }
        if let Some(error) = refusal(flags) {
            return Answer::error(error);
        }
        match self {
            Self::CpuInfo => give_text(call, c"cpuinfo", cpuinfo::text(call), flags),
            Self::Mounts { table, of } => give_text(call, c"mounts", mounts::text(table, of), flags),
            Self::TotalBytes { node } => {
                give_text(call, c"sgx_total_bytes", sgx_total_bytes::text(call.shared, node), flags)
            }
            Self::Msr { cpu } => msr::open(call, cpu, flags),
        }
    }

    /// What stat says; None where the host knows it.
    pub(crate) fn status(self) -> Option<Status> {
        match self {
            Self::CpuInfo | Self::Mounts { .. } => None,
            Self::TotalBytes { node } => Some(sgx_total_bytes::status(node)),
            Self::Msr { cpu } => Some(msr::status(cpu)),
        }
    }
}

/// Flags of opens that are not simply for reading a file.
const NOT_JUST_READING: i32 = libc::O_ACCMODE | libc::O_DIRECTORY | libc::O_CREAT | libc::O_TRUNC;

/// What Linux says to opens of a file that is there, and no directory.
pub(crate) const fn refusal(flags: i32) -> Option<Errno> {
    if flags & libc::O_DIRECTORY != 0 {
        Some(Errno::ENOTDIR)
    } else if flags & (libc::O_CREAT | libc::O_EXCL) == libc::O_CREAT | libc::O_EXCL {
        Some(Errno::EEXIST)
    } else {
        None
    }
}

/// Gives the program a file of this text; without one the host answers.
fn give_text(call: &Notified<'_>, name: &CStr, text: Option<Vec<u8>>, flags: i32) -> Answer {
    let Some(text) = text else { return Answer::CONTINUE };
    if flags & libc::O_ACCMODE != libc::O_RDONLY {
        return Answer::error(Errno::EACCES);
    }
    let file = || -> Result<Memfd> {
        let file = Memfd::create(name, 0)?;
        file.pwrite(&text, 0)?;
        file.set_mode(MODE)?;
        Ok(file)
    };
    Answer::given(file().and_then(|file| give(call, &file, flags)))
}
