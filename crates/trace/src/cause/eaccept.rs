//! Failing checks of ENCLU[EACCEPT].

use anyclave_arch::{Enclu, Leaf};

causes! {
    /// Why EACCEPT fails.
    EacceptCause of Leaf::Enclu(Enclu::Eaccept);
    SecinfoUnaligned: Gp, "SECINFO (RBX) is not 64-byte aligned";
    SecinfoOutside: Gp, "SECINFO (RBX) lies outside ELRANGE";
    SecinfoNotEpc: PfRead, "SECINFO (RBX) is not in the EPC";
    SecinfoInvalid: PfRead, "the page of SECINFO (RBX) is not in use";
    SecinfoBlocked: PfRead, "the page of SECINFO (RBX) is blocked";
    SecinfoNotReg: PfRead, "the page of SECINFO (RBX) is not PT_REG";
    SecinfoForeign: PfRead, "the page of SECINFO (RBX) belongs to another enclave";
    SecinfoPending: PfRead, "the page of SECINFO (RBX) waits for EACCEPT of its addition";
    SecinfoModified: PfRead, "the page of SECINFO (RBX) waits for EACCEPT of its new type";
    SecinfoAddress: PfRead, "the page of SECINFO (RBX) is mapped at another address than the EPCM's";
    SecinfoRights: PfRead, "the page of SECINFO (RBX) is not readable by the EPCM";
    SecinfoReserved: Gp, "a reserved bit of SECINFO is set";
    PageUnaligned: Gp, "the page (RCX) is not page-aligned";
    PageOutside: Gp, "the page (RCX) lies outside ELRANGE";
    PageNotEpc: PfRead, "the page (RCX) is not in the EPC";
    RequestIllegal: Gp, "type and state bits of SECINFO are nothing that can be accepted";
    PageInvalid: PfRead, "the page (RCX) is not in use";
    PageBlocked: PfRead, "the page (RCX) is blocked";
    PageTypeInvalid: PfRead, "the page (RCX) is neither PT_REG nor PT_TCS nor PT_TRIM";
    PageForeign: PfRead, "the page (RCX) belongs to another enclave";
    PageConflict: Gp, "another processor is changing the page (RCX)";
    Sgx2Conflict: Gp, "another processor is changing the state of the page (RCX)";
    AddressMismatch: Zf(PageAttributesMismatch), "the page (RCX) is mapped at another address than the EPCM's";
    PendingMismatch: Zf(PageAttributesMismatch), "PENDING in SECINFO differs from the page's";
    ModifiedMismatch: Zf(PageAttributesMismatch), "MODIFIED in SECINFO differs from the page's";
    ReadMismatch: Zf(PageAttributesMismatch), "R in SECINFO differs from the page's";
    WriteMismatch: Zf(PageAttributesMismatch), "W in SECINFO differs from the page's";
    ExecuteMismatch: Zf(PageAttributesMismatch), "X in SECINFO differs from the page's";
    TypeMismatch: Zf(PageAttributesMismatch), "PAGE_TYPE in SECINFO differs from the page's";
    NotTracked: Zf(NotTracked), "a thread may still use the page as it was before the change";
    TcsReserved: Gp, "a reserved byte of the TCS is set";
    TcsDbgoptin: Gp, "TCS.FLAGS.DBGOPTIN is set";
    TcsCssaNotBelowNssa: Gp, "TCS.CSSA is not below TCS.NSSA";
    TcsAepNonZero: Gp, "TCS.AEP is not zero";
    TcsActive: Gp, "TCS.STATE is not zero";
}
