//! /proc/cpuinfo: the host's, with the flags of SGX and the processor's name.

use anyclave_platform::views::{self, mounts};
use anyclave_sys::procfs;

use crate::syscall::Notified;

pub(super) const PATH: &str = "/proc/cpuinfo";

/// None where the program has no /proc, or one without this file.
pub(super) fn text(call: &Notified<'_>) -> Option<Vec<u8>> {
    // The path is not walked through the program's own mounts, one of which may be a file system that it serves.
    let table = procfs::read(call.process.tgid, "mounts").ok()?;
    if !mounts::is_mounted(&table, "/proc", "proc") {
        return None;
    }
    let host = std::fs::read(PATH).ok()?;
    let core = call.shared.core();
    Some(views::cpuinfo::cpuinfo(&host, core.machine.cpuid()))
}
