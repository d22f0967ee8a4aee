//! /proc/PID/mounts and /proc/PID/mountinfo: where a host's /dev is mounted noexec, they do not say so, since the
//! nodes of a machine can be mapped for execution all the same. Detectors look here before they try.

use std::sync::Arc;

use anyclave_platform::views::mounts::{Table, is_mounted};
use anyclave_sys::{Pid, procfs};

use super::View;
use crate::device::process_named;
use crate::process::Process;
use crate::shared::Shared;

pub(super) fn at(shared: &Shared, process: &Arc<Process>, path: &str) -> Option<View> {
    let (who, name) = match path.strip_prefix("/proc/")? {
        "mounts" => ("self", "mounts"),
        path => path.rsplit_once('/')?,
    };
    let table = Table::by_name(name)?;
    let of = match who.split('/').collect::<Vec<_>>().as_slice() {
        [who] | [_, "task", who] => process_named(shared, process, who)?.tgid,
        _ => return None,
    };
    Some(View::Mounts { table, of })
}

/// None where the host's own says the same.
pub(super) fn text(table: Table, of: Pid) -> Option<Vec<u8>> {
    let mounts = procfs::read(of, "mounts").ok()?;
    let text = match table {
        Table::Mounts => table.without_noexec(&mounts),
        Table::MountInfo => table.without_noexec(&procfs::read(of, "mountinfo").ok()?),
    };
    text.filter(|_| is_mounted(&mounts, "/proc", "proc"))
}
