//! Failing checks of ENCLS[ETRACK].

use anyclave_arch::{Encls, Leaf};

causes! {
    /// Why ETRACK fails.
    EtrackCause of Leaf::Encls(Encls::Etrack);
    RcxUnaligned: Gp, "the SECS (RCX) is not page-aligned";
    RcxNotEpc: PfWrite, "the SECS (RCX) is not in the EPC";
    SecsConflict: Gp, "another processor is changing the SECS";
    TrackingConflict: Gp, "another processor is beginning an epoch of the enclave";
    SecsInvalid: PfWrite, "the page of the SECS is not in use";
    SecsNotSecs: PfWrite, "the page of the SECS is not a SECS";
    PreviousIncomplete: Zf(PrevTrkIncmpl), "a processor that entered before the current epoch is still inside";
}
