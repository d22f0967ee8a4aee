//! What the caller learns of a failed leaf. This is the only place where a processor outcome becomes an errno;
//! the errno itself stands beside each cause in the table of [`anyclave_trace::ioctl`].

use anyclave_cpu::EnclsError;
use anyclave_trace::ioctl::{AddPagesCause, CreateCause, InitCause, IoctlCause};

use crate::IoctlRefusal;

/// ECREATE: every fault looks the same.
pub(crate) fn ecreate(error: &EnclsError, secs: u64) -> IoctlRefusal {
    refusal(CreateCause::EcreateFaulted, secs, error)
}

/// EPA on behalf of CREATE.
pub(crate) fn epa_at_create(error: &EnclsError) -> IoctlRefusal {
    refusal(CreateCause::EpaFaulted, 0, error)
}

/// EPA on behalf of ADD_PAGES.
pub(crate) fn epa_at_add_pages(error: &EnclsError) -> IoctlRefusal {
    refusal(AddPagesCause::EpaFaulted, 0, error)
}

/// EADD.
pub(crate) fn eadd(error: &EnclsError, offset: u64) -> IoctlRefusal {
    refusal(AddPagesCause::EaddFaulted, offset, error)
}

/// EEXTEND.
pub(crate) fn eextend(error: &EnclsError, offset: u64) -> IoctlRefusal {
    refusal(AddPagesCause::EextendFaulted, offset, error)
}

/// EINIT: a fault and a code differ; which code it was stays in the kernel's debug log, and in ours.
pub(crate) fn einit(error: &EnclsError, sigstruct: u64) -> IoctlRefusal {
    match error.code() {
        None => refusal(InitCause::EinitFaulted, sigstruct, error),
        Some(code) => refusal(InitCause::EinitRefused, sigstruct, error).found(code.code()),
    }
}

fn refusal(cause: impl Into<IoctlCause>, operand: u64, error: &EnclsError) -> IoctlRefusal {
    IoctlRefusal::new(cause, operand).leaf(error.refusal())
}
