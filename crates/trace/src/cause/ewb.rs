//! Failing checks of ENCLS[EWB].

use anyclave_arch::{Encls, Leaf};

causes! {
    /// Why EWB fails. With the last one it has not failed, and tells that it overwrote a version.
    EwbCause of Leaf::Encls(Encls::Ewb);
    RbxUnaligned: Gp, "PAGEINFO (RBX) is not 32-byte aligned";
    RcxUnaligned: Gp, "the page (RCX) is not page-aligned";
    RcxNotEpc: PfWrite, "the page (RCX) is not in the EPC";
    RdxUnaligned: Gp, "the slot (RDX) is not 8-byte aligned";
    RdxNotEpc: PfWrite, "the slot (RDX) is not in the EPC";
    SlotInPage: Gp, "the slot (RDX) lies in the page (RCX)";
    LinaddrNonZero: Gp, "PAGEINFO.LINADDR is not zero";
    SecsNonZero: Gp, "PAGEINFO.SECS is not zero";
    PcmdUnaligned: Gp, "PAGEINFO.PCMD is not 128-byte aligned";
    SrcpgeUnaligned: Gp, "PAGEINFO.SRCPGE is not page-aligned";
    PageConflict: Gp, "another processor is using the page (RCX)";
    VaConflict: Gp, "another processor is changing the version array";
    PageInvalid: PfWrite, "the page is not in use";
    VaInvalid: PfWrite, "the page of the slot is not in use";
    VaNotVa: PfWrite, "the page of the slot is not a version array";
    PageNotBlocked: Zf(PageNotBlocked), "the page belongs to an enclave and is not blocked";
    NotTracked: Zf(NotTracked), "a processor that entered before the page was blocked may still be inside";
    ChildPresent: Zf(ChildPresent), "the page is a SECS whose enclave still has pages in the EPC";
    VirtualChildPresent: Zf(ChildPresent), "the page is a SECS whose enclave has pages that a hypervisor keeps";
    SrcpgeInEpc: PfWrite, "PAGEINFO.SRCPGE lies in the EPC";
    PcmdInEpc: PfWrite, "PAGEINFO.PCMD lies in the EPC";
    SlotOccupied: Cf(VaSlotOccupied), "the slot held a version, and the page that it belonged to is lost";
}
