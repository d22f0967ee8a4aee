//! Failing checks of ENCLS[EPA].

use anyclave_arch::{Encls, Leaf};

causes! {
    /// Why EPA fails.
    EpaCause of Leaf::Encls(Encls::Epa);
    RbxNotVa: Gp, "RBX does not hold PT_VA";
    RcxUnaligned: Gp, "the destination (RCX) is not page-aligned";
    RcxNotEpc: PfWrite, "the destination (RCX) is not in the EPC";
    PageConflict: Gp, "another processor is using the page (RCX)";
    PageValid: PfWrite, "the destination page is in use";
}
