//! Page faults in a mapping of an enclave file, after the kernel's own checks of the mapping's rights.

use std::fmt;

use anyclave_arch::{EpcAddr, Linear};

use crate::rights::Rights;
use crate::{Driver, EnclaveId};

/// What the driver makes of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultOutcome {
    /// The address gets this page with all the rights of the mapping; the access is repeated, and only then
    /// the EPCM has its say.
    Map(EpcAddr),
    /// SIGBUS, BUS_ADRERR.
    Sigbus(FaultCause),
}

/// Why a fault ends in SIGBUS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultCause {
    /// The enclave has no page at the address, and the processor cannot add one now.
    NoPage,
    /// The mapping is older than the page and has rights that the page was added without. Every access
    /// fails, also one with a right that both have.
    MappingExceedsPage,
}

impl FaultCause {
    /// What failed, as a sentence without a full stop.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::NoPage => "the enclave has no page at the address",
            Self::MappingExceedsPage => "the mapping has rights that the page was added without",
        }
    }
}

impl fmt::Display for FaultCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl Driver {
    /// A fault at `at`, in a mapping with `rights`. The kind of access does not matter: the kernel has held it
    /// against the mapping's rights before. An enclave that is not initialised may be faulted in too.
    #[must_use]
    pub fn fault(&self, id: EnclaveId, at: Linear, rights: Rights) -> FaultOutcome {
        let Some(page) = self.enclave(id).and_then(|enclave| enclave.page(at)) else {
            return FaultOutcome::Sigbus(FaultCause::NoPage);
        };
        if !page.most.contains(rights) {
            return FaultOutcome::Sigbus(FaultCause::MappingExceedsPage);
        }
        FaultOutcome::Map(page.address())
    }

    /// The EPC page at a linear address of an enclave.
    #[must_use]
    pub fn page_at(&self, id: EnclaveId, at: Linear) -> Option<EpcAddr> {
        self.enclave(id)?.page(at).map(crate::EnclavePage::address)
    }
}
