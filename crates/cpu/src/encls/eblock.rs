//! ENCLS[EBLOCK]: blocks a page on its way out of the EPC. SDM vol. 3D, leaf EBLOCK, Operation.

use anyclave_arch::{Linear, PAGE_SIZE, PageType};
use anyclave_trace::Refusal;
use anyclave_trace::cause::EblockCause as Cause;

use super::Context;
use crate::entropy::Entropy;
use crate::epcm::EpcmEntry;
use crate::exit::{Exit, require};
use crate::frames::Frames;
use crate::locks::Lock;
use crate::space::{Access, AddressSpace};

/// RCX: an EPC page. No processor gets a translation of it from now on; those from before are ETRACK's matter.
pub(super) fn eblock<F: Frames, E: Entropy, S: AddressSpace>(
    cpu: &mut Context<'_, F, E, S>,
    rcx: Linear,
) -> Result<(), Exit> {
    require(rcx.is_aligned(PAGE_SIZE), Refusal::new(Cause::RcxUnaligned, rcx.0))?;
    let page = cpu.epc_or(rcx, Access::Write, Refusal::new(Cause::RcxNotEpc, rcx.0))?;

    // the page
    cpu.lock(page, Lock::SHARED, Refusal::new(Cause::PageConflict, rcx.0))?;
    let entry = cpu.package.epcm.entry(page);
    require(entry.valid, Refusal::new(Cause::PageInvalid, rcx.0))?;
    require(entry.page_type != PageType::Secs, Refusal::new(Cause::PageIsSecs, rcx.0))?;
    require(entry.page_type != PageType::Va, Refusal::new(Cause::PageIsVa, rcx.0))?;
    require(!entry.blocked, Refusal::new(Cause::PageBlocked, rcx.0))?;

    // the epoch, which is only known while nobody is beginning one; the manual lists the code and not the check
    cpu.lock(entry.secs, Lock::EPOCH, Refusal::new(Cause::TrackingConflict, rcx.0))?;
    let epoch = cpu.package.with_secs(entry.secs, |secs| secs.epoch.get());
    cpu.package.set_entry(page, EpcmEntry { blocked: true, mark: Some(epoch), ..entry });
    Ok(())
}

#[cfg(test)]
mod tests;
