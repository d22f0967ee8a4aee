//! System calls inside enclaves are #UD, by syscall user dispatch.
//!
//! Each thread that has entered an enclave has a byte that the kernel looks at before it takes a system call
//! of that thread from anywhere but our code. Threads that never enter one pay nothing.

use anyclave_sys::remote::RemoteCall;
use anyclave_sys::{Errno, Result};

use super::{Thread, Tracer};
use crate::process::Stub;

/// PR_SET_SYSCALL_USER_DISPATCH and its argument that switches it on.
const PR_SET_SYSCALL_USER_DISPATCH: u64 = 59;
const PR_SYS_DISPATCH_ON: u64 = 1;
/// Values of the byte.
const ALLOW: u8 = 0;
const BLOCK: u8 = 1;
/// Bytes of our code, from which system calls are always taken.
const CODE_BYTES: u64 = 4096;

/// A thread's byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Selector {
    slot: usize,
    address: u64,
}

impl Tracer {
    /// Before a thread runs inside: its system calls are forbidden. Leaves the tracee at a stop at which it
    /// can go on.
    pub(super) fn forbid_calls(&self, thread: &mut Thread) -> Result<()> {
        let Some(stub) = thread.process.mm().stub else { return Ok(()) };
        if thread.selector.is_none() {
            thread.selector = self.begin_dispatch(thread, stub)?;
        }
        set(thread, BLOCK);
        Ok(())
    }

    /// After a thread has left: they are its own affair again.
    pub(super) fn allow_calls(&self, thread: &Thread) {
        set(thread, ALLOW);
    }

    /// Switches dispatch on for a thread. None where the kernel has no such thing (Linux before 5.11), the program
    /// uses it itself, or too many of its threads have it.
    fn begin_dispatch(&self, thread: &Thread, stub: Stub) -> Result<Option<Selector>> {
        let settable = match thread.tracee.has_dispatch() {
            Ok(true) => return Ok(None),
            Ok(false) => true,
            // Linux before 6.4: the thread has to do it itself.
            Err(Errno::EIO) => false,
            Err(error) => return Err(error),
        };
        let Some(slot) = thread.process.mm().take_slot() else { return Ok(None) };
        let address = stub.selector(slot);
        let selector = Selector { slot, address };
        thread.process.mem.write(address, &[ALLOW])?;
        let done = if settable {
            thread.tracee.set_dispatch(stub.code..stub.code + CODE_BYTES, address)
        } else {
            let mut call = RemoteCall::begin(thread.tracee, stub.syscall())?;
            let args = [PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, stub.code, CODE_BYTES, address, 0];
            let done = call.call(libc::SYS_prctl, args)?;
            call.finish()?;
            done.map(drop)
        };
        if done.is_err() {
            thread.process.mm().free_slot(slot);
            return Ok(None);
        }
        Ok(Some(selector))
    }

    /// A thread that had a byte is gone.
    pub(super) fn end_dispatch(&self, thread: &Thread) {
        if let Some(selector) = thread.selector {
            thread.process.mm().free_slot(selector.slot);
        }
    }
}

fn set(thread: &Thread, value: u8) {
    if let Some(selector) = thread.selector {
        // The area is ours; a program that unmaps it has system calls inside its enclaves.
        let _: std::result::Result<(), Errno> = thread.process.mem.write(selector.address, &[value]);
    }
}
