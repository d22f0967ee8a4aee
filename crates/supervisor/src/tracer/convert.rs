//! Between the kernel's register structure and the processor's.

use anyclave_cpu::{Gprs, State};
use anyclave_sys::ptrace::Regs;

/// `orig_rax` of a thread that is in no system call, so that the kernel restarts none.
pub(super) const NO_CALL: u64 = u64::MAX;

/// The state that a leaf or an exit reads, without extended state.
pub(super) fn state_of(regs: &Regs) -> State {
    let gprs = Gprs {
        rax: regs.rax,
        rcx: regs.rcx,
        rdx: regs.rdx,
        rbx: regs.rbx,
        rsp: regs.rsp,
        rbp: regs.rbp,
        rsi: regs.rsi,
        rdi: regs.rdi,
        r8: regs.r8,
        r9: regs.r9,
        r10: regs.r10,
        r11: regs.r11,
        r12: regs.r12,
        r13: regs.r13,
        r14: regs.r14,
        r15: regs.r15,
        rip: regs.rip,
        rflags: regs.eflags,
    };
    State { gprs, fs_base: regs.fs_base, gs_base: regs.gs_base, ..State::default() }
}

/// Puts a state into registers; segment registers stay.
pub(super) fn load_state(regs: &mut Regs, state: &State) {
    let gprs = &state.gprs;
    regs.rax = gprs.rax;
    regs.rcx = gprs.rcx;
    regs.rdx = gprs.rdx;
    regs.rbx = gprs.rbx;
    regs.rsp = gprs.rsp;
    regs.rbp = gprs.rbp;
    regs.rsi = gprs.rsi;
    regs.rdi = gprs.rdi;
    regs.r8 = gprs.r8;
    regs.r9 = gprs.r9;
    regs.r10 = gprs.r10;
    regs.r11 = gprs.r11;
    regs.r12 = gprs.r12;
    regs.r13 = gprs.r13;
    regs.r14 = gprs.r14;
    regs.r15 = gprs.r15;
    regs.rip = gprs.rip;
    regs.eflags = gprs.rflags;
    regs.fs_base = state.fs_base;
    regs.gs_base = state.gs_base;
    regs.orig_rax = NO_CALL;
}

/// The segment registers. Loading one inside an enclave is #UD on silicon, where the host cannot catch it; so
/// that it does not matter to who comes after, an exit puts back what was there at the entry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Selectors {
    cs: u64,
    ss: u64,
    ds: u64,
    es: u64,
    fs: u64,
    gs: u64,
}

impl Selectors {
    /// Those of a thread.
    pub(super) const fn of(regs: &Regs) -> Self {
        Self { cs: regs.cs, ss: regs.ss, ds: regs.ds, es: regs.es, fs: regs.fs, gs: regs.gs }
    }

    /// Puts them into registers.
    pub(super) const fn restore(self, regs: &mut Regs) {
        regs.cs = self.cs;
        regs.ss = self.ss;
        regs.ds = self.ds;
        regs.es = self.es;
        regs.fs = self.fs;
        regs.gs = self.gs;
    }
}
