//! Failing checks of ENCLU[EMODPE].

use anyclave_arch::{Enclu, Leaf};

causes! {
    /// Why EMODPE fails.
    EmodpeCause of Leaf::Enclu(Enclu::Emodpe);
    SecinfoUnaligned: Gp, "SECINFO (RBX) is not 64-byte aligned";
    PageUnaligned: Gp, "the page (RCX) is not page-aligned";
    SecinfoOutside: Gp, "SECINFO (RBX) lies outside ELRANGE";
    PageOutside: Gp, "the page (RCX) lies outside ELRANGE";
    SecinfoNotEpc: PfRead, "SECINFO (RBX) is not in the EPC";
    PageNotEpc: PfRead, "the page (RCX) is not in the EPC";
    SecinfoInvalid: PfRead, "the page of SECINFO (RBX) is not in use";
    SecinfoBlocked: PfRead, "the page of SECINFO (RBX) is blocked";
    SecinfoNotReg: PfRead, "the page of SECINFO (RBX) is not PT_REG";
    SecinfoForeign: PfRead, "the page of SECINFO (RBX) belongs to another enclave";
    SecinfoPending: PfRead, "the page of SECINFO (RBX) waits for EACCEPT of its addition";
    SecinfoModified: PfRead, "the page of SECINFO (RBX) waits for EACCEPT of its new type";
    SecinfoAddress: PfRead, "the page of SECINFO (RBX) is mapped at another address than the EPCM's";
    SecinfoRights: PfRead, "the page of SECINFO (RBX) is not readable by the EPCM";
    SecinfoReserved: Gp, "a reserved bit of SECINFO is set";
    PageInvalid: PfRead, "the page (RCX) is not in use";
    PageBlocked: PfRead, "the page (RCX) is blocked";
    PageNotReg: PfRead, "the page (RCX) is not PT_REG";
    PageForeign: PfRead, "the page (RCX) belongs to another enclave";
    PagePending: PfRead, "the page (RCX) waits for EACCEPT of its addition";
    PageModified: PfRead, "the page (RCX) waits for EACCEPT of its new type";
    PageAddress: PfRead, "the page (RCX) is mapped at another address than the EPCM's";
    PageConflict: Gp, "another processor is changing the state of the page (RCX)";
    WriteWithoutRead: Gp, "the page would have W without R";
}
