//! ENCLV[EINCVIRTCHILD]: adds one to the count of an enclave's virtual children. SDM vol. 3D, leaf EINCVIRTCHILD, Operation.

use anyclave_arch::{Linear, PAGE_SIZE};
use anyclave_trace::Refusal;
use anyclave_trace::cause::EincvirtchildCause as Cause;

use super::secs_of;
use crate::encls::Context;
use crate::entropy::Entropy;
use crate::exit::{Exit, require};
use crate::frames::Frames;
use crate::locks::Lock;
use crate::space::{Access, AddressSpace};

/// RBX: any page of the enclave, or its SECS; RCX: its SECS.
pub(super) fn eincvirtchild<F: Frames, E: Entropy, S: AddressSpace>(
    cpu: &mut Context<'_, F, E, S>,
    rbx: Linear,
    rcx: Linear,
) -> Result<(), Exit> {
    require(rbx.is_aligned(PAGE_SIZE), Refusal::new(Cause::RbxUnaligned, rbx.0))?;
    let page = cpu.epc_or(rbx, Access::Write, Refusal::new(Cause::RbxNotEpc, rbx.0))?;
    let secs_at = cpu.epc_or(rcx, Access::Write, Refusal::new(Cause::RcxNotEpc, rcx.0))?;

    // the page
    cpu.lock(page, Lock::SHARED, Refusal::new(Cause::PageConflict, rbx.0))?;
    let entry = cpu.package.epcm.entry(page);
    require(entry.valid, Refusal::new(Cause::PageInvalid, rbx.0))?;
    let owner = secs_of(&entry).ok_or_else(|| Refusal::new(Cause::PageTypeInvalid, rbx.0))?;
    // an RCX in the middle of the page is not the SECS either
    let other = Refusal::new(Cause::PageOfOther, rcx.0).expected(owner.0).found(secs_at.0);
    require(owner == secs_at, other)?;

    cpu.package.with_secs(owner, |secs| {
        // a counter of 64 bits; the manual has no word for its end
        secs.virtchild_count.set(secs.virtchild_count.get().wrapping_add(1));
    });
    Ok(())
}

#[cfg(test)]
mod tests;
