//! Failing checks of the enclave driver: one enum an ioctl, one variant a check, in mainline's order.
//!
//! Linux answers with an errno that many checks share. Here each has a name, a sentence and the errno, so
//! that a refusal can be told apart and `explain` can list what an errno of an ioctl may mean.

mod causes;
mod refusal;

pub use causes::{
    AddPagesCause, CreateCause, InitCause, IoctlCause, MapCause, PrologueCause, ProvisionCause,
};
pub use refusal::IoctlRefusal;

use std::fmt;

use crate::errno::Errno;

/// A call that the driver answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// Any ioctl on an enclave file, before its number is looked at.
    Ioctl,
    /// SGX_IOC_ENCLAVE_CREATE.
    Create,
    /// SGX_IOC_ENCLAVE_ADD_PAGES.
    AddPages,
    /// SGX_IOC_ENCLAVE_INIT.
    Init,
    /// SGX_IOC_ENCLAVE_PROVISION.
    Provision,
    /// mmap, mprotect or mremap of an enclave file.
    Map,
}

impl Call {
    /// Every call.
    pub const ALL: [Self; 6] =
        [Self::Ioctl, Self::Create, Self::AddPages, Self::Init, Self::Provision, Self::Map];

    /// The name in the kernel's header, without its common prefix for the ioctls.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ioctl => "ioctl",
            Self::Create => "CREATE",
            Self::AddPages => "ADD_PAGES",
            Self::Init => "INIT",
            Self::Provision => "PROVISION",
            Self::Map => "mmap",
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What the caller gets for a failing check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// This errno.
    Errno(Errno),
    /// ERESTARTSYS: the kernel restarts the call after the signal, or answers EINTR if the signal had a
    /// handler installed without SA_RESTART.
    Restart,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Errno(errno) => errno.fmt(f),
            Self::Restart => f.write_str("ERESTARTSYS"),
        }
    }
}
