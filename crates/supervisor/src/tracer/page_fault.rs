//! Page faults in windows: first the rights of the mapping, then whether a page is there, then the EPCM.

use anyclave_arch::{Linear, PAGE_SIZE, Pfec, SecInfoFlags};
use anyclave_cpu::{Access, EpcmEntry};
use anyclave_driver::{FaultCause, FaultOutcome, Rights};
use anyclave_sys::{Result, procfs};

use super::exception::{BUS_ADRERR, Exception, SEGV_ACCERR, pfec};
use super::{Thread, Tracer};
use crate::process::windows::Window;

/// What a page fault comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Not in a window: what the host said stands.
    NotOurs,
    /// The page is there now; the access is to be repeated.
    Resolved,
    /// The program gets this.
    Deliver(Exception),
}

impl Thread {
    /// Whether faults at this address have been resolved again and again to no effect.
    fn is_stuck_at(&mut self, address: u64) -> bool {
        const PATIENCE: u32 = 8;
        let times = if self.resolved.0 == address { self.resolved.1 + 1 } else { 1 };
        self.resolved = (address, times % PATIENCE);
        times == PATIENCE
    }
}

/// What is behind a page of a window.
enum Behind {
    /// No page of the enclave.
    Nothing(FaultCause),
    /// A page that enclave code must not touch, or not so.
    Forbidden(EpcmEntry),
    /// A page that it may.
    Reachable,
}

impl Tracer {
    /// Decides a page fault of a thread, inside an enclave or not.
    pub(super) fn decide(&mut self, thread: &mut Thread, address: u64, access: Access) -> Result<Verdict> {
        let Some(window) = thread.process.mm().windows.find(address) else {
            return Ok(Verdict::NotOurs);
        };
        let page = Linear(address).page();
        if !allows(window.rights, access) {
            // A mapping without any right has no present entries.
            let present = !window.rights.is_empty() && self.host_maps(thread, address);
            let code = pfec(access) | if present { Pfec::P } else { Pfec::empty() };
            return Ok(Verdict::Deliver(Exception::page_fault(address, code, libc::SIGSEGV, SEGV_ACCERR)));
        }
        let refused = |code, signal, si_code| {
            Ok(Verdict::Deliver(Exception::page_fault(address, pfec(access) | code, signal, si_code)))
        };
        match self.look_up(&window, page, access) {
            Behind::Nothing(cause) => {
                self.shared.log.refused(format_args!("page fault at {address:#x}: SIGBUS: {cause}"));
                return refused(Pfec::empty(), libc::SIGBUS, BUS_ADRERR);
            }
            Behind::Forbidden(EpcmEntry { page_type, rights, .. }) => {
                self.shared.log.refused(format_args!(
                    "page fault at {address:#x}: the EPCM forbids the access: the page is {}, with rights {:#x}",
                    page_type.name(),
                    rights.bits()
                ));
                return refused(Pfec::P | Pfec::SGX, libc::SIGSEGV, SEGV_ACCERR);
            }
            Behind::Reachable => {}
        }
        if thread.is_stuck_at(address) {
            // The program has taken away what the page lies on.
            return refused(Pfec::empty(), libc::SIGBUS, BUS_ADRERR);
        }
        if !self.uncover(thread, &window, page.0)? {
            thread.process.mm().windows.remove(window.start, window.end);
            return Ok(Verdict::NotOurs);
        }
        Ok(Verdict::Resolved)
    }

    /// What the driver and the EPCM have at a page of a window.
    fn look_up(&self, window: &Window, page: Linear, access: Access) -> Behind {
        let core = self.shared.core();
        let epc = match core.machine.fault(window.enclave, page, window.rights) {
            FaultOutcome::Sigbus(cause) => return Behind::Nothing(cause),
            FaultOutcome::Map(epc) => epc,
        };
        let package = core.machine.package();
        let entry = package.epcm_entry(epc);
        let needed = match access {
            Access::Read => SecInfoFlags::R,
            Access::Write => SecInfoFlags::W,
            Access::Fetch => SecInfoFlags::X,
        };
        if package.frames().is_at_home(epc) && entry.rights.contains(needed) {
            Behind::Reachable
        } else {
            Behind::Forbidden(entry)
        }
    }

    /// Whether the host has a page table entry for an address.
    pub(super) fn host_maps(&self, thread: &Thread, address: u64) -> bool {
        procfs::pagemap(thread.process.tgid, address).is_ok_and(procfs::PagemapEntry::present)
    }

    /// What P of an error code is at an address outside all windows. The entries of a mapping without any
    /// right count as present in the host's list, but not for the processor.
    pub(super) fn is_present(&self, thread: &Thread, address: u64) -> bool {
        let vma = thread.process.mem.maps().find_at_or_above(address).ok().flatten();
        vma.is_some_and(|vma| vma.contains(address) && (vma.read || vma.write || vma.exec))
            && self.host_maps(thread, address)
    }

    /// Makes the reachable pages of a window around a page accessible. False where the window is one only in
    /// our table: a call that replaced it failed half-way.
    fn uncover(&mut self, thread: &mut Thread, window: &Window, page: u64) -> Result<bool> {
        /// Pages on either side that one system call takes along.
        const AROUND: u64 = 512 * PAGE_SIZE;
        let start = page.saturating_sub(AROUND).max(window.start);
        let end = page.saturating_add(AROUND).min(window.end);
        self.apply_rights(thread, start, end)
    }
}

/// Whether the processor lets an access through: writable and executable pages are readable too.
pub(super) const fn allows(rights: Rights, access: Access) -> bool {
    match access {
        Access::Read => !rights.is_empty(),
        Access::Write => rights.contains(Rights::WRITE),
        Access::Fetch => rights.contains(Rights::EXEC),
    }
}
