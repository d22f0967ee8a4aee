//! Exceptions: from the signal the host made of one back to its vector, and on to what the program sees.

use anyclave_arch::{Pfec, Vector};
use anyclave_cpu::Access;
use anyclave_sys::Result;
use anyclave_sys::ptrace::{Regs, SigInfo};

use super::illegal::illegal_instruction;
use super::page_fault::Verdict;
use super::{Thread, Tracer};
use crate::patch::instruction::{self, decode_access};

/// si_code of signals for exceptions that have no code of their own.
pub(super) const SI_KERNEL: i32 = 0x80;
/// si_code of SIGILL.
const ILL_ILLOPN: i32 = 2;
/// si_code of SIGSEGV: nothing is mapped there.
pub(super) const SEGV_MAPERR: i32 = 1;
/// si_code of SIGSEGV: the mapping or the EPCM forbids it.
pub(super) const SEGV_ACCERR: i32 = 2;
/// si_code of SIGSEGV: a protection key forbids it.
const SEGV_PKUERR: i32 = 4;
/// si_code of SIGBUS: misaligned.
const BUS_ADRALN: i32 = 1;
/// si_code of SIGBUS: nothing behind the mapping.
pub(super) const BUS_ADRERR: i32 = 2;
/// si_code of SIGFPE: integer division.
const FPE_INTDIV: i32 = 1;
/// si_code of SIGTRAP: a breakpoint in a debug register.
const TRAP_HWBKPT: i32 = 4;

/// An exception and the signal that Linux makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exception {
    /// Which one.
    pub(super) vector: Vector,
    /// Its error code.
    pub(super) code: u32,
    /// The address of a page fault, all its bits.
    pub(super) address: u64,
    /// The signal.
    pub(super) signal: i32,
    /// si_code.
    pub(super) si_code: i32,
}

impl Exception {
    /// A page fault with the signal and code that Linux chose.
    pub(super) fn page_fault(address: u64, code: Pfec, signal: i32, si_code: i32) -> Self {
        Self { vector: Vector::Pf, code: code.bits(), address, signal, si_code }
    }

    /// #GP(0).
    pub(super) fn general_protection() -> Self {
        Self { vector: Vector::Gp, code: 0, address: 0, signal: libc::SIGSEGV, si_code: SI_KERNEL }
    }

    /// #UD.
    pub(super) fn undefined() -> Self {
        Self { vector: Vector::Ud, code: 0, address: 0, signal: libc::SIGILL, si_code: ILL_ILLOPN }
    }

    /// si_addr as Linux fills it: the fault address, or where the instruction pointer stands.
    pub(super) fn si_addr(&self, rip: u64) -> u64 {
        match self.vector {
            Vector::Pf => self.address,
            Vector::Gp | Vector::Ss | Vector::Np | Vector::Ac | Vector::Bp => 0,
            _ => rip,
        }
    }
}

impl Tracer {
    /// The processor raised an exception in a thread.
    pub(super) fn on_exception(&mut self, thread: &mut Thread, signal: i32, info: &SigInfo) -> Result<()> {
        let mut regs = thread.tracee.regs()?;
        let code = code_at(thread, regs.rip);
        let undecided = signal == libc::SIGILL || info.code() == SI_KERNEL;
        if undecided && signal != libc::SIGTRAP {
            // A host with SGX of its own raises #GP or #PF at an ENCLU, any other #UD.
            if let Some(length) = instruction::enclu_length(&code) {
                return self.on_enclu(thread, signal, &regs, length);
            }
            if signal == libc::SIGILL && thread.process.mm().cpuid_sites.contains(&regs.rip) {
                return self.on_undefined_cpuid(thread, &regs);
            }
        }
        if signal == libc::SIGTRAP && info.code() == TRAP_HWBKPT && thread.watch.covers(regs.rip) {
            return self.on_watched(thread, &regs, &code);
        }
        if !thread.processor.inside() {
            return self.exception_outside(thread, signal, info, &regs, &code);
        }
        if let Some(rip) = illegal_instruction(thread, signal, info, &regs, &code) {
            regs.rip = rip;
            return self.on_illegal(thread, signal, &regs);
        }
        let exception = self.classify(thread, signal, info, &mut regs, &code)?;
        let access = (exception.vector == Vector::Pf).then(|| access_of(exception.address, &regs, &code));
        let exception = match access.filter(|_| info.code() != SEGV_PKUERR) {
            None => exception,
            Some(access) => match self.decide(thread, exception.address, access)? {
                Verdict::NotOurs => exception,
                Verdict::Resolved => return self.swallow(thread, signal),
                Verdict::Deliver(other) => other,
            },
        };
        self.exception_inside(thread, &regs, signal, exception)
    }

    /// An exception outside of enclaves: a page fault in a window is decided here, all else is as the host made
    /// it.
    fn exception_outside(
        &mut self,
        thread: &mut Thread,
        signal: i32,
        info: &SigInfo,
        regs: &Regs,
        code: &[u8],
    ) -> Result<()> {
        let as_made =
            |this: &Self, thread: &Thread| this.classify(thread, signal, info, &mut { *regs }, code);
        let in_window =
            is_page_fault(signal, info) && thread.process.mm().windows.find(info.addr()).is_some();
        if !in_window || info.code() == SEGV_PKUERR {
            return self.deliver_as_made(thread, signal, info, as_made);
        }
        let access = access_of(info.addr(), regs, code);
        match self.decide(thread, info.addr(), access)? {
            Verdict::NotOurs => self.deliver_as_made(thread, signal, info, as_made),
            Verdict::Resolved => self.swallow(thread, signal),
            Verdict::Deliver(exception) => self.deliver(thread, signal, &exception, regs.rip),
        }
    }

    /// Undoes what the host made of the exception.
    fn classify(
        &self,
        thread: &Thread,
        signal: i32,
        info: &SigInfo,
        regs: &mut Regs,
        code: &[u8],
    ) -> Result<Exception> {
        let plain = |vector| Exception { vector, code: 0, address: 0, signal, si_code: info.code() };
        Ok(match (signal, info.code()) {
            (libc::SIGILL, _) => plain(Vector::Ud),
            (libc::SIGFPE, FPE_INTDIV) => plain(Vector::De),
            (libc::SIGFPE, _) => {
                plain(if x87_waits(&thread.tracee.xstate()?) { Vector::Mf } else { Vector::Xm })
            }
            (libc::SIGTRAP, SI_KERNEL) => {
                // INT3 is of the fault class inside; without opting in to debugging it is #UD.
                let Some(mode) = &thread.processor.mode else { return Ok(plain(Vector::Bp)) };
                regs.rip = regs.rip.wrapping_sub(1);
                if mode.debug_opt_in { plain(Vector::Bp) } else { Exception::undefined() }
            }
            (libc::SIGTRAP, _) => plain(Vector::Db),
            (libc::SIGSEGV, SI_KERNEL) => plain(Vector::Gp),
            (libc::SIGBUS, BUS_ADRALN) => plain(Vector::Ac),
            (libc::SIGBUS, SI_KERNEL) => plain(Vector::Ss),
            _ => {
                let address = info.addr();
                let access = access_of(address, regs, code);
                let present = info.code() == SEGV_ACCERR && self.is_present(thread, address);
                let code = pfec(access) | if present { Pfec::P } else { Pfec::empty() };
                Exception::page_fault(address, code, signal, info.code())
            }
        })
    }
}

/// The error code of a user-mode access, without P.
pub(super) fn pfec(access: Access) -> Pfec {
    match access {
        Access::Read => Pfec::U,
        Access::Write => Pfec::U | Pfec::W,
        Access::Fetch => Pfec::U | Pfec::I,
    }
}

/// Whether a signal stands for a page fault.
pub(super) fn is_page_fault(signal: i32, info: &SigInfo) -> bool {
    match signal {
        libc::SIGSEGV => matches!(info.code(), SEGV_MAPERR | SEGV_ACCERR | SEGV_PKUERR),
        libc::SIGBUS => info.code() == BUS_ADRERR,
        _ => false,
    }
}

/// What the instruction wanted at the address of a page fault.
pub(super) fn access_of(address: u64, regs: &Regs, code: &[u8]) -> Access {
    if address == regs.rip || code.is_empty() {
        return Access::Fetch;
    }
    decode_access(code, regs, address)
}

/// The instruction bytes at an address: up to 15, fewer where memory ends.
pub(super) fn code_at(thread: &Thread, rip: u64) -> Vec<u8> {
    let mut bytes = vec![0; 15];
    if thread.process.mem.read(rip, &mut bytes).is_ok() {
        return bytes;
    }
    // The page behind is not there.
    let in_page = usize::try_from(4096 - rip % 4096).unwrap_or(0).min(15);
    bytes.truncate(in_page);
    if thread.process.mem.read(rip, &mut bytes).is_err() {
        bytes.clear();
    }
    bytes
}

/// Whether an unmasked x87 exception is pending: status and control word in the XSAVE image.
fn x87_waits(xstate: &[u8]) -> bool {
    let word = |at: usize| {
        xstate.get(at..at + 2).and_then(|bytes| bytes.try_into().ok()).map_or(0, u16::from_le_bytes)
    };
    word(2) & !word(0) & 0x3f != 0
}
