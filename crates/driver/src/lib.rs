//! The Linux enclave driver: what stands behind `/dev/sgx_enclave`.
//!
//! An enclave file is one [`Enclave`]; the four ioctls that build it have a file each under `ioctl/` and check
//! in mainline's order, so that every wrong call gets mainline's errno. Beside them stand the rules for
//! mapping ([`mmap`]) and for faults ([`Driver::fault`]). Processes, address spaces and file descriptors belong to
//! the caller: the driver sees a calling thread through [`Caller`] and the processor through
//! [`anyclave_cpu::Encls`]. It does no I/O and never blocks; what would block answers
//! [`anyclave_epc::Progress::Wait`].

#![forbid(unsafe_code)]

pub mod abi;
mod caller;
mod enclave;
mod errno;
mod fault;
mod features;
mod file;
mod ioctl;
pub mod mmap;
mod rights;

use std::collections::HashMap;

pub use anyclave_epc::{Counters, Progress, Wait};
pub use anyclave_trace::Errno;
pub use anyclave_trace::ioctl::{Answer, IoctlRefusal};

use anyclave_cpu::Encls;
use anyclave_epc::Epc;

pub use caller::{AccessError, Caller, SourceError};
pub use enclave::{Enclave, EnclavePage};
pub use fault::{FaultCause, FaultOutcome};
pub use features::Features;
pub use file::Released;
pub use rights::Rights;

/// Names an enclave file from [`Driver::open`] to [`Driver::release`]; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnclaveId(pub u64);

/// The value that an ioctl returns, or the check that failed and with it the errno.
pub type Reply = Result<i64, IoctlRefusal>;

/// The driver of one machine.
#[derive(Debug)]
pub struct Driver {
    epc: Epc,
    features: Features,
    enclaves: HashMap<EnclaveId, Enclave>,
    next_id: u64,
}

impl Driver {
    /// The driver on a machine whose processor has these features. All EPC is its own.
    #[must_use]
    pub fn new(encls: &impl Encls, features: Features) -> Self {
        Self { epc: Epc::new(encls.sections()), features, enclaves: HashMap::new(), next_id: 1 }
    }

    /// The enclave behind a file.
    #[must_use]
    pub fn enclave(&self, id: EnclaveId) -> Option<&Enclave> {
        self.enclaves.get(&id)
    }

    /// Every enclave, in no particular order.
    pub fn enclaves(&self) -> impl Iterator<Item = (EnclaveId, &Enclave)> {
        self.enclaves.iter().map(|(id, enclave)| (*id, enclave))
    }

    /// How many EPC pages are in which state.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.epc.counters()
    }
}
