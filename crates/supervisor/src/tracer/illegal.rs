//! Instructions that are #UD inside an enclave and nowhere else, so that the host made something else of them.

use anyclave_cpu::Access;
use anyclave_sys::Result;
use anyclave_sys::ptrace::{Regs, SigInfo};

use super::exception::{Exception, SI_KERNEL, access_of, code_at, is_page_fault};
use super::{Thread, Tracer};
use crate::patch::instruction::{Name, is_illegal_inside};

/// RFLAGS.RF: what the processor leaves for an instruction that it did not complete.
const RF: u64 = 1 << 16;

impl Tracer {
    /// A thread inside an enclave stands at an instruction that no enclave may execute.
    pub(super) fn on_illegal(&mut self, thread: &mut Thread, signal: i32, regs: &Regs) -> Result<()> {
        let code = code_at(thread, regs.rip);
        let (name, rip) = (Name(&code), regs.rip);
        self.shared.log.refused(format_args!("{name} at {rip:#x}: #UD: illegal inside an enclave"));
        self.exception_inside(thread, regs, signal, Exception::undefined())
    }

    /// A thread inside an enclave executed SYSCALL or INT 80H. Both have two bytes. What SYSCALL did to RCX and
    /// R11 cannot be undone.
    pub(super) fn on_call_inside(&mut self, thread: &mut Thread) -> Result<()> {
        let mut regs = thread.tracee.regs()?;
        regs.rip = regs.rip.wrapping_sub(2);
        self.on_illegal(thread, libc::SIGSYS, &regs)
    }
}

/// Where the instruction stands that raised an exception inside an enclave, if it is one that no enclave may
/// execute. What the host made of it is then of no account: the processor would not have looked at operands.
pub(super) fn illegal_instruction(
    thread: &Thread,
    signal: i32,
    info: &SigInfo,
    regs: &Regs,
    code: &[u8],
) -> Option<u64> {
    if info.code() == SI_KERNEL
        && let Some(start) = before_gate(thread, signal, regs)
    {
        return Some(start);
    }
    if signal != libc::SIGSEGV && signal != libc::SIGBUS || !is_illegal_inside(code) {
        return None;
    }
    // An instruction that could not be fetched is none yet.
    let fetched = !is_page_fault(signal, info) || access_of(info.addr(), regs, code) != Access::Fetch;
    fetched.then_some(regs.rip)
}

/// Where a software interrupt stands of which the thread has just raised the signal. INT3, INT 3 in two bytes, and
/// INT 4 go through gates that user code may use: RIP is behind them. That no instruction is left incomplete tells
/// them from a fault of what stands there.
pub(super) fn before_interrupt(thread: &Thread, signal: i32, regs: &Regs) -> Option<u64> {
    const INT3: u8 = 0xcc;
    let start = regs.rip.wrapping_sub(1);
    let mut byte = [0];
    let int3 = signal == libc::SIGTRAP
        && regs.eflags & RF == 0
        && thread.process.mem.read(start, &mut byte).is_ok()
        && byte == [INT3];
    if int3 { Some(start) } else { before_gate(thread, signal, regs) }
}

/// The same for INT 3 and INT 4 in two bytes.
fn before_gate(thread: &Thread, signal: i32, regs: &Regs) -> Option<u64> {
    let gate = match signal {
        libc::SIGTRAP => 3,
        libc::SIGSEGV => 4,
        _ => return None,
    };
    let start = regs.rip.wrapping_sub(2);
    let mut bytes = [0; 2];
    let found =
        regs.eflags & RF == 0 && thread.process.mem.read(start, &mut bytes).is_ok() && bytes == [0xcd, gate];
    found.then_some(start)
}
