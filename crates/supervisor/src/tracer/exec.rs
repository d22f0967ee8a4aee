//! A new program: our code goes into it, the vDSO gets its function, CPUID instructions are replaced.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use anyclave_stub::offset;
use anyclave_sys::bpf::{ARCH_X86_64, Action, SeccompData};
use anyclave_sys::ptrace::Tracee;
use anyclave_sys::remote::RemoteCall;
use anyclave_sys::{Errno, Pid, Result, procfs};

use super::cpuid::is_emulator;
use super::{Thread, Tracer};
use crate::filter::FAULT_SIGNALS;
use crate::patch::vdso::{EnterFunction, Vdso};
use crate::process::dispositions::Dispositions;
use crate::process::{Mm, Process, Stub, TABLES_OFFSET};
use crate::tracer::forced::install_action;

/// Code segment of 64-bit user code.
const CS_64: u64 = 0x33;
/// The `syscall` instruction.
const SYSCALL: [u8; 2] = [0x0f, 0x05];
const PAGE: u64 = 4096;

/// The vDSO of a process, read before anything is changed.
struct Image {
    base: u64,
    bytes: Vec<u8>,
}

impl Tracer {
    /// An exec has succeeded in the thread that used to be `former`.
    pub(super) fn on_exec(&mut self, tid: Pid, former: Pid) -> Result<()> {
        let before = self.threads.remove(&former).or_else(|| self.threads.remove(&tid));
        if let Some(mut thread) = self.threads.remove(&tid).filter(|_| former != tid) {
            self.shared.core().machine.parts().package.abandon(&mut thread.processor);
        }
        self.shared.registry.remove(former);
        let mm = Arc::new(Mutex::new(Mm::default()));
        let process = match Process::new(tid, Arc::clone(&mm)) {
            // A program that its user may not read.
            Err(Errno::EACCES | Errno::EPERM) => Process::closed(tid, mm),
            process => process?,
        };
        let process = Arc::new(process);
        let mut inherited = Dispositions::default();
        if let Some(mut thread) = before {
            self.shared.core().machine.parts().package.abandon(&mut thread.processor);
            let filtered = thread.process.window_filter.load(Ordering::Relaxed);
            process.window_filter.store(filtered, Ordering::Relaxed);
            process.watched.store(thread.process.watched.load(Ordering::Relaxed), Ordering::Relaxed);
            process.descriptors.inherit(&thread.process.descriptors);
            process.own_filters.inherit(&thread.process.own_filters);
            inherited = *thread.process.dispositions();
        }
        let mut thread = Thread::new(tid, Arc::clone(&process));
        thread.started = true;
        let tracee = thread.tracee;
        // Whoever waited for one of its former threads waits in vain.
        self.adopt_orphans();
        // Known before anything can go wrong with it.
        self.adopt(thread);
        self.prepare(tracee, &process, &inherited)?;
        tracee.cont(0)
    }

    /// Makes a new program ready for SGX. A program of 32 bits runs without.
    fn prepare(&self, tracee: Tracee, process: &Process, inherited: &Dispositions) -> Result<()> {
        if tracee.regs()?.cs != CS_64 {
            return Ok(());
        }
        let Ok(Some(image)) = read_vdso(process) else {
            self.shared.log.warn(format_args!(
                "process {} cannot be read, or has no vDSO, and runs without SGX",
                process.tgid
            ));
            return Ok(());
        };
        let Some(at) = image.bytes.windows(2).position(|bytes| bytes == SYSCALL) else {
            self.shared.log.warn("the vDSO has no system call in it; the program runs without SGX");
            return Ok(());
        };
        let insn = image.base + at as u64;
        if refuses_memory(process, insn + SYSCALL.len() as u64, self.shared.region) {
            self.shared.log.warn(format_args!(
                "process {} may not map memory, by its own seccomp filter, and runs without SGX",
                process.tgid
            ));
            return Ok(());
        }
        let mut call = RemoteCall::begin(tracee, insn)?;
        if let Some(stub) = self.install_stub(process, &mut call, &image)? {
            process.mm().stub = Some(stub);
            if inherited.guarded {
                keep_ignored(&mut call, process, stub, inherited)?;
            }
        }
        process.mm().emulates = procfs::exe(process.tgid).is_ok_and(|program| is_emulator(&program));
        self.replace_cpuid(process, 0, u64::MAX)?;
        call.finish()
    }

    /// Maps and fills the region with our code, scratch memory and the vDSO's new tables.
    fn install_stub(&self, process: &Process, call: &mut RemoteCall, image: &Image) -> Result<Option<Stub>> {
        let vdso = match Vdso::parse(&image.bytes) {
            Ok(vdso) => vdso,
            Err(error) => {
                self.shared.log.warn(format_args!("the host's vDSO is not understood: {error}"));
                return Ok(None);
            }
        };
        let code = anyclave_stub::code();
        let function = code.get(offset::enter_enclave()..offset::enter_enclave_end()).unwrap_or_default();
        let enter = EnterFunction { code: function, cfi: anyclave_stub::enter_enclave_cfi(), address: 0 };
        let length = (TABLES_OFFSET + vdso.region_len(&enter) as u64).next_multiple_of(PAGE);
        let region = match map(call, self.shared.region, length)? {
            Ok(region) => region,
            Err(error) => {
                self.shared
                    .log
                    .warn(format_args!("no room for our code in process {}: {error}", process.tgid));
                return Ok(None);
            }
        };
        let enter = EnterFunction { address: region + offset::enter_enclave() as u64, ..enter };
        let edit = vdso.edit(image.base, region + TABLES_OFFSET, &enter);
        process.mem.write(region, code)?;
        process.mem.write(region + TABLES_OFFSET, &edit.region)?;
        for (offset, bytes) in merge(&image.bytes, edit.edits) {
            process.mem.write(image.base + offset as u64, &bytes)?;
        }
        Ok(Some(Stub { code: region, enter: edit.enter }))
    }
}

/// Joins edits of `image` that lie near each other: a write costs more than the bytes between them.
fn merge(image: &[u8], mut edits: Vec<(usize, Vec<u8>)>) -> Vec<(usize, Vec<u8>)> {
    const NEAR: usize = 512;
    edits.sort_unstable_by_key(|(offset, _)| *offset);
    let mut merged: Vec<(usize, Vec<u8>)> = Vec::new();
    for (offset, bytes) in edits {
        match merged.last_mut() {
            Some((start, last)) if offset <= *start + last.len() + NEAR && offset >= *start + last.len() => {
                let between = image.get(*start + last.len()..offset).unwrap_or_default();
                last.extend_from_slice(between);
                last.extend_from_slice(&bytes);
            }
            _ => merged.push((offset, bytes)),
        }
    }
    merged
}

/// Maps `length` bytes at an address, or anywhere if there is no room.
fn map(call: &mut RemoteCall, at: u64, length: u64) -> Result<std::result::Result<u64, Errno>> {
    call.call(libc::SYS_mmap, map_arguments(at, length))
}

fn map_arguments(at: u64, length: u64) -> [u64; 6] {
    let number = |value: i32| u64::from(value.cast_unsigned());
    let prot = number(libc::PROT_READ | libc::PROT_EXEC);
    let flags = number(libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    [at, length, prot, flags, u64::MAX, 0]
}

/// Whether filters that the program has inherited forbid the first of our calls; some would kill it for that.
fn refuses_memory(process: &Process, instruction_pointer: u64, at: u64) -> bool {
    let nr = u32::try_from(libc::SYS_mmap).unwrap_or(u32::MAX);
    let args = map_arguments(at, TABLES_OFFSET);
    let call = SeccompData { nr, arch: ARCH_X86_64, instruction_pointer, args };
    process.own_filters.decide(&call).severity() > Action::Log.severity()
}

fn read_vdso(process: &Process) -> Result<Option<Image>> {
    let auxv = procfs::auxv(process.tgid)?;
    let Some((_, base)) = auxv.into_iter().find(|(kind, _)| *kind == libc::AT_SYSINFO_EHDR) else {
        return Ok(None);
    };
    let Some(vma) = process.mem.maps().find_at_or_above(base)?.filter(|vma| vma.start == base) else {
        return Ok(None);
    };
    let mut bytes = vec![0; usize::try_from(vma.end - vma.start).or(Err(Errno::EIO))?];
    process.mem.read(base, &mut bytes)?;
    Ok(Some(Image { base, bytes }))
}

/// An exec keeps signals ignored; where a sentinel stood in for that, it is done here.
fn keep_ignored(call: &mut RemoteCall, process: &Process, stub: Stub, before: &Dispositions) -> Result<()> {
    for signal in FAULT_SIGNALS {
        if let Some(action) = before.get(signal).filter(|action| action.is_ignored()) {
            install_action(call, process, stub, signal, action)?;
            process.dispositions().set(signal, action);
        }
    }
    Ok(())
}
