//! Failing checks of ENCLS[EREMOVE].

use anyclave_arch::{Encls, Leaf};

causes! {
    /// Why EREMOVE fails.
    EremoveCause of Leaf::Encls(Encls::Eremove);
    RcxUnaligned: Gp, "the page (RCX) is not page-aligned";
    RcxNotEpc: PfWrite, "the page (RCX) is not in the EPC";
    PageConflict: Gp, "another processor is using the page (RCX)";
    ChildPresent: Zf(ChildPresent), "the page is a SECS whose enclave still has pages in the EPC";
    VirtualChildPresent: Zf(ChildPresent), "the page is a SECS whose enclave has pages that a hypervisor keeps";
    EnclaveActive: Zf(EnclaveAct), "a logical processor is inside the enclave that owns the page";
}
