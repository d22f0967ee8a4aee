//! Failing checks of ENCLS[EBLOCK].

use anyclave_arch::{Encls, Leaf};

causes! {
    /// Why EBLOCK fails, or has nothing to do.
    EblockCause of Leaf::Encls(Encls::Eblock);
    RcxUnaligned: Gp, "the page (RCX) is not page-aligned";
    RcxNotEpc: PfWrite, "the page (RCX) is not in the EPC";
    PageConflict: Zf(EpcPageConflict), "another processor is using the page (RCX)";
    PageInvalid: Zf(PgInvld), "the page is not in use";
    PageIsSecs: Cf(PgIsSecs), "the page is a SECS, which needs no blocking";
    PageIsVa: Cf(Notblockable), "the page is a version array, which needs no blocking";
    PageBlocked: Cf(Blkstate), "the page is blocked already";
    TrackingConflict: Zf(EntryepochLocked), "another processor is beginning an epoch of the enclave";
}
