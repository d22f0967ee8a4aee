//! Opening and releasing enclave files.

use anyclave_cpu::Encls;

use crate::enclave::Enclave;
use crate::{Driver, EnclaveId};

/// What became of a released enclave's EPC pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Released {
    /// Pages that are free again.
    pub freed: u64,
    /// Pages that EREMOVE refused to give up: a thread was still inside. They are lost, as in Linux.
    pub lost: u64,
}

impl Driver {
    /// Opens an enclave file. Every open makes an enclave of its own; whether the file was opened for writing
    /// makes no difference to its ioctls.
    pub fn open(&mut self) -> EnclaveId {
        let id = EnclaveId(self.next_id);
        self.next_id += 1;
        self.enclaves.insert(id, Enclave::blank());
        id
    }

    /// Releases an enclave file: its last descriptor is closed and its last mapping is gone. No thread may be
    /// inside the enclave. Children go first, then the SECS, then the version arrays.
    pub fn release(&mut self, encls: &mut impl Encls, id: EnclaveId) -> Released {
        let mut released = Released::default();
        let Some(enclave) = self.enclaves.remove(&id) else {
            return released;
        };
        let mut count = |freed| if freed { released.freed += 1 } else { released.lost += 1 };
        for page in enclave.pages.into_values() {
            count(self.epc.reclaim(encls, page.page));
        }
        if let Some(secs) = enclave.secs {
            count(self.epc.reclaim(encls, secs));
        }
        for page in enclave.va_pages {
            count(self.epc.reclaim(encls, page));
        }
        released
    }
}
