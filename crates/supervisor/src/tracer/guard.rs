//! Preparing a process for its first window: the window filter, and a handler on every fault signal.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyclave_sys::bpf::{BuildError, Program};
use anyclave_sys::ptrace;
use anyclave_sys::remote::RemoteCall;
use anyclave_sys::seccomp::Flags;
use anyclave_sys::{Errno, Result};

use super::forced::install_guarded;
use super::{Thread, Tracer};
use crate::filter::{self, FAULT_SIGNALS};
use crate::process::dispositions::SigAction;
use crate::process::{Process, Stub};
use crate::shared::Shared;

const PAGE: u64 = 4096;
/// SECCOMP_SET_MODE_FILTER.
const SET_MODE_FILTER: u64 = 1;

/// Does what has not been done yet, by system calls of a borrowed thread.
pub(crate) fn guard(shared: &Shared, process: &Process, stub: Stub, call: &mut RemoteCall) -> Result<()> {
    add_window_filter(shared, process, stub, call)?;
    let mut book = *process.dispositions();
    if book.guarded {
        return Ok(());
    }
    for (signal, action) in FAULT_SIGNALS.into_iter().zip(present_actions(call, process)?) {
        book.set(signal, action);
        if !action.is_handler() {
            install_guarded(call, process, stub, signal, action)?;
        }
    }
    book.guarded = true;
    *process.dispositions() = book;
    Ok(())
}

/// The actions as the kernel has them, in the order of [`FAULT_SIGNALS`].
fn present_actions(call: &mut RemoteCall, process: &Process) -> Result<[SigAction; FAULT_SIGNALS.len()]> {
    let number = |value: i32| u64::from(value.cast_unsigned());
    let prot = number(libc::PROT_READ | libc::PROT_WRITE);
    let flags = number(libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // Our own memory in the process is not writable for it, and the kernel writes as the process does.
    let page = call.call(libc::SYS_mmap, [0, PAGE, prot, flags, u64::MAX, 0])?.or(Err(Errno::EPERM))?;
    let mut actions = [SigAction::default(); FAULT_SIGNALS.len()];
    for (signal, action) in FAULT_SIGNALS.iter().zip(&mut actions) {
        let args = [signal.unsigned_abs().into(), 0, page, 8, 0, 0];
        if call.call(libc::SYS_rt_sigaction, args)? != Ok(0) {
            return Err(Errno::EPERM);
        }
        let mut bytes = [0; SigAction::SIZE];
        process.mem.read(page, &mut bytes)?;
        *action = SigAction::from_bytes(&bytes);
    }
    // A page that stays behind does no harm.
    let _ = call.call(libc::SYS_munmap, [page, PAGE, 0, 0, 0, 0])?;
    Ok(actions)
}

/// Puts the window filter on a process that does not have it yet: on all threads where they have the same filters so
/// far, else on this one, and its tracer sees to the others ([`Tracer::filter_others`]).
pub(crate) fn add_window_filter(
    shared: &Shared,
    process: &Process,
    stub: Stub,
    call: &mut RemoteCall,
) -> Result<()> {
    if process.window_filter.swap(true, Ordering::Relaxed) {
        return Ok(());
    }
    if install(process, stub, call, Flags::TSYNC, &windows(shared)?)? {
        process.watched.store(true, Ordering::Relaxed);
        return Ok(());
    }
    filter_alone(shared, process, stub, call)?;
    process.diverged.store(true, Ordering::Relaxed);
    Ok(())
}

/// Puts it on one thread.
fn filter_alone(shared: &Shared, process: &Process, stub: Stub, call: &mut RemoteCall) -> Result<()> {
    if !install(process, stub, call, Flags::NONE, &windows(shared)?)? {
        shared.log.warn(format_args!(
            "process {} refuses our filter: changes to enclave mappings will go unseen",
            process.tgid
        ));
    }
    Ok(())
}

fn windows(shared: &Shared) -> Result<Program> {
    built(shared, filter::windows())
}

fn built(shared: &Shared, program: std::result::Result<Program, BuildError>) -> Result<Program> {
    program.map_err(|error| {
        shared.log.warn(format_args!("a filter cannot be built: {error}"));
        Errno::EINVAL
    })
}

/// Has a filter tell of each call that can change what a descriptor stands for, which is asked for all the time. The
/// process has one thread.
pub(crate) fn watch_descriptor(
    shared: &Shared,
    process: &Process,
    stub: Stub,
    call: &mut RemoteCall,
    fd: i32,
) -> Result<()> {
    let program = built(shared, filter::descriptor(fd))?;
    process.is_watched(fd, install(process, stub, call, Flags::TSYNC, &program)?);
    Ok(())
}

/// Installs a filter. False where the kernel, or a filter from before the run, refuses it.
fn install(
    process: &Process,
    stub: Stub,
    call: &mut RemoteCall,
    flags: Flags,
    program: &Program,
) -> Result<bool> {
    let at = stub.scratch(call.tid());
    let code = at + 64;
    process.mem.write(at, &program.fprog_at(code))?;
    process.mem.write(code, &program.to_bytes())?;
    Ok(call.call(libc::SYS_seccomp, [SET_MODE_FILTER, flags.bits(), at, 0, 0, 0])?.is_ok())
}

impl Tracer {
    /// The threads of a process have filters of their own, so that each needs the window filter by itself: they are
    /// stopped for it.
    pub(super) fn filter_others(&mut self, process: &Arc<Process>) {
        for other in self.threads.values_mut().filter(|other| Arc::ptr_eq(&other.process, process)) {
            other.unfiltered = true;
            // It may be dead by now.
            let _ = ptrace::interrupt(other.tracee.tid());
        }
    }

    /// Gives a thread that stands still the window filter, if it is one that lacks it.
    pub(super) fn filter_late(&self, thread: &mut Thread) -> Result<()> {
        let stub = thread.process.mm().stub;
        let Some(stub) = stub.filter(|_| std::mem::take(&mut thread.unfiltered)) else { return Ok(()) };
        let mut call = RemoteCall::begin(thread.tracee, stub.syscall())?;
        filter_alone(&self.shared, &thread.process, stub, &mut call)?;
        call.finish()
    }
}
