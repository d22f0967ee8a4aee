//! Failing checks of ENCLU[EENTER].

use anyclave_arch::{Enclu, Leaf};

causes! {
    /// Why EENTER fails.
    EenterCause of Leaf::Enclu(Enclu::Eenter);
    RbxUnaligned: Gp, "the TCS (RBX) is not page-aligned";
    RbxNotCanonical: Gp, "the TCS (RBX) is not canonical";
    RbxNotEpc: PfWrite, "the TCS (RBX) is not in the EPC";
    AepNotCanonical: Gp, "the AEP (RCX) is not canonical";
    TcsConflict: Gp, "another processor is changing the page of the TCS";
    TcsInvalid: PfWrite, "the page of the TCS is not in use";
    TcsBlocked: PfWrite, "the page of the TCS is blocked";
    TcsAddress: PfWrite, "the TCS is mapped at another address than the EPCM's";
    TcsNotTcs: PfWrite, "the page of the TCS is not PT_TCS";
    TcsPending: PfWrite, "the page of the TCS waits for EACCEPT of its addition";
    TcsModified: PfWrite, "the page of the TCS waits for EACCEPT of its new type";
    OssaUnaligned: Gp, "TCS.OSSA is not page-aligned";
    OfsbaseUnaligned: Gp, "TCS.OFSBASE is not page-aligned";
    OgsbaseUnaligned: Gp, "TCS.OGSBASE is not page-aligned";
    FlagsReserved: Gp, "a reserved bit of TCS.FLAGS is set";
    NotInitialised: Gp, "the enclave is not initialised";
    ModeMismatch: Gp, "a 32-bit enclave is entered from 64-bit mode";
    XfrmNotEnabled: Gp, "ATTRIBUTES.XFRM has a bit that XCR0 lacks";
    AexnotifyMismatch: Gp, "TCS.FLAGS.AEXNOTIFY differs from ATTRIBUTES.AEXNOTIFY, and the thread is not one to be debugged";
    CssaNotBelowNssa: Gp, "TCS.CSSA has reached TCS.NSSA";
    SsaNotCanonical: Gp, "a page of the SSA frame is not at a canonical address";
    SsaNotEpc: PfWrite, "a page of the SSA frame is not in the EPC";
    SsaInvalid: PfWrite, "a page of the SSA frame is not in use";
    SsaBlocked: PfWrite, "a page of the SSA frame is blocked";
    SsaNotReg: PfWrite, "a page of the SSA frame is not PT_REG";
    SsaForeign: PfWrite, "a page of the SSA frame belongs to another enclave";
    SsaPending: PfWrite, "a page of the SSA frame waits for EACCEPT of its addition";
    SsaModified: PfWrite, "a page of the SSA frame waits for EACCEPT of its new type";
    SsaAddress: PfWrite, "a page of the SSA frame is mapped at another address than the EPCM's";
    SsaRights: PfWrite, "a page of the SSA frame is not readable and writable by the EPCM";
    EntryNotCanonical: Gp, "the entry point (TCS.OENTRY) is not canonical";
    FsbaseNotCanonical: Gp, "the FS base (TCS.OFSBASE) is not canonical";
    GsbaseNotCanonical: Gp, "the GS base (TCS.OGSBASE) is not canonical";
    TcsActive: Gp, "another logical processor executes on the TCS";
}
