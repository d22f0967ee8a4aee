//! Failing checks of ENCLS[ELDUC].

use anyclave_arch::{Encls, Leaf};

causes! {
    /// Why ELDUC fails.
    ElducCause of Leaf::Encls(Encls::Elduc);
    RbxUnaligned: Gp, "PAGEINFO (RBX) is not 32-byte aligned";
    RcxUnaligned: Gp, "the destination (RCX) is not page-aligned";
    RcxNotEpc: PfWrite, "the destination (RCX) is not in the EPC";
    RdxUnaligned: Gp, "the slot (RDX) is not 8-byte aligned";
    RdxNotEpc: PfWrite, "the slot (RDX) is not in the EPC";
    PcmdUnaligned: Gp, "PAGEINFO.PCMD is not 128-byte aligned";
    SrcpgeUnaligned: Gp, "PAGEINFO.SRCPGE is not page-aligned";
    PageConflict: Zf(EpcPageConflict), "another processor is using the destination (RCX)";
    VaConflict: Zf(EpcPageConflict), "another processor is changing the version array";
    PageValid: PfWrite, "the destination page is in use";
    VaInvalid: PfWrite, "the page of the slot is not in use";
    VaNotVa: PfWrite, "the page of the slot is not a version array";
    SecsUnaligned: Gp, "PAGEINFO.SECS is not page-aligned";
    SecsNotEpc: PfWrite, "PAGEINFO.SECS is not in the EPC";
    SecsConflict: Zf(EpcPageConflict), "another processor is changing the SECS";
    SecsInvalid: PfWrite, "the page of PAGEINFO.SECS is not in use";
    SecsNotSecs: PfWrite, "the page of PAGEINFO.SECS is not a SECS";
    SecsNonZero: Gp, "PAGEINFO.SECS is not zero, and the page belongs to no enclave";
    MacMismatch: Zf(MacCompareFail), "this is not what EWB wrote for this slot, enclave and address";
}
