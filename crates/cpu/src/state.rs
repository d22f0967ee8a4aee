//! The register state of a logical processor that leaves and exits read and write.

use anyclave_arch::Linear;

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

/// Bits of RFLAGS.
pub(crate) mod rflags {
    pub(crate) const CF: u64 = 1 << 0;
    pub(crate) const PF: u64 = 1 << 2;
    pub(crate) const AF: u64 = 1 << 4;
    pub(crate) const ZF: u64 = 1 << 6;
    pub(crate) const SF: u64 = 1 << 7;
    pub(crate) const TF: u64 = 1 << 8;
    pub(crate) const OF: u64 = 1 << 11;
    pub(crate) const RF: u64 = 1 << 16;
    /// The six status flags.
    pub(crate) const STATUS: u64 = CF | PF | AF | ZF | SF | OF;
}

/// State of a user-mode thread around an ENCLU or an asynchronous exit.
///
/// `xsave` is fetched and stored by the caller only where [`crate::Package`] says it is needed: before
/// ERESUME and an AEX, since it is large.
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
}
