//! ENCLS[ETRACK]: begins an epoch of an enclave. SDM vol. 3D, leaf ETRACK, Operation.

use anyclave_arch::{Linear, PAGE_SIZE, PageType};
use anyclave_trace::Refusal;
use anyclave_trace::cause::EtrackCause as Cause;

use super::Context;
use crate::entropy::Entropy;
use crate::exit::{Exit, require};
use crate::frames::Frames;
use crate::locks::Lock;
use crate::space::{Access, AddressSpace};

/// RCX: a SECS.
pub(super) fn etrack<F: Frames, E: Entropy, S: AddressSpace>(
    cpu: &mut Context<'_, F, E, S>,
    rcx: Linear,
) -> Result<(), Exit> {
    require(rcx.is_aligned(PAGE_SIZE), Refusal::new(Cause::RcxUnaligned, rcx.0))?;
    let page = cpu.epc_or(rcx, Access::Write, Refusal::new(Cause::RcxNotEpc, rcx.0))?;

    cpu.lock(page, Lock::SHARED, Refusal::new(Cause::SecsConflict, rcx.0))?;
    cpu.lock(page, Lock::TRACKING, Refusal::new(Cause::TrackingConflict, rcx.0))?;
    let entry = cpu.package.epcm.entry(page);
    require(entry.valid, Refusal::new(Cause::SecsInvalid, rcx.0))?;
    require(entry.page_type == PageType::Secs, Refusal::new(Cause::SecsNotSecs, rcx.0))?;

    let left = cpu.package.begin_epoch(page);
    left.map_err(|inside| Refusal::new(Cause::PreviousIncomplete, rcx.0).found(inside).into())
}

#[cfg(test)]
mod tests;
