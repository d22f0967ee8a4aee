//! ENCLS[EAUG]: gives a page of zeros to an initialised enclave. SDM vol. 3D, leaf EAUG, Operation.

use anyclave_arch::{Flags, Linear, PAGE_SIZE, PageInfo, PageType, SecInfoFlags};
use anyclave_trace::Refusal;
use anyclave_trace::cause::EaugCause as Cause;

use super::Context;
use crate::entropy::Entropy;
use crate::epcm::EpcmEntry;
use crate::exit::{Exit, require};
use crate::frames::Frames;
use crate::locks::Lock;
use crate::secs::SecsPage;
use crate::space::{Access, AddressSpace};

/// What the enclave may do with the page, once it has accepted it.
const RIGHTS: SecInfoFlags = SecInfoFlags::R.union(SecInfoFlags::W);

/// RBX: PAGEINFO; RCX: a free EPC page. Nothing is measured; the page stays out of reach until EACCEPT or
/// EACCEPTCOPY.
pub(super) fn eaug<F: Frames, E: Entropy, S: AddressSpace>(
    cpu: &mut Context<'_, F, E, S>,
    rbx: Linear,
    rcx: Linear,
) -> Result<(), Exit> {
    require(rbx.is_aligned(32), Refusal::new(Cause::RbxUnaligned, rbx.0))?;
    require(rcx.is_aligned(PAGE_SIZE), Refusal::new(Cause::RcxUnaligned, rcx.0))?;
    let page = cpu.epc_or(rcx, Access::Write, Refusal::new(Cause::RcxNotEpc, rcx.0))?;

    // PAGEINFO
    let pageinfo: PageInfo = cpu.copy_in(rbx)?;
    let (srcpge, secinfo_at) = (pageinfo.srcpge.get(), Linear(pageinfo.secinfo.get()));
    let (linaddr, secs_at) = (Linear(pageinfo.linaddr.get()), Linear(pageinfo.secs.get()));
    require(secinfo_at.is_aligned(64), Refusal::new(Cause::SecinfoUnaligned, secinfo_at.0))?;
    require(secs_at.is_aligned(PAGE_SIZE), Refusal::new(Cause::SecsUnaligned, secs_at.0))?;
    require(linaddr.is_aligned(PAGE_SIZE), Refusal::new(Cause::LinaddrUnaligned, linaddr.0))?;
    require(srcpge == 0, Refusal::new(Cause::SrcpgeNonZero, srcpge))?;
    let secs_page = cpu.epc_or(secs_at, Access::Write, Refusal::new(Cause::SecsNotEpc, secs_at.0))?;

    // the destination
    cpu.lock(page, Lock::EXCLUSIVE, Refusal::new(Cause::PageConflict, rcx.0))?;
    require(!cpu.package.epcm.entry(page).valid, Refusal::new(Cause::PageValid, rcx.0))?;
    // only pages of shadow stacks come with a SECINFO; they need CET, which is not announced
    require(secinfo_at.0 == 0, Refusal::new(Cause::SecinfoNonZero, secinfo_at.0))?;

    // the enclave
    cpu.lock(secs_page, Lock::SHARED, Refusal::new(Cause::SecsConflict, secs_at.0))?;
    let secs_entry = cpu.package.epcm.entry(secs_page);
    require(secs_entry.valid, Refusal::new(Cause::SecsInvalid, secs_at.0))?;
    require(secs_entry.page_type == PageType::Secs, Refusal::new(Cause::SecsNotSecs, secs_at.0))?;
    let look = |secs: &mut SecsPage| (secs.attributes.has(Flags::INIT), secs.base(), secs.contains(linaddr));
    let (initialised, base, inside) = cpu.package.with_secs(secs_page, look);
    require(initialised, Refusal::new(Cause::NotInitialised, secs_at.0))?;
    require(inside, Refusal::new(Cause::LinaddrOutside, linaddr.0).expected(base.0))?;

    cpu.package.frames.zero(page);
    cpu.package.with_secs(secs_page, |secs| secs.child_count += 1);
    let entry = EpcmEntry::new(PageType::Reg, secs_page, linaddr);
    cpu.package.set_entry(page, EpcmEntry { rights: RIGHTS, pending: true, ..entry });
    Ok(())
}

#[cfg(test)]
mod tests;
