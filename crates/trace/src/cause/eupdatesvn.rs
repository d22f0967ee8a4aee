//! Failing checks of ENCLS[EUPDATESVN].

use anyclave_arch::{Encls, Leaf};

causes! {
    /// Why EUPDATESVN fails.
    EupdatesvnCause of Leaf::Encls(Encls::Eupdatesvn);
    EpcConflict: Zf(EpcPageConflict), "another processor is executing a leaf on the EPC";
    PageInUse: Zf(EpcNotReady), "a page of the EPC is in use";
    EntropyMissing: Zf(InsufficientEntropy), "the random number generator gave nothing";
    CpusvnUnchanged: Cf(NoUpdate), "the microcode that is loaded has the version that is in force";
}
