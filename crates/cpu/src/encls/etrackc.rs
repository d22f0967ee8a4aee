//! ENCLS[ETRACKC]: begins an epoch of the enclave that a page belongs to. SDM vol. 3D, leaf ETRACKC, Operation.

use anyclave_arch::{Linear, PAGE_SIZE, PageType};
use anyclave_trace::Refusal;
use anyclave_trace::cause::EtrackcCause as Cause;

use super::Context;
use crate::entropy::Entropy;
use crate::exit::{Exit, require};
use crate::frames::Frames;
use crate::locks::Lock;
use crate::space::{Access, AddressSpace};

/// RCX: an EPC page: a hypervisor knows the pages of its guests, not which of them is whose SECS.
pub(super) fn etrackc<F: Frames, E: Entropy, S: AddressSpace>(
    cpu: &mut Context<'_, F, E, S>,
    rcx: Linear,
) -> Result<(), Exit> {
    require(rcx.is_aligned(PAGE_SIZE), Refusal::new(Cause::RcxUnaligned, rcx.0))?;
    let page = cpu.epc_or(rcx, Access::Write, Refusal::new(Cause::RcxNotEpc, rcx.0))?;

    cpu.lock(page, Lock::SHARED, Refusal::new(Cause::PageConflict, rcx.0))?;
    let entry = cpu.package.epcm.entry(page);
    require(entry.valid, Refusal::new(Cause::PageInvalid, rcx.0))?;
    require(entry.page_type != PageType::Va, Refusal::new(Cause::PageIsVa, rcx.0))?;

    // of a SECS this is the page itself
    cpu.lock(entry.secs, Lock::TRACKING, Refusal::new(Cause::TrackingConflict, rcx.0))?;
    let left = cpu.package.begin_epoch(entry.secs);
    left.map_err(|inside| Refusal::new(Cause::PreviousIncomplete, rcx.0).found(inside).into())
}

#[cfg(test)]
mod tests;
