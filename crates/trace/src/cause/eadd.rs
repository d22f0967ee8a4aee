//! Failing checks of ENCLS[EADD].

use anyclave_arch::{Encls, Leaf};

causes! {
    /// Why EADD fails.
    EaddCause of Leaf::Encls(Encls::Eadd);
    RbxUnaligned: Gp, "PAGEINFO (RBX) is not 32-byte aligned";
    RcxUnaligned: Gp, "the destination (RCX) is not page-aligned";
    RcxNotEpc: PfWrite, "the destination (RCX) is not in the EPC";
    SrcpgeUnaligned: Gp, "PAGEINFO.SRCPGE is not page-aligned";
    SecsUnaligned: Gp, "PAGEINFO.SECS is not page-aligned";
    SecinfoUnaligned: Gp, "PAGEINFO.SECINFO is not 64-byte aligned";
    LinaddrUnaligned: Gp, "PAGEINFO.LINADDR is not page-aligned";
    SecsNotEpc: PfWrite, "PAGEINFO.SECS is not in the EPC";
    SecinfoReserved: Gp, "a reserved bit of SECINFO is set";
    SecinfoState: Gp, "SECINFO has PENDING, MODIFIED or PR set";
    PageTypeInvalid: Gp, "SECINFO.PAGE_TYPE is neither PT_REG nor PT_TCS";
    PageConflict: Gp, "another processor is using the destination (RCX)";
    PageValid: PfWrite, "the destination page is in use";
    SecsConflict: Gp, "another processor is changing the SECS";
    SecsInvalid: PfWrite, "the page of PAGEINFO.SECS is not in use";
    SecsNotSecs: PfWrite, "the page of PAGEINFO.SECS is not a SECS";
    TcsReserved: Gp, "a reserved byte of the TCS is set";
    TcsFsLimit: Gp, "FSLIMIT of a 32-bit enclave does not end in FFFH";
    TcsGsLimit: Gp, "GSLIMIT of a 32-bit enclave does not end in FFFH";
    WriteWithoutRead: Gp, "SECINFO asks for W without R";
    LinaddrOutside: Gp, "PAGEINFO.LINADDR lies outside ELRANGE";
    MeasurementConflict: Gp, "another processor is measuring or initialising the enclave";
    AlreadyInitialised: Gp, "the enclave is already initialised";
}
