//! Failing checks of ENCLU[EGETKEY].

use anyclave_arch::{Enclu, Leaf};

causes! {
    /// Why EGETKEY fails.
    EgetkeyCause of Leaf::Enclu(Enclu::Egetkey);
    KeyrequestUnaligned: Gp, "KEYREQUEST (RBX) is not 512-byte aligned";
    KeyrequestOutside: Gp, "KEYREQUEST (RBX) lies outside ELRANGE";
    KeyrequestNotEpc: PfRead, "KEYREQUEST (RBX) is not in the EPC";
    KeyrequestInvalid: PfRead, "the page of KEYREQUEST (RBX) is not in use";
    KeyrequestBlocked: PfRead, "the page of KEYREQUEST (RBX) is blocked";
    KeyrequestNotReg: PfRead, "the page of KEYREQUEST (RBX) is not PT_REG";
    KeyrequestForeign: PfRead, "the page of KEYREQUEST (RBX) belongs to another enclave";
    KeyrequestPending: PfRead, "the page of KEYREQUEST (RBX) waits for EACCEPT of its addition";
    KeyrequestModified: PfRead, "the page of KEYREQUEST (RBX) waits for EACCEPT of its new type";
    KeyrequestAddress: PfRead, "the page of KEYREQUEST (RBX) is mapped at another address than the EPCM's";
    KeyrequestRights: PfRead, "the page of KEYREQUEST (RBX) is not readable by the EPCM";
    OutputUnaligned: Gp, "the key (RCX) is not 16-byte aligned";
    OutputOutside: Gp, "the key (RCX) lies outside ELRANGE";
    OutputNotEpc: PfWrite, "the key (RCX) is not in the EPC";
    OutputInvalid: PfWrite, "the page of the key (RCX) is not in use";
    OutputBlocked: PfWrite, "the page of the key (RCX) is blocked";
    OutputNotReg: PfWrite, "the page of the key (RCX) is not PT_REG";
    OutputForeign: PfWrite, "the page of the key (RCX) belongs to another enclave";
    OutputPending: PfWrite, "the page of the key (RCX) waits for EACCEPT of its addition";
    OutputModified: PfWrite, "the page of the key (RCX) waits for EACCEPT of its new type";
    OutputAddress: PfWrite, "the page of the key (RCX) is mapped at another address than the EPCM's";
    OutputRights: PfWrite, "the page of the key (RCX) is not writable by the EPCM";
    KeyrequestReserved: Gp, "a reserved byte of KEYREQUEST is set";
    KeypolicyReserved: Gp, "a reserved bit of KEYPOLICY is set";
    KeypolicyWithoutKss: Gp, "KEYPOLICY has a bit that ATTRIBUTES.KSS does not allow";
    ConfigsvnWithoutKss: Gp, "KEYREQUEST.CONFIGSVN is set, but ATTRIBUTES.KSS is not";
    KeynameUnknown: Zf(InvalidKeyname), "KEYNAME is none of the five families of keys";
    EinittokenkeyMissing: Zf(InvalidAttribute), "the EINIT token key is asked for without ATTRIBUTES.EINITTOKENKEY";
    ProvisionkeyMissing: Zf(InvalidAttribute), "a provisioning key is asked for without ATTRIBUTES.PROVISIONKEY";
    CpusvnBeyond: Zf(InvalidCpusvn), "KEYREQUEST.CPUSVN is beyond the processor's";
    IsvsvnBeyond: Zf(InvalidIsvsvn), "KEYREQUEST.ISVSVN is beyond the enclave's";
    ConfigsvnBeyond: Zf(InvalidIsvsvn), "KEYREQUEST.CONFIGSVN is beyond the enclave's";
}
