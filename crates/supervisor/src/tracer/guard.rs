//! Preparing a process for its first window: the window filter, and a handler on every fault signal.

use std::sync::atomic::Ordering;

use anyclave_sys::procfs::Status;
use anyclave_sys::remote::RemoteCall;
use anyclave_sys::seccomp::Flags;
use anyclave_sys::{Errno, Result};

use super::forced::install_guarded;
use crate::filter::{self, FAULT_SIGNALS};
use crate::process::{Process, Stub};
use crate::shared::Shared;

/// SECCOMP_SET_MODE_FILTER.
const SET_MODE_FILTER: u64 = 1;

/// Does what has not been done yet, by system calls of a borrowed thread.
pub(crate) fn guard(shared: &Shared, process: &Process, stub: Stub, call: &mut RemoteCall) -> Result<()> {
    if !process.window_filter.swap(true, Ordering::Relaxed) {
        add_window_filter(shared, process, stub, call)?;
    }
    let mut book = *process.dispositions();
    if book.guarded {
        return Ok(());
    }
    book.note_ignored(Status::read(call.tid())?.ignored);
    for signal in FAULT_SIGNALS {
        let action = book.get(signal).unwrap_or_default();
        if !action.is_handler() {
            install_guarded(call, process, stub, signal, action)?;
        }
    }
    book.guarded = true;
    *process.dispositions() = book;
    Ok(())
}

/// On all threads where they have the same filters so far, else on this one.
fn add_window_filter(shared: &Shared, process: &Process, stub: Stub, call: &mut RemoteCall) -> Result<()> {
    let program = filter::windows().map_err(|error| {
        shared.log.warn(format_args!("the window filter cannot be built: {error}"));
        Errno::EINVAL
    })?;
    let at = stub.scratch(call.tid());
    let code = at + 64;
    process.mem.write(at, &program.fprog_at(code))?;
    process.mem.write(code, &program.to_bytes())?;
    for flags in [Flags::TSYNC, Flags::NONE] {
        if call.call(libc::SYS_seccomp, [SET_MODE_FILTER, flags.bits(), at, 0, 0, 0])?.is_ok() {
            return Ok(());
        }
    }
    shared.log.warn("the program refuses our filter; changes to enclave mappings will go unseen");
    Ok(())
}
