//! ENCLS[EMODPR]: takes rights from a page of an initialised enclave. SDM vol. 3D, leaf EMODPR, Operation.

use anyclave_arch::{Flags, Linear, PAGE_SIZE, PageType, SecInfo, SecInfoFlags};
use anyclave_trace::Refusal;
use anyclave_trace::cause::EmodprCause as Cause;

use super::Context;
use crate::entropy::Entropy;
use crate::epcm::EpcmEntry;
use crate::exit::{Exit, require};
use crate::frames::Frames;
use crate::locks::Lock;
use crate::secs::SecsPage;
use crate::space::{Access, AddressSpace};

/// RBX: SECINFO, of which only R, W and X count; RCX: an EPC page. The rights are gone for new translations at
/// once; when they are gone for all, EACCEPT tells the enclave.
pub(super) fn emodpr<F: Frames, E: Entropy, S: AddressSpace>(
    cpu: &mut Context<'_, F, E, S>,
    rbx: Linear,
    rcx: Linear,
) -> Result<(), Exit> {
    require(rbx.is_aligned(64), Refusal::new(Cause::RbxUnaligned, rbx.0))?;
    require(rcx.is_aligned(PAGE_SIZE), Refusal::new(Cause::RcxUnaligned, rcx.0))?;
    let page = cpu.epc_or(rcx, Access::Write, Refusal::new(Cause::RcxNotEpc, rcx.0))?;

    // SECINFO, whose page type is not looked at
    let secinfo: SecInfo = cpu.copy_in(rbx)?;
    let flags = secinfo.flags.get();
    require(!secinfo.has_reserved(), Refusal::new(Cause::SecinfoReserved, flags))?;
    let rights = secinfo.bits() & SecInfoFlags::RWX;
    let readable = rights.contains(SecInfoFlags::R) || !rights.contains(SecInfoFlags::W);
    require(readable, Refusal::new(Cause::WriteWithoutRead, flags))?;

    // the page
    cpu.lock(page, Lock::SHARED, Refusal::new(Cause::PageConflict, rcx.0))?;
    let entry = cpu.package.epcm.entry(page);
    require(entry.valid, Refusal::new(Cause::PageInvalid, rcx.0))?;
    cpu.lock(page, Lock::SGX2, Refusal::new(Cause::Sgx2Conflict, rcx.0))?;
    let settled = !entry.pending && !entry.modified;
    require(settled, Refusal::new(Cause::PageNotModifiable, rcx.0))?;
    require(entry.page_type == PageType::Reg, Refusal::new(Cause::PageTypeInvalid, rcx.0))?;

    // the enclave
    let look = |secs: &mut SecsPage| (secs.attributes.has(Flags::INIT), secs.epoch.get());
    let (initialised, epoch) = cpu.package.with_secs(entry.secs, look);
    require(initialised, Refusal::new(Cause::NotInitialised, rcx.0))?;

    let rights = entry.rights & rights;
    cpu.package.set_entry(page, EpcmEntry { rights, pr: true, mark: Some(epoch), ..entry });
    Ok(())
}

#[cfg(test)]
mod tests;
