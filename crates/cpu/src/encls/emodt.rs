//! ENCLS[EMODT]: changes the type of a page of an initialised enclave. SDM vol. 3D, leaf EMODT, Operation.

use anyclave_arch::{Flags, Linear, PAGE_SIZE, PageType, SecInfo, SecInfoFlags};
use anyclave_trace::Refusal;
use anyclave_trace::cause::EmodtCause as Cause;

use super::Context;
use crate::entropy::Entropy;
use crate::epcm::EpcmEntry;
use crate::exit::{Exit, require};
use crate::frames::Frames;
use crate::locks::Lock;
use crate::secs::SecsPage;
use crate::space::{Access, AddressSpace};

/// RBX: SECINFO, of which only the page type counts; RCX: an EPC page. The page loses its rights and is out of
/// reach until EACCEPT; what it holds stays, as EACCEPT checks a new TCS.
pub(super) fn emodt<F: Frames, E: Entropy, S: AddressSpace>(
    cpu: &mut Context<'_, F, E, S>,
    rbx: Linear,
    rcx: Linear,
) -> Result<(), Exit> {
    require(rbx.is_aligned(64), Refusal::new(Cause::RbxUnaligned, rbx.0))?;
    require(rcx.is_aligned(PAGE_SIZE), Refusal::new(Cause::RcxUnaligned, rcx.0))?;
    let page = cpu.epc_or(rcx, Access::Write, Refusal::new(Cause::RcxNotEpc, rcx.0))?;

    // SECINFO
    let secinfo: SecInfo = cpu.copy_in(rbx)?;
    let flags = secinfo.flags.get();
    require(!secinfo.has_reserved(), Refusal::new(Cause::SecinfoReserved, flags))?;
    let page_type = match secinfo.page_type() {
        Some(page_type @ (PageType::Tcs | PageType::Trim)) => page_type,
        _ => return Err(Refusal::new(Cause::TypeNotGranted, flags).into()),
    };

    // the page
    cpu.lock(page, Lock::EXCLUSIVE, Refusal::new(Cause::PageConflict, rcx.0))?;
    cpu.lock(page, Lock::SGX2, Refusal::new(Cause::Sgx2Conflict, rcx.0))?;
    let entry = cpu.package.epcm.entry(page);
    require(entry.valid, Refusal::new(Cause::PageInvalid, rcx.0))?;
    let possible = match entry.page_type {
        PageType::Reg => true,
        PageType::Tcs | PageType::SsFirst | PageType::SsRest => page_type == PageType::Trim,
        PageType::Secs | PageType::Va | PageType::Trim => false,
    };
    require(possible, Refusal::new(Cause::PageTypeInvalid, rcx.0))?;
    let settled = !entry.pending && !entry.modified;
    require(settled, Refusal::new(Cause::PageNotModifiable, rcx.0))?;

    // the enclave
    let look = |secs: &mut SecsPage| (secs.attributes.has(Flags::INIT), secs.epoch.get());
    let (initialised, epoch) = cpu.package.with_secs(entry.secs, look);
    require(initialised, Refusal::new(Cause::NotInitialised, rcx.0))?;

    let changed = EpcmEntry {
        page_type,
        rights: SecInfoFlags::empty(),
        pr: false,
        modified: true,
        mark: Some(epoch),
        ..entry
    };
    cpu.package.set_entry(page, changed);
    Ok(())
}

#[cfg(test)]
mod tests;
