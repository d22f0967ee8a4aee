//! ENCLS[EPA]: makes a free EPC page an empty version array. SDM vol. 3D, leaf EPA, Operation.

use anyclave_arch::{EpcAddr, Linear, PAGE_SIZE, PageType};
use anyclave_trace::Refusal;
use anyclave_trace::cause::EpaCause as Cause;

use super::Context;
use crate::entropy::Entropy;
use crate::epcm::EpcmEntry;
use crate::exit::{Exit, require};
use crate::frames::Frames;
use crate::locks::Lock;
use crate::space::{Access, AddressSpace};

/// RBX: PT_VA; RCX: a free EPC page.
pub(super) fn epa<F: Frames, E: Entropy, S: AddressSpace>(
    cpu: &mut Context<'_, F, E, S>,
    rbx: u64,
    rcx: Linear,
) -> Result<(), Exit> {
    let va = PageType::Va as u64;
    require(rbx == va, Refusal::new(Cause::RbxNotVa, rbx).expected(va))?;
    require(rcx.is_aligned(PAGE_SIZE), Refusal::new(Cause::RcxUnaligned, rcx.0))?;
    let page = cpu.epc_or(rcx, Access::Write, Refusal::new(Cause::RcxNotEpc, rcx.0))?;
    cpu.lock(page, Lock::EXCLUSIVE, Refusal::new(Cause::PageConflict, rcx.0))?;
    require(!cpu.package.epcm.entry(page).valid, Refusal::new(Cause::PageValid, rcx.0))?;

    cpu.package.frames.zero(page);
    // a version array belongs to no enclave
    cpu.package.set_entry(page, EpcmEntry::new(PageType::Va, EpcAddr(0), Linear(0)));
    Ok(())
}

#[cfg(test)]
mod tests;
