//! /sys/devices/system/node/nodeN/x86/sgx_total_bytes: the bytes of EPC on a NUMA node.

use super::status::Status;
use super::{MODE, View};
use crate::shared::Shared;

/// Where the nodes are, also by the name of their bus.
const NODES: [&str; 2] = ["/sys/devices/system/node/node", "/sys/bus/node/devices/node"];
const NAME: &str = "/sgx_total_bytes";
const DIRECTORY: &str = "/x86";
/// Bytes that sysfs says its files have.
const SIZE: u64 = 4096;

/// The file, where the node has EPC: elsewhere Linux does not show it.
pub(super) fn at(shared: &Shared, path: &str) -> Option<View> {
    let node = node(shared, path.strip_suffix(NAME)?)?;
    Some(View::TotalBytes { node })
}

pub(super) fn is_directory(shared: &Shared, path: &str) -> bool {
    node(shared, path).is_some()
}

/// The node with EPC whose directory x86 this is.
fn node(shared: &Shared, directory: &str) -> Option<u32> {
    let path = directory.strip_suffix(DIRECTORY)?;
    let number = NODES.into_iter().find_map(|prefix| path.strip_prefix(prefix))?;
    let node = number.parse().ok().filter(|node: &u32| node.to_string() == number)?;
    shared.core().machine.epc().on_node(node).map(|_bytes| node)
}

pub(super) fn text(shared: &Shared, node: u32) -> Option<Vec<u8>> {
    let bytes = shared.core().machine.epc().on_node(node)?;
    Some(format!("{bytes}\n").into_bytes())
}

pub(super) fn status(node: u32) -> Status {
    Status {
        mode: libc::S_IFREG | MODE,
        size: SIZE,
        inode: 0x5200 + u64::from(node),
        beside: "/sys",
        ..Status::default()
    }
}
