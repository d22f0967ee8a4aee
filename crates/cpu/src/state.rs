//! The register state of a logical processor that leaves and exits read and write.

use anyclave_arch::Linear;
use anyclave_arch::ssa::GprSgx;

use crate::processor::EnclaveMode;
use crate::xsave::XsaveArea;

/// General-purpose registers, RIP and RFLAGS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "register names")]
pub struct Gprs {
    pub rax: u64,
    pub rcx: u64,
    pub rdx: u64,
    pub rbx: u64,
    pub rsp: u64,
    pub rbp: u64,
    pub rsi: u64,
    pub rdi: u64,
    pub r8: u64,
    pub r9: u64,
    pub r10: u64,
    pub r11: u64,
    pub r12: u64,
    pub r13: u64,
    pub r14: u64,
    pub r15: u64,
    pub rip: u64,
    pub rflags: u64,
}

impl Gprs {
    /// The registers that ERESUME loads from a frame. Of RFLAGS, what user mode may change is loaded, but for
    /// TF; the rest stays as it is in `rflags`.
    pub(crate) fn from_ssa(frame: &GprSgx, rflags: u64) -> Self {
        let interrupts = if rflags & rflags::IOPL == rflags::IOPL { rflags::IF } else { 0 };
        let loaded = rflags::RESUMED | interrupts;
        Self {
            rax: frame.rax.get(),
            rcx: frame.rcx.get(),
            rdx: frame.rdx.get(),
            rbx: frame.rbx.get(),
            rsp: frame.rsp.get(),
            rbp: frame.rbp.get(),
            rsi: frame.rsi.get(),
            rdi: frame.rdi.get(),
            r8: frame.r8.get(),
            r9: frame.r9.get(),
            r10: frame.r10.get(),
            r11: frame.r11.get(),
            r12: frame.r12.get(),
            r13: frame.r13.get(),
            r14: frame.r14.get(),
            r15: frame.r15.get(),
            rip: frame.rip.get(),
            rflags: rflags & !loaded | frame.rflags.get() & loaded,
        }
    }

    /// The registers as an asynchronous exit saves them; fields of GPRSGX that are no registers are zero.
    pub(crate) fn to_ssa(self) -> GprSgx {
        GprSgx {
            rax: self.rax.into(),
            rcx: self.rcx.into(),
            rdx: self.rdx.into(),
            rbx: self.rbx.into(),
            rsp: self.rsp.into(),
            rbp: self.rbp.into(),
            rsi: self.rsi.into(),
            rdi: self.rdi.into(),
            r8: self.r8.into(),
            r9: self.r9.into(),
            r10: self.r10.into(),
            r11: self.r11.into(),
            r12: self.r12.into(),
            r13: self.r13.into(),
            r14: self.r14.into(),
            r15: self.r15.into(),
            rip: self.rip.into(),
            rflags: self.rflags.into(),
            ..GprSgx::default()
        }
    }
}

/// Bits of RFLAGS.
pub(crate) mod rflags {
    pub(crate) const CF: u64 = 1 << 0;
    pub(crate) const PF: u64 = 1 << 2;
    pub(crate) const AF: u64 = 1 << 4;
    pub(crate) const ZF: u64 = 1 << 6;
    pub(crate) const SF: u64 = 1 << 7;
    pub(crate) const TF: u64 = 1 << 8;
    pub(crate) const IF: u64 = 1 << 9;
    pub(crate) const DF: u64 = 1 << 10;
    pub(crate) const OF: u64 = 1 << 11;
    pub(crate) const IOPL: u64 = 3 << 12;
    pub(crate) const NT: u64 = 1 << 14;
    pub(crate) const RF: u64 = 1 << 16;
    pub(crate) const AC: u64 = 1 << 18;
    pub(crate) const ID: u64 = 1 << 21;
    /// The six status flags.
    pub(crate) const STATUS: u64 = CF | PF | AF | ZF | SF | OF;
    /// What ERESUME loads in any case.
    pub(crate) const RESUMED: u64 = STATUS | DF | NT | AC | ID | RF;
}

/// State of a user-mode thread around an ENCLU or an asynchronous exit.
///
/// `xsave` is fetched and stored by the caller only where it is needed, since it is large: around an
/// asynchronous exit, and where [`crate::Package::enclu_needs_xsave`] says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// General-purpose registers; RIP points at the instruction.
    pub gprs: Gprs,
    /// Base of FS.
    pub fs_base: u64,
    /// Base of GS.
    pub gs_base: u64,
    /// Extended state in the standard form of XSAVE.
    pub xsave: XsaveArea,
}

impl State {
    /// RIP as an address.
    #[must_use]
    pub const fn rip(&self) -> Linear {
        Linear(self.gprs.rip)
    }

    /// What every exit restores: the bases of FS and GS, and TF where entry took it away.
    pub(crate) const fn restore_outside(&mut self, mode: &EnclaveMode) {
        self.fs_base = mode.saved_fs_base;
        self.gs_base = mode.saved_gs_base;
        if !mode.debug_opt_in {
            self.gprs.rflags &= !rflags::TF;
            if mode.saved_tf {
                self.gprs.rflags |= rflags::TF;
            }
        }
    }
}
