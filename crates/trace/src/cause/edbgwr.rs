//! Failing checks of ENCLS[EDBGWR].

use anyclave_arch::{Encls, Leaf};

causes! {
    /// Why EDBGWR fails.
    EdbgwrCause of Leaf::Encls(Encls::Edbgwr);
    RcxUnaligned: Gp, "the address (RCX) is not 8-byte aligned";
    RcxNotEpc: PfWrite, "the address (RCX) is not in the EPC";
    PageConflict: Gp, "another processor is changing the page (RCX)";
    PageInvalid: PfWrite, "the page is not in use";
    PageTypeInvalid: PfWrite, "the page is neither PT_REG nor PT_TCS";
    PageNotDebuggable: Zf(PageNotDebuggable), "the page is pending or modified";
    TcsNotFlags: Gp, "the address in a TCS is not that of FLAGS";
    NotDebug: Gp, "the enclave that owns the page lacks ATTRIBUTES.DEBUG";
}
