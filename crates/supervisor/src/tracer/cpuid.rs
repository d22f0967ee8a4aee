//! CPUID: replaced in the text of programs, answered from the machine's model.
//!
//! Where it lies above 4 GiB it becomes `int 0x80`, which stops the thread at a filter and forces no signal
//! on it; below, where that is a system call of 32-bit code, and on hosts without `int 0x80`, UD2.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyclave_arch::cpuid::Registers;
use anyclave_sys::maps::Vma;
use anyclave_sys::ptrace::Regs;
use anyclave_sys::{Result, procfs};

use super::convert::NO_CALL;
use super::{Thread, Tracer};
use crate::process::Process;
use crate::shared::Shared;

const CPUID: [u8; 2] = [0x0f, 0xa2];
const INT_80: [u8; 2] = [0xcd, 0x80];
const UD2: [u8; 2] = [0x0f, 0x0b];
/// Code of 32 bits lies below.
const FOUR_GIB: u64 = 1 << 32;

impl Tracer {
    /// A thread executed `int 0x80` in 64-bit code above 4 GiB.
    pub(super) fn on_int80(&mut self, thread: &mut Thread) -> Result<()> {
        let mut regs = thread.tracee.regs()?;
        let site = regs.rip.wrapping_sub(2);
        if thread.process.mm().cpuid_sites.contains(&site) {
            // The filter's stop has put ENOSYS into RAX; the number that was there is the leaf.
            let [a, b, c, d, ..] = regs.orig_rax.to_le_bytes();
            self.answer(&mut regs, u32::from_le_bytes([a, b, c, d]));
            thread.tracee.set_regs(&regs)?;
        } else {
            // Whatever it does.
            thread.process.trust_nothing();
            if thread.process.own_filters.any() {
                return self.on_old_call(thread, &regs);
            }
        }
        thread.tracee.cont(0)
    }

    /// A thread executed a UD2 of ours.
    pub(super) fn on_undefined_cpuid(&mut self, thread: &mut Thread, regs: &Regs) -> Result<()> {
        let mut regs = *regs;
        let [a, b, c, d, ..] = regs.rax.to_le_bytes();
        self.answer(&mut regs, u32::from_le_bytes([a, b, c, d]));
        regs.rip += 2;
        thread.tracee.set_regs(&regs)?;
        self.swallow(thread, libc::SIGILL)
    }

    fn answer(&self, regs: &mut Regs, leaf: u32) {
        let [a, b, c, d, ..] = regs.rcx.to_le_bytes();
        let subleaf = u32::from_le_bytes([a, b, c, d]);
        let host = anyclave_sys::cpuid::cpuid(leaf, subleaf);
        let host = Registers { eax: host.eax, ebx: host.ebx, ecx: host.ecx, edx: host.edx };
        let answer = self.shared.core().machine.cpuid().answer(leaf, subleaf, host);
        regs.rax = answer.eax.into();
        regs.rbx = answer.ebx.into();
        regs.rcx = answer.ecx.into();
        regs.rdx = answer.edx.into();
        regs.orig_rax = NO_CALL;
    }

    /// Replaces CPUID in the executable file mappings of a range.
    pub(super) fn replace_cpuid(&self, process: &Process, start: u64, end: u64) -> Result<()> {
        replace(&self.shared, process, start, end)
    }
}

/// Whether a program executes others by reading their code, so that a replaced CPUID would be no CPUID to it: the
/// tools of Valgrind are that.
pub(super) fn is_emulator(program: &Path) -> bool {
    let name = program.file_name().unwrap_or_default().as_bytes();
    let folder = program.parent().and_then(Path::file_name);
    folder.is_some_and(|folder| folder == "valgrind") && name.ends_with(b"-amd64-linux")
}

/// Replaces CPUID in the executable file mappings of a range of a stopped process.
pub(crate) fn replace(shared: &Shared, process: &Process, start: u64, end: u64) -> Result<()> {
    if process.mm().emulates {
        return Ok(());
    }
    let mut at = start;
    while let Some(vma) = process.mem.maps().find_at_or_above(at)?.filter(|vma| vma.start < end) {
        at = vma.end;
        if vma.exec && !vma.shared && vma.inode != 0 {
            replace_in(shared, process, &vma);
        }
    }
    Ok(())
}

fn replace_in(shared: &Shared, process: &Process, vma: &Vma) {
    let path = procfs::path_inside(process.tgid, vma.path.as_ref());
    for offset in shared.sites.of(&path, vma.inode).iter() {
        let Some(address) = offset.checked_sub(vma.offset).and_then(|offset| vma.start.checked_add(offset))
        else {
            continue;
        };
        let mut bytes = [0; 2];
        // What the program has changed since is left alone.
        if address >= vma.end || process.mem.read(address, &mut bytes).is_err() || bytes != CPUID {
            continue;
        }
        let replacement = if shared.int80 && address >= FOUR_GIB { INT_80 } else { UD2 };
        if process.mem.write(address, &replacement).is_ok() {
            process.mm().cpuid_sites.insert(address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valgrinds_tools_are_known_by_name_and_folder() {
        for program in ["/usr/libexec/valgrind/memcheck-amd64-linux", "/opt/lib/valgrind/none-amd64-linux"] {
            assert!(is_emulator(Path::new(program)), "{program}");
        }
        for program in
            ["/usr/bin/valgrind", "/usr/libexec/valgrind/memcheck-x86-linux", "/x-amd64-linux", "/"]
        {
            assert!(!is_emulator(Path::new(program)), "{program}");
        }
    }
}
