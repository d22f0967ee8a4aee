//! Failing checks of ENCLS[EMODT].

use anyclave_arch::{Encls, Leaf};

causes! {
    /// Why EMODT fails.
    EmodtCause of Leaf::Encls(Encls::Emodt);
    RbxUnaligned: Gp, "SECINFO (RBX) is not 64-byte aligned";
    RcxUnaligned: Gp, "the page (RCX) is not page-aligned";
    RcxNotEpc: PfWrite, "the page (RCX) is not in the EPC";
    SecinfoReserved: Gp, "SECINFO has reserved bits set";
    TypeNotGranted: Gp, "SECINFO.PAGE_TYPE is neither PT_TCS nor PT_TRIM";
    PageConflict: Zf(EpcPageConflict), "another processor is using the page (RCX)";
    Sgx2Conflict: Zf(EpcPageConflict), "another processor is changing the state of the page";
    PageInvalid: PfWrite, "the page is not in use";
    PageTypeInvalid: PfWrite, "a page of its type cannot become one of the type that is asked for";
    PageNotModifiable: Zf(PageNotModifiable), "the page is pending or modified";
    NotInitialised: Gp, "EINIT has not initialised the enclave that owns the page";
}
