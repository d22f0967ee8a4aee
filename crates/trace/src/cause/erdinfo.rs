//! Failing checks of ENCLS[ERDINFO].

use anyclave_arch::{Encls, Leaf};

causes! {
    /// Why ERDINFO fails.
    ErdinfoCause of Leaf::Encls(Encls::Erdinfo);
    RbxUnaligned: Gp, "RDINFO (RBX) is not 32-byte aligned";
    RcxUnaligned: Gp, "the page (RCX) is not page-aligned";
    RcxNotEpc: Cf(PgNonepc), "the page (RCX) is not in the EPC";
    PageConflict: Zf(EpcPageConflict), "another processor is using the page (RCX)";
    PageInvalid: Cf(PgInvld), "the page is not in use";
}
