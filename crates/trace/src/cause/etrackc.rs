//! Failing checks of ENCLS[ETRACKC].

use anyclave_arch::{Encls, Leaf};

causes! {
    /// Why ETRACKC fails, or has nothing to do.
    EtrackcCause of Leaf::Encls(Encls::Etrackc);
    RcxUnaligned: Gp, "the page (RCX) is not page-aligned";
    RcxNotEpc: PfWrite, "the page (RCX) is not in the EPC";
    PageConflict: Zf(EpcPageConflict), "another processor is changing the page (RCX)";
    PageInvalid: Zf(PgInvld), "the page is not in use";
    PageIsVa: Cf(TrackNotRequired), "the page is a version array, which belongs to no enclave";
    TrackingConflict: Zf(EpcPageConflict), "another processor is beginning an epoch of the enclave";
    PreviousIncomplete: Zf(PrevTrkIncmpl), "a processor that entered before the current epoch is still inside";
}
