//! CPUID inside enclaves raises #UD, by breakpoints of the processor.
//!
//! The bytes of an enclave stay what was measured: its handlers look at them, and it may read or hash its own
//! code. A breakpoint changes nothing, and one on a table that only looks like an instruction never fires.

use anyclave_arch::SecInfoFlags;
use anyclave_cpu::EnclaveMode;
use anyclave_sys::ptrace::Regs;
use anyclave_sys::{Errno, Result};

use super::{Thread, Tracer};
use crate::patch::cpuid::CPUID;
use crate::patch::enclave_code;

/// RFLAGS.RF: the next instruction hits no breakpoint.
const RF: u64 = 1 << 16;

/// What the debug registers of a thread are set to.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// The enclave that was entered last; EIDs are not used twice, and none is 0.
    eid: u64,
    /// Linear addresses with a breakpoint, of the last enclave that has any.
    sites: Vec<u64>,
}

impl Watch {
    /// Whether a breakpoint is there.
    pub(super) fn covers(&self, rip: u64) -> bool {
        self.sites.contains(&rip)
    }

    /// A thread that goes on at a breakpoint is to hit it, also where ERESUME loads flags that a fault of just
    /// that instruction has left.
    pub(super) fn arm(&self, regs: &mut Regs) {
        if self.covers(regs.rip) {
            regs.eflags &= !RF;
        }
    }
}

impl Tracer {
    /// Before a thread runs inside: its CPUID instructions raise an exception, as far as the processor has
    /// breakpoints. Costs nothing where the enclave is that of the last entry, or has none.
    pub(super) fn watch_cpuid(&self, thread: &mut Thread) -> Result<()> {
        let Some(mode) = thread.processor.mode.as_ref().filter(|mode| mode.eid != thread.watch.eid) else {
            return Ok(());
        };
        let sites = self.cpuid_sites(mode);
        thread.watch.eid = mode.eid;
        if sites.is_empty() || sites == thread.watch.sites {
            return Ok(());
        }
        match thread.tracee.set_breakpoints(&sites) {
            Ok(()) => thread.watch.sites = sites,
            Err(Errno::ESRCH) => return Err(Errno::ESRCH),
            // The host has none to give; CPUID is what it is there.
            Err(_) => thread.watch.sites.clear(),
        }
        Ok(())
    }

    /// A thread stands at a breakpoint.
    pub(super) fn on_watched(&mut self, thread: &mut Thread, regs: &Regs, code: &[u8]) -> Result<()> {
        if thread.processor.inside() && code.starts_with(&CPUID) {
            return self.on_illegal(thread, libc::SIGTRAP, regs);
        }
        // The enclave is gone, has written other code there, or was jumped into without an entry. What stands there
        // now is executed: the kernel has set RF.
        thread.tracee.set_breakpoints(&[])?;
        thread.watch = Watch::default();
        self.swallow(thread, libc::SIGTRAP)
    }

    /// Where an enclave executes CPUID, looked up once an enclave.
    fn cpuid_sites(&self, mode: &EnclaveMode) -> Vec<u64> {
        let found = self.shared.core().machine.package().frames().cpuid_of(mode.eid);
        let Some((home, offsets)) = found else { return Vec::new() };
        let offsets = offsets.get_or_init(|| enclave_code::find(&home, &self.executable_pages(mode.eid)));
        offsets.iter().map(|offset| mode.base.0.wrapping_add(*offset)).collect()
    }

    /// Numbers of the executable pages of an enclave, rising.
    fn executable_pages(&self, eid: u64) -> Vec<u64> {
        let core = self.shared.core();
        let package = core.machine.package();
        let pages = package.frames().occupants(eid);
        let mut numbers: Vec<u64> = pages
            .filter(|(_, page)| package.epcm_entry(*page).rights.contains(SecInfoFlags::X))
            .map(|(number, _)| number)
            .collect();
        numbers.sort_unstable();
        numbers
    }
}
