//! One logical processor.

use anyclave_arch::{EpcAddr, Linear, MiscSelect};

use crate::ssa::SsaFrame;

/// What a logical processor knows while it is inside an enclave.
///
/// All of it was checked or read at entry and does not change before the exit, but for the frame, which EDECCSSA changes
/// and checks: the pages are held by the processor's presence, the SECS fields by EINIT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnclaveMode {
    /// The SECS of the enclave.
    pub secs: EpcAddr,
    /// EID of the enclave.
    pub eid: u64,
    /// Number of its slot among those inside enclaves.
    pub slot: usize,
    /// First address of ELRANGE.
    pub base: Linear,
    /// Bytes of ELRANGE.
    pub size: u64,
    /// Extended features enabled inside.
    pub xfrm: u64,
    /// What an asynchronous exit writes beside registers.
    pub miscselect: MiscSelect,
    /// EPC page of the TCS.
    pub tcs: EpcAddr,
    /// Linear address of the TCS.
    pub tcs_address: Linear,
    /// Where exits go: TCS.AEP.
    pub aep: Linear,
    /// The SSA frame that an asynchronous exit fills.
    pub frame: SsaFrame,
    /// TCS.FLAGS.DBGOPTIN at entry.
    pub debug_opt_in: bool,
    /// FS base outside, restored at exit.
    pub saved_fs_base: u64,
    /// GS base outside, restored at exit.
    pub saved_gs_base: u64,
    /// TF outside, restored at exit where the thread did not opt in to debugging.
    pub saved_tf: bool,
}

impl EnclaveMode {
    /// Whether an address lies in ELRANGE.
    #[must_use]
    pub const fn contains(&self, at: Linear) -> bool {
        at.0.wrapping_sub(self.base.0) < self.size
    }
}

/// A logical processor, or the thread that stands for one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Processor {
    /// Enclave mode, if the processor is in it.
    pub mode: Option<EnclaveMode>,
    /// An interrupt or other event is waiting: EINIT gives up with UNMASKED_EVENT.
    pub event_pending: bool,
    /// It runs a virtual machine whose hypervisor has enabled the EPC virtualization extensions: EREMOVE and EWB
    /// then keep the SECS of an enclave with virtual children.
    pub epc_virtualization: bool,
}

impl Processor {
    /// Whether it is in enclave mode.
    #[must_use]
    pub const fn inside(&self) -> bool {
        self.mode.is_some()
    }
}
