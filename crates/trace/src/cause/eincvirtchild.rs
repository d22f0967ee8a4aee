//! Failing checks of ENCLV[EINCVIRTCHILD].

use anyclave_arch::{Enclv, Leaf};

causes! {
    /// Why EINCVIRTCHILD fails.
    EincvirtchildCause of Leaf::Enclv(Enclv::Eincvirtchild);
    RbxUnaligned: Gp, "the page (RBX) is not page-aligned";
    RbxNotEpc: PfWrite, "the page (RBX) is not in the EPC";
    RcxNotEpc: PfWrite, "the SECS (RCX) is not in the EPC";
    PageConflict: Zf(EpcPageConflict), "another processor is using the page (RBX)";
    PageInvalid: PfWrite, "the page (RBX) is not in use";
    PageTypeInvalid: PfWrite, "the page (RBX) is of a type that no enclave owns";
    PageOfOther: Gp, "RCX is not the SECS of the enclave that owns the page (RBX)";
}
