//! Paths that lead to what a machine has.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use anyclave_platform::{Device, Node};
use anyclave_sys::{Pid, procfs};

use crate::files::{self, View};
use crate::process::Process;
use crate::shared::{DeviceFile, Shared};

/// What a path leads to.
#[derive(Clone, Debug)]
pub(crate) enum Found {
    /// A device node.
    Node(Device),
    /// A file whose contents are the machine's.
    View(View),
    /// A directory of the machine, beside this directory of the host.
    Directory(&'static str),
    /// A descriptor of the program's own, through /proc.
    OpenFile(DeviceFile),
    /// A node, as if it were a directory.
    BeneathNode,
}

/// Links to the descriptors 0, 1 and 2.
const STANDARD: [&[u8]; 3] = [b"/dev/stdin", b"/dev/stdout", b"/dev/stderr"];

/// Looks up what a program calls `path`, relative to the descriptor `dirfd`. None for all that is the host's.
///
/// Names are compared, symbolic links are not followed: the nodes exist for programs that know them.
pub(crate) fn find(shared: &Shared, process: &Arc<Process>, dirfd: u64, path: &[u8]) -> Option<Found> {
    if !may_be_ours(path) {
        return None;
    }
    if let Some(fd) = STANDARD.iter().position(|standard| *standard == path) {
        return shared.device_file(process, fd as u64).map(Found::OpenFile);
    }
    let slashed = path.last().is_none_or(|&byte| byte == b'/');
    let path = Path::new(std::str::from_utf8(path).ok()?);
    let path = if path.is_absolute() { path.to_path_buf() } else { base(process, dirfd)?.join(path) };
    let path = without_dots(&path);
    let path = path.to_str()?;
    if path.rsplit('/').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit())) {
        return through_proc(shared, process, path).map(Found::OpenFile);
    }
    if path == "/dev/sgx" {
        return Some(Found::Directory("/dev"));
    }
    if let Some(found) = node(shared, path, slashed) {
        return Some(found);
    }
    if View::is_directory(shared, path) {
        return Some(Found::Directory("/sys"));
    }
    // The kernel knows of these what it says to whom takes them for directories.
    View::at(shared, process, path).filter(|_| !slashed).map(Found::View)
}

/// The first look, which nearly all paths fail: it takes no lock and no memory. Nearly every path is of the host, which
/// its last component tells.
pub(crate) fn may_be_ours(path: &[u8]) -> bool {
    let last = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
    match last {
        b"sgx_enclave" | b"sgx_provision" | b"enclave" | b"provision" | b"sgx" => true,
        b"stdin" | b"stdout" | b"stderr" => STANDARD.contains(&path),
        // A descriptor's number, through /proc.
        [b'0'..=b'9', ..] if last.iter().all(u8::is_ascii_digit) => true,
        _ => {
            files::may_be(last)
                || path.starts_with(b"/dev/") && path.windows(4).any(|part| part == b"/sgx")
                || last.is_empty() && path.ends_with(b"/x86/")
        }
    }
}

/// A device node, or what would be beneath one.
fn node(shared: &Shared, path: &str, slashed: bool) -> Option<Found> {
    let path = path.strip_prefix("/dev/sgx").map(|_| Path::new(path))?;
    let nodes: Vec<Node> = shared.core().machine.nodes().collect();
    let is_node = |path: &Path| nodes.iter().find(|node| path == Path::new(node.path));
    if path.ancestors().skip(1).any(|above| is_node(above).is_some()) {
        return Some(Found::BeneathNode);
    }
    let node = is_node(path)?;
    Some(if slashed { Found::BeneathNode } else { Found::Node(node.device) })
}

/// A descriptor of this or another process of the machine, by one of its paths in /proc or /dev.
fn through_proc(shared: &Shared, process: &Arc<Process>, path: &str) -> Option<DeviceFile> {
    if let Some(fd) = path.strip_prefix("/dev/fd/") {
        return shared.device_file(process, fd.parse().ok()?);
    }
    let parts: Vec<&str> = path.strip_prefix("/proc/")?.split('/').collect();
    let (who, fd) = match parts.as_slice() {
        [who, "fd", fd] | [_, "task", who, "fd", fd] => (*who, *fd),
        _ => return None,
    };
    shared.device_file(process_named(shared, process, who)?.as_ref(), fd.parse().ok()?)
}

/// The process of this machine that `process` calls so in a path of /proc. What is not on this machine is the
/// host's.
pub(crate) fn process_named(shared: &Shared, process: &Arc<Process>, name: &str) -> Option<Arc<Process>> {
    match name {
        "self" | "thread-self" => Some(Arc::clone(process)),
        number => {
            let pid = procfs::pid_seen_by(process.tgid, Pid::from_raw(number.parse().ok()?)).ok()?;
            shared.registry.process(pid)
        }
    }
}

fn base(process: &Arc<Process>, dirfd: u64) -> Option<PathBuf> {
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
    fn the_first_look_leaves_the_hosts_paths_alone() {
        let may_be = |path: &str| may_be_ours(path.as_bytes());
        for path in [
            "/dev/sgx_enclave",
            "sgx/provision",
            "/dev/sgx",
            "/dev/sgx/",
            "/dev/sgx_enclave/x",
            "/dev/stdin",
            "/proc/self/fd/7",
            "7",
            "/proc/cpuinfo",
            "mounts",
            "/proc/1/mountinfo",
            "../msr",
            "x86",
            "node0/x86/",
            "/sys/devices/system/node/node0/x86/sgx_total_bytes",
        ] {
            assert!(may_be(path), "{path}");
        }
        for path in [
            "",
            "/",
            "/etc/passwd",
            "/usr/lib/x86_64-linux-gnu/libc.so.6",
            "stdin",
            "/dev/null",
            "/proc/self/maps",
            "/proc/stat",
            "/usr/include/",
            "a7",
            "7a",
            "/sys/devices/system/cpu/online",
            "sgx_enclave.c",
            "..",
        ] {
            assert!(!may_be(path), "{path}");
        }
    }

    #[test]
    fn dots_are_taken_out() {
        let plain = |path| without_dots(Path::new(path)).to_str().map(str::to_owned);
        assert_eq!(plain("/dev/./shm/../sgx//enclave").as_deref(), Some("/dev/sgx/enclave"));
        assert_eq!(plain("/../dev/sgx").as_deref(), Some("/dev/sgx"));
    }
}
