//! Failing checks of ENCLS[ECREATE].

use anyclave_arch::{Encls, Leaf};

causes! {
    /// Why ECREATE fails.
    EcreateCause of Leaf::Encls(Encls::Ecreate);
    RbxUnaligned: Gp, "PAGEINFO (RBX) is not 32-byte aligned";
    RcxUnaligned: Gp, "the destination (RCX) is not page-aligned";
    RcxNotEpc: PfWrite, "the destination (RCX) is not in the EPC";
    SrcpgeUnaligned: Gp, "PAGEINFO.SRCPGE is not page-aligned";
    SecinfoUnaligned: Gp, "PAGEINFO.SECINFO is not 64-byte aligned";
    LinaddrNonZero: Gp, "PAGEINFO.LINADDR is not zero";
    SecsNonZero: Gp, "PAGEINFO.SECS is not zero";
    SecinfoReserved: Gp, "a reserved bit of SECINFO is set";
    SecinfoNotSecs: Gp, "SECINFO.PAGE_TYPE is not PT_SECS";
    PageConflict: Gp, "another processor is using the destination (RCX)";
    PageValid: PfWrite, "the destination page is in use";
    XfrmWithoutLegacy: Gp, "ATTRIBUTES.XFRM lacks x87 or SSE";
    XfrmUnsupported: Gp, "ATTRIBUTES.XFRM has a bit that CPUID.12H.1:EDX:ECX does not list";
    XfrmIllegal: Gp, "ATTRIBUTES.XFRM is a combination that XSETBV refuses";
    CetNonZero: Gp, "a CET field of the SECS is set, but ATTRIBUTES.CET is not";
    MiscselectUnsupported: Gp, "MISCSELECT has a bit that CPUID.12H.0:EBX does not list";
    SsaFrameTooSmall: Gp, "SSAFRAMESIZE is too small for the XSAVE area, the MISC region and GPRSGX";
    BaseNotCanonical: Gp, "BASEADDR is not canonical";
    BaseAbove4G: Gp, "BASEADDR of a 32-bit enclave lies at or above 4 GiB";
    SizeTooLarge: Gp, "SIZE is not below the maximum of CPUID.12H.0:EDX";
    SizeTooSmall: Gp, "SIZE is below two pages";
    SizeNotPowerOfTwo: Gp, "SIZE is not a power of two";
    BaseUnaligned: Gp, "BASEADDR is not aligned to SIZE";
    AttributesUnsupported: Gp, "ATTRIBUTES has a bit that CPUID.12H.1:EBX:EAX does not list";
    ReservedNonZero: Gp, "a reserved byte of the SECS is set";
    ConfigWithoutKss: Gp, "CONFIGID or CONFIGSVN is set, but ATTRIBUTES.KSS is not";
}
