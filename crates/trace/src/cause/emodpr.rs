//! Failing checks of ENCLS[EMODPR].

use anyclave_arch::{Encls, Leaf};

causes! {
    /// Why EMODPR fails.
    EmodprCause of Leaf::Encls(Encls::Emodpr);
    RbxUnaligned: Gp, "SECINFO (RBX) is not 64-byte aligned";
    RcxUnaligned: Gp, "the page (RCX) is not page-aligned";
    RcxNotEpc: PfWrite, "the page (RCX) is not in the EPC";
    SecinfoReserved: Gp, "SECINFO has reserved bits set";
    WriteWithoutRead: Gp, "SECINFO leaves W without R";
    PageConflict: Gp, "another processor is using the page (RCX)";
    PageInvalid: PfWrite, "the page is not in use";
    Sgx2Conflict: Zf(EpcPageConflict), "another processor is changing the state of the page";
    PageNotModifiable: Zf(PageNotModifiable), "the page is pending or modified";
    PageTypeInvalid: PfWrite, "the page is not PT_REG";
    NotInitialised: Gp, "EINIT has not initialised the enclave that owns the page";
}
