//! Failing checks of ENCLS[EDBGRD].

use anyclave_arch::{Encls, Leaf};

causes! {
    /// Why EDBGRD fails.
    EdbgrdCause of Leaf::Encls(Encls::Edbgrd);
    RcxUnaligned: Gp, "the address (RCX) is not 8-byte aligned";
    RcxNotEpc: PfRead, "the address (RCX) is not in the EPC";
    PageConflict: Gp, "another processor is changing the page (RCX)";
    PageInvalid: PfRead, "the page is not in use";
    PageTypeInvalid: PfRead, "the page is not PT_REG, PT_TCS or PT_VA";
    PageNotDebuggable: Zf(PageNotDebuggable), "the page is pending or modified";
    TcsLimit: Gp, "the address lies behind the fields of a TCS";
    NotDebug: Gp, "the enclave that owns the page lacks ATTRIBUTES.DEBUG";
}
