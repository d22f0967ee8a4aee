//! mmap: windows on enclaves, and executable files with CPUID in them.

use std::fs::Metadata;

use anyclave_arch::Linear;
use anyclave_driver::mmap::{MapRequest, placement};
use anyclave_driver::{EnclaveId, Rights};
use anyclave_sys::ptrace::Regs;
use anyclave_sys::{Errno, Result, host, procfs};

use super::mremap::errno;
use super::munmap::range;
use super::open::low;
use super::{answer, encode, perform};
use crate::process::Stub;
use crate::process::windows::Window;
use crate::shared::{DeviceFile, Shared};
use crate::tracer::{Thread, apply, guard, replace_cpuid};

/// The arguments of mmap(2).
#[derive(Clone, Copy)]
struct Arguments {
    address: u64,
    length: u64,
    prot: u64,
    flags: i32,
    fd: u64,
    offset: u64,
}

impl Arguments {
    const fn of(regs: &Regs) -> Self {
        Self {
            address: regs.rdi,
            length: regs.rsi,
            prot: regs.rdx,
            flags: low(regs.r10),
            fd: regs.r8,
            offset: regs.r9,
        }
    }

    const fn has(&self, flag: i32) -> bool {
        self.flags & flag != 0
    }

    /// MAP_FIXED, which replaces what is there.
    const fn replaces(&self) -> bool {
        self.has(libc::MAP_FIXED) && !self.has(libc::MAP_FIXED_NOREPLACE)
    }
}

pub(super) fn mmap(shared: &Shared, thread: &Thread, regs: &Regs) -> Result<()> {
    let arguments = Arguments::of(regs);
    let Some(stub) = thread.process.mm().stub else { return thread.tracee.cont(0) };
    let metadata = match arguments.has(libc::MAP_ANONYMOUS) {
        true => None,
        false => procfs::fd_metadata(thread.tracee.tid(), low(arguments.fd)).ok(),
    };
    match metadata.as_ref().and_then(|file| shared.device_file_of(file)) {
        None => of_the_host(shared, thread, stub, &arguments, metadata.as_ref()),
        Some(DeviceFile::Provision | DeviceFile::Msr { .. }) => {
            let refused = well_formed(&arguments).and_then(|()| open_for(thread, &arguments));
            answer(thread, Err(refused.err().unwrap_or(Errno::ENODEV)))
        }
        Some(DeviceFile::Enclave { id, .. }) => of_an_enclave(shared, thread, stub, regs, &arguments, id),
    }
}

/// A mapping that is none of ours, but may lie over a window or bring code.
fn of_the_host(
    shared: &Shared,
    thread: &Thread,
    stub: Stub,
    arguments: &Arguments,
    file: Option<&Metadata>,
) -> Result<()> {
    let process = &thread.process;
    let (start, end) = range(arguments.address, arguments.length);
    let covers = arguments.replaces() && process.mm().windows.touches(start, end);
    let clean = || file.is_some_and(|file| shared.sites.is_clean(file));
    let code = arguments.prot & 4 != 0 && !arguments.has(libc::MAP_ANONYMOUS) && !clean();
    if !covers && !code {
        return thread.tracee.cont(0);
    }
    let (call, result) = perform(thread, stub.syscall())?;
    if let Ok(address) = result {
        let (start, end) = range(address, arguments.length);
        if covers {
            process.mm().windows.remove(start, end);
        }
        if code {
            replace_cpuid(shared, process, start, end)?;
        }
    }
    call.finish()?;
    thread.tracee.cont(0)
}

/// What Linux asks before it looks at the file.
fn well_formed(arguments: &Arguments) -> std::result::Result<(), Errno> {
    if arguments.offset.is_multiple_of(4096) && arguments.length != 0 { Ok(()) } else { Err(Errno::EINVAL) }
}

/// The rights that are asked for, if the descriptor is open for them.
fn open_for(thread: &Thread, arguments: &Arguments) -> std::result::Result<Rights, Errno> {
    let rights = Rights::from_prot(arguments.prot);
    let mode = open_mode(thread, arguments.fd);
    if mode == libc::O_WRONLY || mode == libc::O_RDONLY && rights.contains(Rights::WRITE) {
        return Err(Errno::EACCES);
    }
    Ok(rights)
}

fn open_mode(thread: &Thread, fd: u64) -> i32 {
    procfs::fd_flags(thread.tracee.tid(), low(fd)).unwrap_or(libc::O_RDWR) & libc::O_ACCMODE
}

/// A window. It is mapped without rights first and gets those of each page before the thread goes on.
fn of_an_enclave(
    shared: &Shared,
    thread: &Thread,
    stub: Stub,
    regs: &Regs,
    arguments: &Arguments,
    id: EnclaveId,
) -> Result<()> {
    let process = &thread.process;
    // The driver refuses a private mapping when an address is chosen, before the descriptor's mode counts.
    let private = arguments.flags & libc::MAP_TYPE == libc::MAP_PRIVATE;
    let checked = well_formed(arguments)
        .and_then(|()| placement(private).map_err(|refusal| errno(refusal.answer())))
        .and_then(|()| open_for(thread, arguments));
    let rights = match checked {
        Ok(rights) => rights,
        Err(error) => return answer(thread, Err(error)),
    };
    // The program's offset has no meaning; the address says which page of the home it is.
    let fixed = arguments.has(libc::MAP_FIXED) || arguments.has(libc::MAP_FIXED_NOREPLACE);
    let (start, end) = range(arguments.address, arguments.length);
    let offset = home_offset(shared, id, start, end).filter(|_| fixed);
    let flags = arguments.flags & !(libc::MAP_POPULATE | libc::MAP_LOCKED);
    let changed = Regs { rdx: 0, r9: offset.unwrap_or(0), r10: flags.cast_unsigned().into(), ..*regs };
    thread.tracee.set_regs(&changed)?;
    let (mut call, result) = perform(thread, stub.syscall())?;
    let outcome = match result {
        Err(error) => Err(error),
        Ok(address) => {
            let (start, end) = range(address, arguments.length);
            process.mm().windows.remove(start, end);
            let request = MapRequest {
                start: Linear(start),
                end: Linear(end),
                rights,
                read_implies_exec: host::read_implies_exec(thread.tracee.tid()),
            };
            let allowed = shared.core().machine.may_map(id, &request);
            if let Err(refusal) = allowed {
                shared.log.refused(refusal);
                call.call(libc::SYS_munmap, [start, end - start, 0, 0, 0, 0])?.or(Err(Errno::EIO))?;
                Err(errno(refusal.answer()))
            } else {
                let mut placed = offset.is_some();
                if let Some(offset) = home_offset(shared, id, start, end).filter(|_| !placed) {
                    let fixed = (libc::MAP_SHARED | libc::MAP_FIXED).cast_unsigned().into();
                    let again = [start, end - start, 0, fixed, arguments.fd, offset];
                    placed = call.call(libc::SYS_mmap, again)?.is_ok();
                }
                guard(shared, process, stub, &mut call)?;
                let writable = open_mode(thread, arguments.fd) != libc::O_RDONLY;
                process.mm().windows.insert(Window { start, end, rights, enclave: id, writable, placed });
                apply(shared, process, stub, &mut call, start, end)?;
                Ok(address)
            }
        }
    };
    let back = call.regs_mut();
    (back.rdx, back.r9, back.r10) = (regs.rdx, regs.r9, regs.r10);
    back.rax = encode(outcome).cast_unsigned();
    call.finish()?;
    thread.tracee.cont(0)
}

/// Where a range lies in the home of an enclave, if it lies in its ELRANGE.
pub(crate) fn home_offset(shared: &Shared, id: EnclaveId, start: u64, end: u64) -> Option<u64> {
    let core = shared.core();
    let enclave = core.machine.driver().enclave(id)?;
    let base = enclave.base().0;
    let inside = enclave.is_created() && start >= base && end <= base.checked_add(enclave.size())?;
    inside.then(|| start - base)
}
