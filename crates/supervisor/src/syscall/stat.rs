//! stat, lstat, fstat, newfstatat, statx of what a machine has, and of descriptors of ours.

use anyclave_platform::Device;
use anyclave_sys::notify::Response;
use anyclave_sys::ptrace::Regs;
use anyclave_sys::{Errno, Result};

use super::open::low;
use super::{Answer, Notified, answer};
use crate::device::{self, Found};
use crate::files::msr;
use crate::files::status::Status;
use crate::shared::{DeviceFile, Shared};
use crate::tracer::Thread;

/// Flags of newfstatat and statx.
const FLAGS: i32 = libc::AT_SYMLINK_NOFOLLOW | libc::AT_NO_AUTOMOUNT | libc::AT_EMPTY_PATH | STATX_SYNC_TYPE;
/// AT_STATX_SYNC_TYPE: not both of its bits at once for statx.
const STATX_SYNC_TYPE: i32 = libc::AT_STATX_FORCE_SYNC | libc::AT_STATX_DONT_SYNC;

pub(super) fn stat(call: &Notified<'_>) -> Answer {
    let [a, b, c, d, e, _] = call.call.args;
    let cwd = libc::AT_FDCWD.cast_unsigned().into();
    let (dirfd, path, flags, buffer) = match call.call.nr {
        libc::SYS_newfstatat => (a, b, low(d), c),
        libc::SYS_statx => (a, b, low(c), e),
        libc::SYS_lstat => (cwd, a, libc::AT_SYMLINK_NOFOLLOW, b),
        _ => (cwd, a, 0, b),
    };
    let of_statx = call.call.nr == libc::SYS_statx;
    if flags & !FLAGS != 0 || of_statx && flags & STATX_SYNC_TYPE == STATX_SYNC_TYPE {
        return Answer::CONTINUE;
    }
    let Some(path) = call.path(path) else { return Answer::CONTINUE };
    let status = match device::find(call.shared, &call.process, dirfd, &path) {
        Some(Found::Node(device)) => Some(Status::node(device)),
        Some(Found::View(view)) => view.status(),
        // What leads to a descriptor is a link, which the kernel knows.
        Some(Found::OpenFile(_)) if flags & libc::AT_SYMLINK_NOFOLLOW != 0 => None,
        Some(Found::OpenFile(file)) => Some(of_descriptor(&file)),
        Some(Found::Directory(beside)) => Some(Status::directory(beside)),
        Some(Found::BeneathNode) => return Answer::error(Errno::ENOTDIR),
        None => None,
    };
    let Some(status) = status else { return Answer::CONTINUE };
    let bytes = if of_statx { status.statx() } else { status.stat() };
    let Some(bytes) = bytes else { return Answer::error(Errno::ENOENT) };
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
    let file = if by_path { None } else { shared.device_file(process, regs.rdi) };
    let status = file.as_ref().map(of_descriptor);
    let bytes = status.and_then(|status| if nr == libc::SYS_statx { status.statx() } else { status.stat() });
    let Some(bytes) = bytes else { return thread.tracee.cont(0) };
    answer(thread, process.mem.copy_to_user(buffer, &bytes).map(|()| 0))
}

fn of_descriptor(file: &DeviceFile) -> Status {
    match file {
        DeviceFile::Enclave { .. } => Status::node(Device::Enclave),
        DeviceFile::Provision => Status::node(Device::Provision),
        DeviceFile::Msr { cpu, .. } => msr::status(*cpu),
    }
}
