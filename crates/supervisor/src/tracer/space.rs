//! The address space of a traced process, as leaves of ENCLU see it.

use anyclave_arch::{EpcAddr, Linear, Pfec};
use anyclave_cpu::{Access, AddressSpace, PageFault, Target};
use anyclave_driver::{Driver, FaultOutcome};
use anyclave_sys::maps::Vma;
use anyclave_sys::mem::ProcessMem;

use super::exception::{BUS_ADRERR, SEGV_ACCERR, SEGV_MAPERR, pfec};
use super::page_fault::allows;
use crate::process::windows::Windows;

/// Windows lead to EPC pages by the driver's book, everything else to the process's memory.
pub(super) struct ProcessSpace<'a> {
    pub(super) windows: &'a Windows,
    pub(super) driver: &'a Driver,
    pub(super) mem: &'a ProcessMem,
}

/// Why paging forbids an access, and the signal Linux makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Forbidden {
    pub(super) code: Pfec,
    pub(super) signal: i32,
    pub(super) si_code: i32,
}

impl ProcessSpace<'_> {
    /// Walks to a byte.
    pub(super) fn walk(&self, at: Linear, access: Access) -> Result<Target, Forbidden> {
        let forbidden = |code, signal, si_code| Forbidden { code: pfec(access) | code, signal, si_code };
        let Some(window) = self.windows.find(at.0) else {
            return match self.vma(at) {
                Some(vma) if vma_allows(&vma, access) => Ok(Target::Ordinary),
                Some(_) => Err(forbidden(Pfec::empty(), libc::SIGSEGV, SEGV_ACCERR)),
                None => Err(forbidden(Pfec::empty(), libc::SIGSEGV, SEGV_MAPERR)),
            };
        };
        if !allows(window.rights, access) {
            let present = self.driver.page_at(window.enclave, at.page()).is_some();
            let code = if present { Pfec::P } else { Pfec::empty() };
            return Err(forbidden(code, libc::SIGSEGV, SEGV_ACCERR));
        }
        match self.driver.fault(window.enclave, at.page(), window.rights) {
            FaultOutcome::Map(page) => Ok(Target::Epc(EpcAddr(page.0 + at.page_offset()))),
            FaultOutcome::Sigbus(_) => Err(forbidden(Pfec::empty(), libc::SIGBUS, BUS_ADRERR)),
        }
    }

    fn vma(&self, at: Linear) -> Option<Vma> {
        let vma = self.mem.maps().find_at_or_above(at.0).ok()??;
        vma.contains(at.0).then_some(vma)
    }

    /// Calls `each` with the pieces of a range that lie in one page each.
    fn by_page(
        at: Linear,
        length: usize,
        mut each: impl FnMut(Linear, std::ops::Range<usize>) -> Result<(), PageFault>,
    ) -> Result<(), PageFault> {
        let mut done = 0;
        while done < length {
            let here = at.offset(done as u64);
            let rest = usize::try_from(4096 - here.page_offset()).unwrap_or(1);
            let end = (done + rest).min(length);
            each(here, done..end)?;
            done = end;
        }
        Ok(())
    }
}

impl AddressSpace for ProcessSpace<'_> {
    fn translate(&mut self, at: Linear, access: Access) -> Result<Target, PageFault> {
        self.walk(at, access).map_err(|forbidden| PageFault { address: at, code: forbidden.code })
    }

    fn read(&mut self, at: Linear, into: &mut [u8]) -> Result<(), PageFault> {
        Self::by_page(at, into.len(), |here, range| {
            let Some(piece) = into.get_mut(range) else { return Ok(()) };
            match self.translate(here, Access::Read)? {
                Target::Epc(_) => piece.fill(0xff),
                Target::Ordinary => {
                    self.mem.copy_from_user(here.0, piece).map_err(|_gone| unmapped(here, Access::Read))?
                }
            }
            Ok(())
        })
    }

    fn write(&mut self, at: Linear, from: &[u8]) -> Result<(), PageFault> {
        Self::by_page(at, from.len(), |here, range| {
            let Some(piece) = from.get(range) else { return Ok(()) };
            match self.translate(here, Access::Write)? {
                Target::Epc(_) => Ok(()),
                Target::Ordinary => {
                    self.mem.copy_to_user(here.0, piece).map_err(|_gone| unmapped(here, Access::Write))
                }
            }
        })
    }
}

fn unmapped(address: Linear, access: Access) -> PageFault {
    PageFault { address, code: pfec(access) }
}

const fn vma_allows(vma: &Vma, access: Access) -> bool {
    match access {
        Access::Read => vma.read || vma.write || vma.exec,
        Access::Write => vma.write,
        Access::Fetch => vma.exec,
    }
}
