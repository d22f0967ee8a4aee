//! Failing checks of ENCLS[EAUG].

use anyclave_arch::{Encls, Leaf};

causes! {
    /// Why EAUG fails.
    EaugCause of Leaf::Encls(Encls::Eaug);
    RbxUnaligned: Gp, "PAGEINFO (RBX) is not 32-byte aligned";
    RcxUnaligned: Gp, "the destination page (RCX) is not page-aligned";
    RcxNotEpc: PfWrite, "the destination page (RCX) is not in the EPC";
    SecinfoUnaligned: Gp, "PAGEINFO.SECINFO is not 64-byte aligned";
    SecsUnaligned: Gp, "PAGEINFO.SECS is not page-aligned";
    LinaddrUnaligned: Gp, "PAGEINFO.LINADDR is not page-aligned";
    SrcpgeNonZero: Gp, "PAGEINFO.SRCPGE is not zero";
    SecsNotEpc: PfWrite, "the SECS is not in the EPC";
    PageConflict: Gp, "another processor is using the destination page (RCX)";
    PageValid: PfWrite, "the destination page is in use";
    SecinfoNonZero: Gp, "PAGEINFO.SECINFO is not zero, and pages of shadow stacks are not supported";
    SecsConflict: Gp, "another processor is using the SECS";
    SecsInvalid: PfWrite, "the page of the SECS is not in use";
    SecsNotSecs: PfWrite, "the page of the SECS is not PT_SECS";
    NotInitialised: Gp, "EINIT has not initialised the enclave";
    LinaddrOutside: Gp, "LINADDR is outside of ELRANGE";
}
