//! Failing checks of ENCLU[EREPORT].

use anyclave_arch::{Enclu, Leaf};

causes! {
    /// Why EREPORT fails.
    EreportCause of Leaf::Enclu(Enclu::Ereport);
    TargetinfoUnaligned: Gp, "TARGETINFO (RBX) is not 512-byte aligned";
    TargetinfoOutside: Gp, "TARGETINFO (RBX) lies outside ELRANGE";
    TargetinfoNotEpc: PfRead, "TARGETINFO (RBX) is not in the EPC";
    TargetinfoInvalid: PfRead, "the page of TARGETINFO (RBX) is not in use";
    TargetinfoBlocked: PfRead, "the page of TARGETINFO (RBX) is blocked";
    TargetinfoNotReg: PfRead, "the page of TARGETINFO (RBX) is not PT_REG";
    TargetinfoForeign: PfRead, "the page of TARGETINFO (RBX) belongs to another enclave";
    TargetinfoPending: PfRead, "the page of TARGETINFO (RBX) waits for EACCEPT of its addition";
    TargetinfoModified: PfRead, "the page of TARGETINFO (RBX) waits for EACCEPT of its new type";
    TargetinfoAddress: PfRead, "the page of TARGETINFO (RBX) is mapped at another address than the EPCM's";
    TargetinfoRights: PfRead, "the page of TARGETINFO (RBX) is not readable by the EPCM";
    TargetinfoReserved: Gp, "a reserved byte of TARGETINFO is set";
    ReportdataUnaligned: Gp, "REPORTDATA (RCX) is not 128-byte aligned";
    ReportdataOutside: Gp, "REPORTDATA (RCX) lies outside ELRANGE";
    ReportdataNotEpc: PfRead, "REPORTDATA (RCX) is not in the EPC";
    ReportdataInvalid: PfRead, "the page of REPORTDATA (RCX) is not in use";
    ReportdataBlocked: PfRead, "the page of REPORTDATA (RCX) is blocked";
    ReportdataNotReg: PfRead, "the page of REPORTDATA (RCX) is not PT_REG";
    ReportdataForeign: PfRead, "the page of REPORTDATA (RCX) belongs to another enclave";
    ReportdataPending: PfRead, "the page of REPORTDATA (RCX) waits for EACCEPT of its addition";
    ReportdataModified: PfRead, "the page of REPORTDATA (RCX) waits for EACCEPT of its new type";
    ReportdataAddress: PfRead, "the page of REPORTDATA (RCX) is mapped at another address than the EPCM's";
    ReportdataRights: PfRead, "the page of REPORTDATA (RCX) is not readable by the EPCM";
    OutputUnaligned: Gp, "the REPORT (RDX) is not 512-byte aligned";
    OutputOutside: Gp, "the REPORT (RDX) lies outside ELRANGE";
    OutputNotEpc: PfWrite, "the REPORT (RDX) is not in the EPC";
    OutputInvalid: PfWrite, "the page of the REPORT (RDX) is not in use";
    OutputBlocked: PfWrite, "the page of the REPORT (RDX) is blocked";
    OutputNotReg: PfWrite, "the page of the REPORT (RDX) is not PT_REG";
    OutputForeign: PfWrite, "the page of the REPORT (RDX) belongs to another enclave";
    OutputPending: PfWrite, "the page of the REPORT (RDX) waits for EACCEPT of its addition";
    OutputModified: PfWrite, "the page of the REPORT (RDX) waits for EACCEPT of its new type";
    OutputAddress: PfWrite, "the page of the REPORT (RDX) is mapped at another address than the EPCM's";
    OutputRights: PfWrite, "the page of the REPORT (RDX) is not writable by the EPCM";
}
