//! Failing checks of ENCLS[EEXTEND].

use anyclave_arch::{Encls, Leaf};

causes! {
    /// Why EEXTEND fails.
    EextendCause of Leaf::Encls(Encls::Eextend);
    RbxUnaligned: Gp, "the SECS (RBX) is not page-aligned";
    RbxNotEpc: PfWrite, "the SECS (RBX) is not in the EPC";
    RcxUnaligned: Gp, "the chunk (RCX) is not 256-byte aligned";
    RcxNotEpc: PfRead, "the chunk (RCX) is not in the EPC";
    PageConflict: Gp, "another processor is changing the page (RCX)";
    PageInvalid: PfRead, "the page of the chunk (RCX) is not in use";
    PageTypeInvalid: PfRead, "the page of the chunk (RCX) is neither PT_REG nor PT_TCS";
    PageOfOther: Gp, "the page of the chunk (RCX) does not belong to the SECS (RBX)";
    MeasurementConflict: Gp, "another processor is measuring or initialising the enclave";
    AlreadyInitialised: Gp, "the enclave is already initialised";
}
