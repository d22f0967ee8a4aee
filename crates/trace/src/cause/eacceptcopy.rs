//! Failing checks of ENCLU[EACCEPTCOPY].

use anyclave_arch::{Enclu, Leaf};

causes! {
    /// Why EACCEPTCOPY fails.
    EacceptcopyCause of Leaf::Enclu(Enclu::Eacceptcopy);
    SecinfoUnaligned: Gp, "SECINFO (RBX) is not 64-byte aligned";
    TargetUnaligned: Gp, "the new page (RCX) is not page-aligned";
    SourceUnaligned: Gp, "the source (RDX) is not page-aligned";
    SecinfoOutside: Gp, "SECINFO (RBX) lies outside ELRANGE";
    TargetOutside: Gp, "the new page (RCX) lies outside ELRANGE";
    SourceOutside: Gp, "the source (RDX) lies outside ELRANGE";
    SecinfoNotEpc: PfRead, "SECINFO (RBX) is not in the EPC";
    TargetNotEpc: PfWrite, "the new page (RCX) is not in the EPC";
    SourceNotEpc: PfRead, "the source (RDX) is not in the EPC";
    SecinfoInvalid: PfRead, "the page of SECINFO (RBX) is not in use";
    SecinfoBlocked: PfRead, "the page of SECINFO (RBX) is blocked";
    SecinfoNotReg: PfRead, "the page of SECINFO (RBX) is not PT_REG";
    SecinfoForeign: PfRead, "the page of SECINFO (RBX) belongs to another enclave";
    SecinfoPending: PfRead, "the page of SECINFO (RBX) waits for EACCEPT of its addition";
    SecinfoModified: PfRead, "the page of SECINFO (RBX) waits for EACCEPT of its new type";
    SecinfoAddress: PfRead, "the page of SECINFO (RBX) is mapped at another address than the EPCM's";
    SecinfoRights: PfRead, "the page of SECINFO (RBX) is not readable by the EPCM";
    SecinfoReserved: Gp, "a reserved bit of SECINFO is set";
    WriteWithoutRead: Gp, "SECINFO has W without R";
    SecinfoTypeNotReg: Gp, "PAGE_TYPE in SECINFO is not PT_REG";
    SourceInvalid: PfRead, "the source (RDX) is not in use";
    SourceBlocked: PfRead, "the source (RDX) is blocked";
    SourceNotReg: PfRead, "the source (RDX) is not PT_REG";
    SourceForeign: PfRead, "the source (RDX) belongs to another enclave";
    SourcePending: PfRead, "the source (RDX) waits for EACCEPT of its addition";
    SourceModified: PfRead, "the source (RDX) waits for EACCEPT of its new type";
    SourceAddress: PfRead, "the source (RDX) is mapped at another address than the EPCM's";
    SourceRights: PfRead, "the source (RDX) is not readable by the EPCM";
    TargetInvalid: Zf(PageAttributesMismatch), "the new page (RCX) is not in use";
    TargetNotPending: Zf(PageAttributesMismatch), "the new page (RCX) does not wait for EACCEPT of its addition";
    TargetModified: Zf(PageAttributesMismatch), "the new page (RCX) waits for EACCEPT of a new type";
    TargetBlocked: Zf(PageAttributesMismatch), "the new page (RCX) is blocked";
    TargetNotReg: Zf(PageAttributesMismatch), "the new page (RCX) is not PT_REG";
    TargetForeign: Zf(PageAttributesMismatch), "the new page (RCX) belongs to another enclave";
    TargetConflict: Gp, "another processor is changing the state of the new page (RCX)";
    TargetNotReadable: Zf(PageAttributesMismatch), "the new page (RCX) lacks R in the EPCM";
    TargetNotWritable: Zf(PageAttributesMismatch), "the new page (RCX) lacks W in the EPCM";
    TargetExecutable: Zf(PageAttributesMismatch), "the new page (RCX) has X in the EPCM";
    TargetAddress: Zf(PageAttributesMismatch), "the new page (RCX) is mapped at another address than the EPCM's";
}
