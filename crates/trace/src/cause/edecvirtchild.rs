//! Failing checks of ENCLV[EDECVIRTCHILD].

use anyclave_arch::{Enclv, Leaf};

causes! {
    /// Why EDECVIRTCHILD fails.
    EdecvirtchildCause of Leaf::Enclv(Enclv::Edecvirtchild);
    RbxUnaligned: Gp, "the page (RBX) is not page-aligned";
    RbxNotEpc: PfWrite, "the page (RBX) is not in the EPC";
    RcxNotEpc: PfWrite, "the SECS (RCX) is not in the EPC";
    PageConflict: Zf(EpcPageConflict), "another processor is using the page (RBX)";
    PageInvalid: PfWrite, "the page (RBX) is not in use";
    PageTypeInvalid: PfWrite, "the page (RBX) is of a type that no enclave owns";
    PageOfOther: Gp, "RCX is not the SECS of the enclave that owns the page (RBX)";
    CounterZero: Zf(InvalidCounter), "the enclave's count of virtual children is zero";
}
