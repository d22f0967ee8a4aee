//! seccomp and prctl(PR_SET_SECCOMP): filters of the program's own.
//!
//! They go on behind instructions of ours, which lead what we do in the program's name, and CPUID, to the tracer
//! and leave all else to the program's filter.

use std::sync::atomic::Ordering;

use anyclave_sys::bpf::{Foreign, Program};
use anyclave_sys::ptrace::Regs;
use anyclave_sys::remote::{RemoteCall, skip_syscall};
use anyclave_sys::seccomp::Flags;
use anyclave_sys::{Errno, Result};

use super::encode;
use super::open::low;
use crate::filter;
use crate::process::{Process, Stub};
use crate::shared::Shared;
use crate::tracer::Thread;

/// Operations of seccomp(2).
const SET_MODE_STRICT: u64 = 0;
const SET_MODE_FILTER: u64 = 1;
/// Bytes of `struct sock_fprog`.
const FPROG_BYTES: u64 = 16;
/// BPF_MAXINSNS.
const MAX_LEN: u64 = 4096;

/// What the program asks for.
enum Request {
    Strict,
    Filter { flags: u64, fprog: u64 },
}

impl Request {
    /// None where the kernel refuses it, or where it is something else.
    fn of(regs: &Regs) -> Option<Self> {
        if regs.orig_rax.cast_signed() == libc::SYS_prctl {
            return match regs.rsi {
                1 => Some(Self::Strict),
                2 => Some(Self::Filter { flags: 0, fprog: regs.rdx }),
                _ => None,
            };
        }
        match (u64::from(low(regs.rdi).cast_unsigned()), low(regs.rsi).cast_unsigned(), regs.rdx) {
            (SET_MODE_STRICT, 0, 0) => Some(Self::Strict),
            (SET_MODE_FILTER, flags, fprog) => Some(Self::Filter { flags: flags.into(), fprog }),
            _ => None,
        }
    }
}

pub(super) fn seccomp(shared: &Shared, thread: &Thread, regs: &Regs) -> Result<()> {
    let process = &thread.process;
    let stub = process.mm().stub;
    let (Some(stub), Some(request)) = (stub, Request::of(regs)) else { return thread.tracee.cont(0) };
    let strict = matches!(request, Request::Strict);
    let (flags, own) = match request {
        // Linux knows one mode at a time.
        Request::Strict if process.own_filters.any() => return thread.tracee.cont(0),
        Request::Strict => (0, Foreign::from(&filter::own::strict().or(Err(Errno::EINVAL))?)),
        Request::Filter { flags, .. } if flags & Flags::NEW_LISTENER.bits() != 0 => {
            shared.log.warn(format_args!(
                "process {} asks for a seccomp listener; a run has one already, so it gets EBUSY",
                process.tgid
            ));
            return thread.tracee.cont(0);
        }
        Request::Filter { flags, fprog } => match read(process, fprog) {
            Some(own) => (flags, own),
            None => return thread.tracee.cont(0),
        },
    };
    let before = filter::own::before(stub.code).or(Err(Errno::EINVAL))?;
    let Some(whole) = own.behind(&before) else {
        shared.log.warn(format_args!(
            "the seccomp filter of process {} is too long to leave room for ours: enclaves of this process, and \
             CPUID, are at its mercy",
            process.tgid
        ));
        return thread.tracee.cont(0);
    };
    skip_syscall(thread.tracee, 0)?;
    let mut call = RemoteCall::begin(thread.tracee, stub.syscall())?;
    let outcome = install(process, stub, &mut call, &whole, flags)?;
    // Anything else is the number of a thread that is in the way of TSYNC.
    if outcome == Ok(0) {
        process.own_filters.add(own);
        process.strict.fetch_or(strict, Ordering::Relaxed);
    }
    call.regs_mut().rax = encode(outcome).cast_unsigned();
    call.finish()?;
    thread.tracee.cont(0)
}

/// The program's filter. None where it cannot be read, or is one that the kernel refuses for its length.
fn read(process: &Process, fprog: u64) -> Option<Foreign> {
    let mut head = [0; 16];
    process.mem.copy_from_user(fprog, &mut head).ok()?;
    let [a, b, ..] = head;
    let (_, address) = head.split_at(8);
    let length = u64::from(u16::from_le_bytes([a, b]));
    let address = u64::from_le_bytes(address.try_into().ok()?);
    if length == 0 || length > MAX_LEN {
        return None;
    }
    let mut bytes = vec![0; usize::try_from(length * 8).ok()?];
    process.mem.copy_from_user(address, &mut bytes).ok()?;
    Some(Foreign::from_bytes(&bytes))
}

/// Has the kernel install a filter.
fn install(
    process: &Process,
    stub: Stub,
    call: &mut RemoteCall,
    filter: &Program,
    flags: u64,
) -> Result<std::result::Result<u64, Errno>> {
    let bytes = filter.to_bytes();
    let length = FPROG_BYTES + bytes.len() as u64;
    let (at, mapped) = match room(stub, call, length)? {
        Ok(room) => room,
        Err(error) => return Ok(Err(error)),
    };
    process.mem.write(at, &filter.fprog_at(at + FPROG_BYTES))?;
    process.mem.write(at + FPROG_BYTES, &bytes)?;
    let outcome = call.call(libc::SYS_seccomp, [SET_MODE_FILTER, flags, at, 0, 0, 0])?;
    if mapped {
        call.call(libc::SYS_munmap, [at, length, 0, 0, 0, 0])?.or(Err(Errno::EIO))?;
    }
    Ok(outcome)
}

/// Room for a filter in the program's memory, and whether it was mapped for that.
fn room(stub: Stub, call: &mut RemoteCall, length: u64) -> Result<std::result::Result<(u64, bool), Errno>> {
    if length <= Stub::SCRATCH_PIECE {
        return Ok(Ok((stub.scratch(call.tid()), false)));
    }
    let prot = (libc::PROT_READ | libc::PROT_WRITE).cast_unsigned().into();
    let flags = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS).cast_unsigned().into();
    let mapped = call.call(libc::SYS_mmap, [0, length, prot, flags, u64::MAX, 0])?;
    Ok(mapped.map(|at| (at, true)))
}
