//! What can be asked of a tracee that stands still.

use super::{SigInfo, raw};
use crate::{Errno, Pid, Result};
use std::mem::size_of;

/// The general-purpose registers, segment bases and `orig_rax`, which is −1 outside a system call.
pub use libc::user_regs_struct as Regs;

/// `NT_X86_XSTATE`: the register set that is the XSAVE area in its standard format.
const NT_X86_XSTATE: u64 = 0x202;

/// The kernel's size of a signal set.
const SIGSET_SIZE: u64 = 8;

/// A tracee in a ptrace stop. A plain name for the thread: whoever holds it knows from a
/// [`WaitEvent`](super::WaitEvent) that it stopped, and forgets it when resuming.
///
/// Every method fails with `ESRCH` when the tracee is not (or, killed, no longer) stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tracee(Pid);

/// Where a system-call stop stands (`PTRACE_GET_SYSCALL_INFO`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyscallOp {
    /// The stop is not about a system call.
    None,
    /// Before the call.
    Entry,
    /// After it.
    Exit,
    /// Before it, by a filter's `RET_TRACE`.
    Seccomp,
}

impl Tracee {
    /// Names a thread that is known to be in a ptrace stop of this tracer.
    #[must_use]
    pub const fn new(tid: Pid) -> Self {
        Self(tid)
    }

    /// The thread.
    #[must_use]
    pub const fn tid(self) -> Pid {
        self.0
    }

    /// The registers.
    ///
    /// # Errors
    /// `ESRCH`.
    pub fn regs(self) -> Result<Regs> {
        nix::sys::ptrace::getregs(self.0)
    }

    /// Sets the registers. With an `orig_rax` of −1 the kernel does not take `rax` for the result of a call
    /// to be restarted.
    ///
    /// # Errors
    /// `ESRCH`; `EIO`: a segment or a base no program may have.
    pub fn set_regs(self, regs: &Regs) -> Result<()> {
        nix::sys::ptrace::setregs(self.0, *regs)
    }

    /// The information of the signal (or of the stop) the tracee stands at.
    ///
    /// # Errors
    /// `ESRCH`; `EINVAL`: a group-stop, which has none.
    pub fn siginfo(self) -> Result<SigInfo> {
        let mut info = SigInfo::fault(0, 0, 0);
        // SAFETY: the kernel writes one siginfo_t, which is as long as `SigInfo`, which any bytes are.
        unsafe { raw::with_value(libc::PTRACE_GETSIGINFO, self.0, 0, &mut info) }?;
        Ok(info)
    }

    /// Replaces the information of the signal to be delivered.
    ///
    /// # Errors
    /// `ESRCH`; `EINVAL`.
    pub fn set_siginfo(self, info: &SigInfo) -> Result<()> {
        nix::sys::ptrace::setsiginfo(self.0, info.as_raw())
    }

    /// The blocked signals; bit n−1 is signal n. Inside sigsuspend and its like it is the mask that will
    /// be in force after it.
    ///
    /// # Errors
    /// `ESRCH`.
    pub fn sigmask(self) -> Result<u64> {
        let mut mask = 0_u64;
        // SAFETY: the kernel writes as many bytes as `addr` says, eight.
        unsafe { raw::with_value(libc::PTRACE_GETSIGMASK, self.0, SIGSET_SIZE, &mut mask) }?;
        Ok(mask)
    }

    /// Sets the blocked signals; the kernel leaves out SIGKILL and SIGSTOP.
    ///
    /// # Errors
    /// `ESRCH`.
    pub fn set_sigmask(self, mask: u64) -> Result<()> {
        let mut mask = mask;
        // SAFETY: the kernel only reads eight bytes.
        unsafe { raw::with_value(libc::PTRACE_SETSIGMASK, self.0, SIGSET_SIZE, &mut mask) }
    }

    /// The XSAVE area, in the standard format, as long as this machine's features make it.
    ///
    /// # Errors
    /// `ESRCH`; `ENODEV`: a processor without XSAVE.
    pub fn xstate(self) -> Result<Vec<u8>> {
        let mut area = vec![0; 16 << 10];
        loop {
            let mut iov = libc::iovec { iov_base: area.as_mut_ptr().cast(), iov_len: area.len() };
            // SAFETY: the iovec is live and describes the live vector; the kernel writes no more than its
            // length into it, and back the length it used.
            unsafe { raw::with_value(libc::PTRACE_GETREGSET, self.0, NT_X86_XSTATE, &mut iov) }?;
            if iov.iov_len < area.len() {
                area.truncate(iov.iov_len);
                return Ok(area);
            }
            area.resize(area.len() * 2, 0);
        }
    }

    /// Sets the XSAVE area, as [`xstate`](Self::xstate) gave it.
    ///
    /// # Errors
    /// `ESRCH`; `EINVAL`, `EFAULT`: a wrong length, or a header or MXCSR with reserved bits.
    pub fn set_xstate(self, area: &[u8]) -> Result<()> {
        let mut iov = libc::iovec { iov_base: area.as_ptr().cast_mut().cast(), iov_len: area.len() };
        // SAFETY: for SETREGSET the kernel only reads the bytes the iovec describes, a live slice.
        unsafe { raw::with_value(libc::PTRACE_SETREGSET, self.0, NT_X86_XSTATE, &mut iov) }
    }

    /// Whether the stop is at the entry or at the exit of a system call.
    ///
    /// # Errors
    /// `ESRCH`; `EIO`: a kernel before 5.3.
    pub fn syscall_op(self) -> Result<SyscallOp> {
        // `struct ptrace_syscall_info` begins with the operation; the kernel cuts at the size given.
        let mut head = [0_u8; 1];
        let size = size_of::<[u8; 1]>() as u64;
        // SAFETY: the kernel writes as many bytes as `addr` says, one.
        unsafe { raw::with_value(libc::PTRACE_GET_SYSCALL_INFO, self.0, size, &mut head) }?;
        match head[0] {
            libc::PTRACE_SYSCALL_INFO_NONE => Ok(SyscallOp::None),
            libc::PTRACE_SYSCALL_INFO_ENTRY => Ok(SyscallOp::Entry),
            libc::PTRACE_SYSCALL_INFO_EXIT => Ok(SyscallOp::Exit),
            libc::PTRACE_SYSCALL_INFO_SECCOMP => Ok(SyscallOp::Seccomp),
            _ => Err(Errno::EINVAL),
        }
    }

    /// Resumes, delivering `signal` (0: none).
    ///
    /// # Errors
    /// `ESRCH`; `EIO`: no such signal.
    pub fn cont(self, signal: i32) -> Result<()> {
        self.resume(libc::PTRACE_CONT, signal)
    }

    /// Resumes until the next entry or exit of a system call.
    ///
    /// # Errors
    /// As [`cont`](Self::cont).
    pub fn syscall(self, signal: i32) -> Result<()> {
        self.resume(libc::PTRACE_SYSCALL, signal)
    }

    /// Resumes for one instruction; with a signal that has a handler, up to the handler's first one.
    ///
    /// # Errors
    /// As [`cont`](Self::cont).
    pub fn singlestep(self, signal: i32) -> Result<()> {
        self.resume(libc::PTRACE_SINGLESTEP, signal)
    }

    /// Leaves it in its group-stop, but reporting what happens (`PTRACE_LISTEN`).
    ///
    /// # Errors
    /// `ESRCH`; `EIO`: neither [`GroupStop`](super::Stop::GroupStop) nor
    /// [`Interrupted`](super::Stop::Interrupted).
    pub fn listen(self) -> Result<()> {
        raw::request(libc::PTRACE_LISTEN, self.0, 0, 0)
    }

    /// Has it report [`Interrupted`](super::Stop::Interrupted) soon after it is resumed.
    ///
    /// # Errors
    /// `ESRCH`.
    pub fn interrupt(self) -> Result<()> {
        super::interrupt(self.0)
    }

    /// Lets it go, delivering `signal` (0: none).
    ///
    /// # Errors
    /// As [`cont`](Self::cont).
    pub fn detach(self, signal: i32) -> Result<()> {
        self.resume(libc::PTRACE_DETACH, signal)
    }

    /// The word at `addr`, whatever its protection.
    ///
    /// # Errors
    /// `ESRCH`; `EIO`: nothing mapped there.
    pub fn peek(self, addr: u64) -> Result<u64> {
        let mut word = 0_u64;
        // SAFETY: the kernel writes one word.
        unsafe { raw::with_value(libc::PTRACE_PEEKDATA, self.0, addr, &mut word) }?;
        Ok(word)
    }

    /// Sets the word at `addr`, whatever its protection.
    ///
    /// # Errors
    /// As [`peek`](Self::peek).
    pub fn poke(self, addr: u64, word: u64) -> Result<()> {
        raw::request(libc::PTRACE_POKEDATA, self.0, addr, word)
    }

    /// Sets the processor's breakpoints for this thread to these instructions, at most four; none takes those
    /// away that there are. The thread gets a SIGTRAP (`TRAP_HWBKPT`) before it executes one, unless RF is set.
    /// Neither a new thread nor a new program inherits them.
    ///
    /// # Errors
    /// `ESRCH`; `EINVAL`: more than four, or an address no program may have; `ENOSPC`, `EBUSY` and others:
    /// somebody else has them, or there are none. Which are set then is not known.
    pub fn set_breakpoints(self, instructions: &[u64]) -> Result<()> {
        const REGISTERS: u64 = std::mem::offset_of!(libc::user, u_debugreg) as u64;
        let register = |number: u64| REGISTERS + 8 * number;
        if instructions.len() > 4 {
            return Err(Errno::EINVAL);
        }
        let mut control = 0;
        for (number, address) in (0..).zip(instructions) {
            raw::request(libc::PTRACE_POKEUSER, self.0, register(number), *address)?;
            // Ln, with the length and the condition of an instruction: both 0.
            control |= 1 << (2 * number);
        }
        raw::request(libc::PTRACE_POKEUSER, self.0, register(7), control)
    }

    fn resume(self, request: impl Into<i64>, signal: i32) -> Result<()> {
        let signal = u64::try_from(signal).or(Err(Errno::EIO))?;
        raw::request(request, self.0, 0, signal)
    }
}
