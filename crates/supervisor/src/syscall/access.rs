//! access, faccessat, faccessat2 of what a machine has.

use anyclave_sys::Errno;
use anyclave_sys::notify::Response;

use super::open::low;
use super::{Answer, Notified};
use crate::device::{self, Found};

/// Flags of faccessat2; the kernel refuses others.
const FLAGS: i32 = libc::AT_EACCESS | libc::AT_SYMLINK_NOFOLLOW | libc::AT_EMPTY_PATH;

/// A node can be read and written by all and executed by nobody, a file of the machine can be read only; a
/// directory can be searched.
pub(super) fn access(call: &Notified<'_>) -> Answer {
    let [a, b, c, d, ..] = call.call.args;
    let (dirfd, path, mode, flags) = match call.call.nr {
        libc::SYS_access => (libc::AT_FDCWD.cast_unsigned().into(), a, b, 0),
        libc::SYS_faccessat => (a, b, c, 0),
        _ => (a, b, c, low(d)),
    };
    if flags & !FLAGS != 0 {
        return Answer::CONTINUE;
    }
    let Some(path) = call.path(path) else { return Answer::CONTINUE };
    let refused = match device::find(call.shared, &call.process, dirfd, &path) {
        Some(Found::Node(_)) => libc::X_OK,
        Some(Found::View(view)) if view.status().is_some() => libc::W_OK | libc::X_OK,
        Some(Found::Directory(_)) => libc::W_OK,
        Some(Found::BeneathNode) => return Answer::error(Errno::ENOTDIR),
        Some(Found::View(_) | Found::OpenFile(_)) | None => return Answer::CONTINUE,
    };
    let mode = low(mode);
    if mode & !(libc::R_OK | libc::W_OK | libc::X_OK) != 0 {
        return Answer::error(Errno::EINVAL);
    }
    if mode & refused != 0 {
        return Answer::error(Errno::EACCES);
    }
    Answer::Respond(Response::Return(0))
}
