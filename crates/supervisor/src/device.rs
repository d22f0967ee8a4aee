//! Paths that lead to device nodes of the machine.

use std::path::{Component, Path, PathBuf};

use anyclave_platform::{Device, Node};
use anyclave_sys::{Pid, procfs};

use crate::process::Process;
use crate::shared::{DeviceFile, Shared};

/// What a path leads to.
#[derive(Clone, Debug)]
pub(crate) enum Found {
    /// A device node.
    Node(Device),
    /// The directory /dev/sgx.
    Directory,
    /// A descriptor of the program's own, through /proc.
    OpenFile(DeviceFile),
    /// A node, as if it were a directory.
    BeneathNode,
}

/// The last components that a path of ours can have, /proc/…/fd/N aside.
const NAMES: [&[u8]; 5] = [b"sgx_enclave", b"sgx_provision", b"enclave", b"provision", b"sgx"];

/// Links to the descriptors 0, 1 and 2.
const STANDARD: [&[u8]; 3] = [b"/dev/stdin", b"/dev/stdout", b"/dev/stderr"];

/// Looks up what a program calls `path`, relative to the descriptor `dirfd`. None for all that is the host's.
///
/// Names are compared, symbolic links are not followed: the nodes exist for programs that know them.
pub(crate) fn find(shared: &Shared, process: &Process, dirfd: u64, path: &[u8]) -> Option<Found> {
    let last = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
    if !last.is_empty() && last.iter().all(u8::is_ascii_digit) || STANDARD.contains(&path) {
        return through_proc(shared, process, dirfd, path).map(Found::OpenFile);
    }
    let beneath = path.windows(4).any(|part| part == b"/sgx") && path.starts_with(b"/dev/");
    if !NAMES.contains(&last) && !beneath {
        return None;
    }
    let slashed = last.is_empty();
    let path = Path::new(std::str::from_utf8(path).ok()?);
    let path = if path.is_absolute() { path.to_path_buf() } else { base(process, dirfd)?.join(path) };
    let path = without_dots(&path);
    if path == Path::new("/dev/sgx") {
        return Some(Found::Directory);
    }
    let nodes: Vec<Node> = shared.core().machine.nodes().collect();
    if slashed && nodes.iter().any(|node| path == Path::new(node.path)) {
        return Some(Found::BeneathNode);
    }
    if nodes.iter().any(|node| path.ancestors().skip(1).any(|above| above == Path::new(node.path))) {
        return Some(Found::BeneathNode);
    }
    nodes.iter().find(|node| path == Path::new(node.path)).map(|node| Found::Node(node.device))
}

/// A descriptor of this or another process of the machine, by one of its paths in /proc or /dev.
fn through_proc(shared: &Shared, process: &Process, dirfd: u64, path: &[u8]) -> Option<DeviceFile> {
    if let Some(fd) = STANDARD.iter().position(|standard| *standard == path) {
        return shared.device_file(process.tgid, fd as u64);
    }
    let path = Path::new(std::str::from_utf8(path).ok()?);
    let path = if path.is_absolute() { path.to_path_buf() } else { base(process, dirfd)?.join(path) };
    let path = without_dots(&path);
    let path = path.to_str()?;
    if let Some(fd) = path.strip_prefix("/dev/fd/") {
        return shared.device_file(process.tgid, fd.parse().ok()?);
    }
    let parts: Vec<&str> = path.strip_prefix("/proc/")?.split('/').collect();
    let (who, fd) = match parts.as_slice() {
        [who, "fd", fd] | [_, "task", who, "fd", fd] => (*who, *fd),
        _ => return None,
    };
    let tid = match who {
        "self" | "thread-self" => process.tgid,
        number => Pid::from_raw(number.parse().ok()?),
    };
    // Descriptors of processes that are not on this machine are none of ours.
    let owner = shared.registry.process(tid)?;
    shared.device_file(owner.tgid, fd.parse().ok()?)
}

fn base(process: &Process, dirfd: u64) -> Option<PathBuf> {
    let [a, b, c, d, ..] = dirfd.to_le_bytes();
    match i32::from_le_bytes([a, b, c, d]) {
        libc::AT_FDCWD => procfs::cwd(process.tgid).ok(),
        fd => procfs::fd_path(process.tgid, fd).ok(),
    }
}

/// The path without `.` and `..`.
fn without_dots(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir | Component::Prefix(_) => {}
            Component::ParentDir => {
                plain.pop();
            }
            Component::RootDir | Component::Normal(_) => plain.push(component),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_are_taken_out() {
        let plain = |path| without_dots(Path::new(path)).to_str().map(str::to_owned);
        assert_eq!(plain("/dev/./shm/../sgx//enclave").as_deref(), Some("/dev/sgx/enclave"));
        assert_eq!(plain("/../dev/sgx").as_deref(), Some("/dev/sgx"));
    }
}
