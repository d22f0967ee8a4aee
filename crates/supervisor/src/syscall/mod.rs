//! Intercepted system calls, one file each.
//!
//! Some stop their thread for its tracer ([`stopped`]), for their arguments or results change. Others wait
//! for a thread of ours to answer while the process runs on ([`notified`]).

mod access;
mod clone;
mod close;
mod io_uring_setup;
pub(crate) mod ioctl;
mod lseek;
mod madvise;
pub(crate) mod mmap;
mod mprotect;
mod mremap;
mod munmap;
mod open;
mod prctl;
mod pread;
mod ptrace;
mod remap_file_pages;
mod rt_sigaction;
mod seccomp;
mod stat;

pub(crate) use ptrace::ptrace;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyclave_sys::bpf::SeccompData;
use anyclave_sys::notify::{Listener, Notification, Response};
use anyclave_sys::ptrace::Regs;
use anyclave_sys::remote::{RemoteCall, skip_syscall};
use anyclave_sys::{Errno, Result, signal};

use crate::device;
use crate::process::Process;
use crate::release::Releaser;
use crate::shared::Shared;
use crate::tracer::Thread;

pub(crate) use open::give;

/// Calls that can change what is known of an address space.
const CHANGE_MAPPINGS: [i64; 7] = [
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_pkey_mprotect,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_remap_file_pages,
];

/// A thread stands before a system call of the filters.
pub(crate) fn stopped(shared: &Shared, thread: &mut Thread) -> Result<()> {
    let regs = thread.tracee.regs()?;
    let number = regs.orig_rax.cast_signed();
    if CHANGE_MAPPINGS.contains(&number) {
        thread.process.forget_areas();
    }
    match number {
        libc::SYS_mmap => mmap::mmap(shared, thread, &regs),
        libc::SYS_mprotect | libc::SYS_pkey_mprotect => mprotect::mprotect(shared, thread, &regs),
        libc::SYS_munmap => munmap::munmap(thread, &regs),
        libc::SYS_mremap => mremap::mremap(shared, thread, &regs),
        libc::SYS_madvise => madvise::madvise(thread, &regs),
        libc::SYS_remap_file_pages => remap_file_pages::remap_file_pages(thread, &regs),
        libc::SYS_fstat | libc::SYS_newfstatat | libc::SYS_statx => {
            stat::stat_descriptor(shared, thread, &regs)
        }
        libc::SYS_pread64 => pread::pread(shared, thread, &regs),
        libc::SYS_lseek => lseek::lseek(shared, thread, &regs),
        libc::SYS_clone => clone::clone(thread, &regs),
        libc::SYS_close | libc::SYS_dup2 | libc::SYS_dup3 | libc::SYS_close_range => close::close(thread),
        libc::SYS_io_uring_setup => io_uring_setup::io_uring_setup(thread),
        libc::SYS_seccomp | libc::SYS_prctl => seccomp::seccomp(shared, thread, &regs),
        libc::SYS_rt_sigaction => rt_sigaction::rt_sigaction(thread, &regs),
        _ => thread.tracee.cont(0),
    }
}

/// Does not perform the call a thread stands before, and lets it go on with this result.
fn answer(thread: &Thread, result: std::result::Result<u64, Errno>) -> Result<()> {
    skip_syscall(thread.tracee, encode(result))?;
    thread.tracee.cont(0)
}

/// A result as RAX has it.
fn encode(result: std::result::Result<u64, Errno>) -> i64 {
    match result {
        Ok(value) => value.cast_signed(),
        Err(error) => -i64::from(error as i32),
    }
}

/// Lets the call a thread stands before be performed, and borrows the thread right behind it; the result is
/// in the registers it will get back.
fn perform(thread: &Thread, syscall_insn: u64) -> Result<(RemoteCall, std::result::Result<u64, Errno>)> {
    let mut call = RemoteCall::begin(thread.tracee, syscall_insn)?;
    let result = result_of(call.regs_mut());
    Ok((call, result))
}

/// RAX as a result.
fn result_of(regs: &Regs) -> std::result::Result<u64, Errno> {
    match regs.rax.cast_signed() {
        error @ -4095..=-1 => Err(Errno::from_raw(i32::try_from(-error).unwrap_or(libc::EINVAL))),
        _ => Ok(regs.rax),
    }
}

/// Where a filter of the program's own would have stopped the thread for a tracer, the kernel asks us first.
fn by_own_filters(call: &Notified<'_>) -> Option<Answer> {
    let Notification { nr, args, ip, arch, .. } = call.call;
    let process = &call.process;
    if process.strict.load(Ordering::Relaxed) {
        // It may be dead already.
        let _ = signal::kill(process.tgid, libc::SIGKILL);
        return Some(Answer::Answered);
    }
    let nr = u32::try_from(nr).unwrap_or(u32::MAX);
    let data = SeccompData { nr, arch, instruction_pointer: ip, args };
    (process.own_filters.any() && process.own_filters.wants_tracer(&data))
        .then(|| Answer::error(Errno::ENOSYS))
}

/// A system call that waits for an answer.
pub(crate) struct Notified<'a> {
    pub(crate) shared: &'a Arc<Shared>,
    pub(crate) releaser: &'a Releaser,
    pub(crate) listener: &'a Listener,
    pub(crate) call: Notification,
    pub(crate) process: Arc<Process>,
}

impl Notified<'_> {
    /// The path at an address, if it may lead to a file of ours. Nearly none does, and that is seen in few bytes, which
    /// are read in the cheapest way there is: whether the program could read them is the kernel's to say.
    pub(crate) fn path(&self, address: u64) -> Option<Vec<u8>> {
        const PAGE: u64 = 4096;
        let mut start = [0; 256];
        let to_page_end = usize::try_from(PAGE - address % PAGE).unwrap_or(0);
        let start = &mut start[..to_page_end.min(256)];
        if self.process.mem.read(address, start).is_ok()
            && let Some(length) = start.iter().position(|&byte| byte == 0)
            && !device::may_be_ours(&start[..length])
        {
            return None;
        }
        self.process.mem.read_cstr(address, open::PATH_MAX).ok()
    }
}

/// What a notified call gets.
pub(crate) enum Answer {
    /// This.
    Respond(Response),
    /// It has its answer already.
    Answered,
}

impl Answer {
    /// Not our affair.
    pub(crate) const CONTINUE: Self = Self::Respond(Response::Continue);

    pub(crate) const fn error(error: Errno) -> Self {
        Self::Respond(Response::Error(error))
    }

    /// Of a call whose answer was to be a descriptor.
    pub(crate) const fn given(result: Result<()>) -> Self {
        match result {
            // ENOENT: killed meanwhile.
            Ok(()) | Err(Errno::ENOENT) => Self::Answered,
            Err(error) => Self::error(error),
        }
    }
}

/// Decides a call that waits.
pub(crate) fn notified(call: &Notified<'_>) -> Answer {
    if let Some(answer) = by_own_filters(call) {
        return answer;
    }
    match call.call.nr {
        libc::SYS_open | libc::SYS_openat | libc::SYS_openat2 => open::open(call),
        libc::SYS_stat | libc::SYS_lstat | libc::SYS_newfstatat | libc::SYS_statx => stat::stat(call),
        libc::SYS_access | libc::SYS_faccessat | libc::SYS_faccessat2 => access::access(call),
        libc::SYS_ioctl => ioctl::ioctl(call),
        libc::SYS_prctl => prctl::prctl(call),
        _ => Answer::CONTINUE,
    }
}
