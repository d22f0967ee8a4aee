//! The privileged leaves as an operating system calls them: typed operands in, typed outcomes out.
//!
//! [`Encls`] is the seam between a kernel's SGX code and the processor below it. [`Bare`] implements it by
//! executing ENCLS on the software processor, so that every check exists once.

mod bare;
mod space;

use anyclave_arch::token::EinitToken;
use anyclave_arch::{EpcAddr, Linear, Pcmd, RdInfo, SecInfo, SgxError, SigStruct};
use anyclave_trace::{Outcome, Refusal};

use crate::config::Section;
use crate::exit::Fault;
use crate::package::WrmsrFault;

pub use bare::Bare;

/// Bytes of an EPC page and of the pages that fill it.
pub const PAGE_BYTES: usize = 4096;

/// The leaves of ENCLS and the registers beside them, for a kernel in 64-bit supervisor mode.
///
/// EPC pages are named by physical address; one outside the sections gets the #PF of an operand that is not
/// in the EPC. Operands that lie in ordinary memory come by reference and never raise page faults.
pub trait Encls {
    /// The EPC sections, ascending: what CPUID.12H.2 and up announces.
    fn sections(&self) -> &[Section];

    /// ECREATE: makes the free page `secs` the SECS of a new enclave, from the SECS in `source`.
    ///
    /// # Errors
    /// The leaf faulted; it has no codes.
    fn ecreate(
        &mut self,
        secs: EpcAddr,
        source: &[u8; PAGE_BYTES],
        secinfo: &SecInfo,
    ) -> Result<(), EnclsError>;

    /// EADD: gives the free page `page` to the enclave of `secs`, at the linear address `linaddr`.
    ///
    /// # Errors
    /// The leaf faulted; it has no codes.
    fn eadd(
        &mut self,
        page: EpcAddr,
        secs: EpcAddr,
        linaddr: Linear,
        source: &[u8; PAGE_BYTES],
        secinfo: &SecInfo,
    ) -> Result<(), EnclsError>;

    /// EEXTEND: measures the 256 bytes of the enclave of `secs` that begin at `chunk`.
    ///
    /// # Errors
    /// The leaf faulted; it has no codes.
    fn eextend(&mut self, secs: EpcAddr, chunk: EpcAddr) -> Result<(), EnclsError>;

    /// EINIT: initialises the enclave of `secs`.
    ///
    /// # Errors
    /// The leaf faulted, or refused with the code that says why. UNMASKED_EVENT asks to try again.
    fn einit(&mut self, sigstruct: &SigStruct, token: &EinitToken, secs: EpcAddr) -> Result<(), EnclsError>;

    /// EREMOVE: frees `page`. A page that is free already is no error.
    ///
    /// # Errors
    /// The leaf faulted, or refused: CHILD_PRESENT for a SECS with pages, ENCLAVE_ACT for a page of an
    /// enclave that is being executed.
    fn eremove(&mut self, page: EpcAddr) -> Result<(), EnclsError>;

    /// EPA: makes the free page `page` an empty version array.
    ///
    /// # Errors
    /// The leaf faulted; it has no codes.
    fn epa(&mut self, page: EpcAddr) -> Result<(), EnclsError>;

    /// EBLOCK: no processor gets a new translation of `page`.
    ///
    /// # Errors
    /// The leaf faulted or refused. BLKSTATE, NOTBLOCKABLE and PG_IS_SECS say that there was nothing to do.
    fn eblock(&mut self, page: EpcAddr) -> Result<(), EnclsError>;

    /// ETRACK: begins an epoch of the enclave of `secs`.
    ///
    /// # Errors
    /// The leaf faulted, or refused with PREV_TRK_INCMPL: processors that entered before the current epoch are to be
    /// interrupted first.
    fn etrack(&mut self, secs: EpcAddr) -> Result<(), EnclsError>;

    /// ETRACKC: begins an epoch of the enclave that `page` belongs to.
    ///
    /// # Errors
    /// The leaf faulted or refused. TRACK_NOT_REQUIRED says that the page is a version array.
    fn etrackc(&mut self, page: EpcAddr) -> Result<(), EnclsError>;

    /// EWB: encrypts `page` to `contents` and `pcmd`, its version to `slot`, and frees it. Gives its linear address in the
    /// enclave, which is zero for a SECS and a version array.
    ///
    /// # Errors
    /// The leaf faulted, or refused: PAGE_NOT_BLOCKED, NOT_TRACKED, CHILD_PRESENT for a SECS with pages. With
    /// VA_SLOT_OCCUPIED it has not refused: the page is out, and the one whose version was in the slot is lost.
    fn ewb(
        &mut self,
        page: EpcAddr,
        slot: EpcAddr,
        contents: &mut [u8; PAGE_BYTES],
        pcmd: &mut Pcmd,
    ) -> Result<Linear, EnclsError>;

    /// ELDB: brings a page back into the free page `page`, blocked, and empties `slot`.
    ///
    /// # Errors
    /// The leaf faulted, or refused with MAC_COMPARE_FAIL: that is not the page whose version is in the slot.
    fn eldb(&mut self, page: EpcAddr, from: &EvictedPage<'_>, slot: EpcAddr) -> Result<(), EnclsError>;

    /// ELDU: brings a page back into the free page `page`, and empties `slot`.
    ///
    /// # Errors
    /// As [`Self::eldb`].
    fn eldu(&mut self, page: EpcAddr, from: &EvictedPage<'_>, slot: EpcAddr) -> Result<(), EnclsError>;

    /// ELDBC: ELDB that reports EPC_PAGE_CONFLICT where that faults.
    ///
    /// # Errors
    /// As [`Self::eldb`], and EPC_PAGE_CONFLICT.
    fn eldbc(&mut self, page: EpcAddr, from: &EvictedPage<'_>, slot: EpcAddr) -> Result<(), EnclsError>;

    /// ELDUC: ELDU that reports EPC_PAGE_CONFLICT where that faults.
    ///
    /// # Errors
    /// As [`Self::eldb`], and EPC_PAGE_CONFLICT.
    fn elduc(&mut self, page: EpcAddr, from: &EvictedPage<'_>, slot: EpcAddr) -> Result<(), EnclsError>;

    /// EDBGRD: the eight bytes at `at`, of a debug enclave or a version array.
    ///
    /// # Errors
    /// The leaf faulted, or refused with PAGE_NOT_DEBUGGABLE.
    fn edbgrd(&mut self, at: EpcAddr) -> Result<u64, EnclsError>;

    /// EDBGWR: writes eight bytes at `at`, of a debug enclave.
    ///
    /// # Errors
    /// The leaf faulted, or refused with PAGE_NOT_DEBUGGABLE.
    fn edbgwr(&mut self, at: EpcAddr, value: u64) -> Result<(), EnclsError>;

    /// EAUG: gives the free page `page`, zeroed, to the initialised enclave of `secs` at the linear address
    /// `linaddr`. The enclave must accept it.
    ///
    /// # Errors
    /// The leaf faulted; it has no codes.
    fn eaug(&mut self, page: EpcAddr, secs: EpcAddr, linaddr: Linear) -> Result<(), EnclsError>;

    /// EMODPR: leaves `page` only those of its rights that are in `secinfo`. The enclave must accept it.
    ///
    /// # Errors
    /// The leaf faulted, or refused: PAGE_NOT_MODIFIABLE for a page that waits for the enclave, EPC_PAGE_CONFLICT.
    fn emodpr(&mut self, page: EpcAddr, secinfo: &SecInfo) -> Result<(), EnclsError>;

    /// EMODT: makes `page` a page of the type in `secinfo`. The enclave must accept it.
    ///
    /// # Errors
    /// The leaf faulted, or refused: PAGE_NOT_MODIFIABLE for a page that waits for the enclave, EPC_PAGE_CONFLICT.
    fn emodt(&mut self, page: EpcAddr, secinfo: &SecInfo) -> Result<(), EnclsError>;

    /// ERDINFO: type and state of `page`.
    ///
    /// # Errors
    /// The leaf refused: PG_NONEPC, PG_INVLD for a page that is not in use, EPC_PAGE_CONFLICT.
    fn erdinfo(&mut self, page: EpcAddr) -> Result<RdInfo, EnclsError>;

    /// EUPDATESVN: puts the security version of the microcode that is loaded into force, while the EPC is empty.
    /// Pages that are out of it do not come back.
    ///
    /// # Errors
    /// The leaf refused: EPC_NOT_READY, INSUFFICIENT_ENTROPY, EPC_PAGE_CONFLICT; or there was nothing to do,
    /// NO_UPDATE.
    fn eupdatesvn(&mut self) -> Result<(), EnclsError>;

    /// IA32_SGXLEPUBKEYHASH0..3, as RDMSR gives them.
    fn lepubkeyhash(&self) -> [u64; 4];

    /// Four WRMSRs to IA32_SGXLEPUBKEYHASH0..3.
    ///
    /// # Errors
    /// WRMSR's #GP where launch control is not flexible.
    fn wrmsr_lepubkeyhash(&mut self, hash: [u64; 4]) -> Result<(), WrmsrFault>;
}

/// A page outside the EPC, as EWB left it, and where it belongs.
#[derive(Clone, Copy, Debug)]
pub struct EvictedPage<'a> {
    /// The page, encrypted.
    pub contents: &'a [u8; PAGE_BYTES],
    /// What it is, and its MAC.
    pub pcmd: &'a Pcmd,
    /// Its linear address in the enclave; zero for a SECS and a version array.
    pub linaddr: Linear,
    /// Where the SECS of its enclave is now; None for a SECS and a version array.
    pub secs: Option<EpcAddr>,
}

/// How a leaf did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnclsError {
    /// ENCLS raised an exception.
    Fault(Fault),
    /// ENCLS completed with a code in RAX.
    Code(SgxError, Refusal),
}

impl EnclsError {
    /// The code in RAX, if the leaf completed.
    #[must_use]
    pub const fn code(&self) -> Option<SgxError> {
        match self {
            Self::Fault(_) => None,
            Self::Code(error, _) => Some(*error),
        }
    }

    /// The check that failed. None for a fault of ordinary paging.
    #[must_use]
    pub const fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Fault(fault) => fault.refusal,
            Self::Code(_, refusal) => Some(*refusal),
        }
    }

    /// The error for a completed leaf with a code; None where the outcome is a fault.
    pub(crate) fn from_code(refusal: Refusal) -> Option<Self> {
        match refusal.outcome() {
            Outcome::Zf(error) | Outcome::Cf(error) => Some(Self::Code(error, refusal)),
            Outcome::Ud | Outcome::Gp | Outcome::PfRead | Outcome::PfWrite => None,
        }
    }
}

#[cfg(test)]
mod tests;
