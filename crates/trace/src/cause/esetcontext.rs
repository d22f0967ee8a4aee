//! Failing checks of ENCLV[ESETCONTEXT].

use anyclave_arch::{Enclv, Leaf};

causes! {
    /// Why ESETCONTEXT fails.
    EsetcontextCause of Leaf::Enclv(Enclv::Esetcontext);
    RcxUnaligned: Gp, "the SECS (RCX) is not page-aligned";
    RcxNotEpc: PfWrite, "the SECS (RCX) is not in the EPC";
    RdxUnaligned: Gp, "the address of the context (RDX) is not 8-byte aligned";
    PageConflict: Zf(EpcPageConflict), "another processor is using the SECS (RCX)";
    PageInvalid: PfWrite, "the page (RCX) is not in use";
    PageNotSecs: PfWrite, "the page (RCX) is not PT_SECS";
}
