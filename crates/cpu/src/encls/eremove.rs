//! ENCLS[EREMOVE]: frees an EPC page. SDM vol. 3D, leaf EREMOVE, Operation.

use anyclave_arch::{EpcAddr, Linear, PAGE_SIZE, PageType};
use anyclave_trace::Refusal;
use anyclave_trace::cause::EremoveCause as Cause;

use super::Context;
use crate::entropy::Entropy;
use crate::epcm::EpcmEntry;
use crate::exit::{Exit, require};
use crate::frames::Frames;
use crate::locks::Lock;
use crate::space::{Access, AddressSpace};

/// RCX: an EPC page. Before and after EINIT alike; a page that is not in use stays so without an error.
pub(super) fn eremove<F: Frames, E: Entropy, S: AddressSpace>(
    cpu: &mut Context<'_, F, E, S>,
    rcx: Linear,
) -> Result<(), Exit> {
    require(rcx.is_aligned(PAGE_SIZE), Refusal::new(Cause::RcxUnaligned, rcx.0))?;
    let page = cpu.epc_or(rcx, Access::Write, Refusal::new(Cause::RcxNotEpc, rcx.0))?;

    cpu.lock(page, Lock::EXCLUSIVE, Refusal::new(Cause::PageConflict, rcx.0))?;
    let entry = cpu.package.epcm.entry(page);
    if !entry.valid {
        return Ok(());
    }
    match entry.page_type {
        PageType::Va => cpu.package.set_entry(page, EpcmEntry::INVALID),
        PageType::Secs => remove_secs(cpu, rcx, page)?,
        // EACCEPT has confirmed that nobody uses the page any more
        PageType::Trim if !entry.modified => remove_child(cpu, page, &entry),
        PageType::Tcs | PageType::Reg | PageType::Trim | PageType::SsFirst | PageType::SsRest => {
            let eid = cpu.package.with_secs(entry.secs, |secs| secs.eid.get());
            let inside = cpu.package.slots.inside(eid);
            require(inside == 0, Refusal::new(Cause::EnclaveActive, rcx.0).found(inside as u64))?;
            remove_child(cpu, page, &entry);
        }
    }
    Ok(())
}

fn remove_child<F: Frames, E: Entropy, S: AddressSpace>(
    cpu: &mut Context<'_, F, E, S>,
    page: EpcAddr,
    entry: &EpcmEntry,
) {
    cpu.package.with_secs(entry.secs, |secs| secs.child_count -= 1);
    cpu.package.set_entry(page, EpcmEntry::INVALID);
}

fn remove_secs<F: Frames, E: Entropy, S: AddressSpace>(
    cpu: &mut Context<'_, F, E, S>,
    rcx: Linear,
    page: EpcAddr,
) -> Result<(), Exit> {
    let secs = cpu.package.load_secs(page);
    let (children, elsewhere) = (secs.child_count.get(), secs.virtchild_count.get());
    require(children == 0, Refusal::new(Cause::ChildPresent, rcx.0).found(children))?;
    let kept = cpu.processor.epc_virtualization && elsewhere != 0;
    require(!kept, Refusal::new(Cause::VirtualChildPresent, rcx.0).found(elsewhere))?;
    let eid = secs.eid.get();
    cpu.package.set_entry(page, EpcmEntry::INVALID);
    cpu.package.frames.enclave_removed(eid);
    Ok(())
}

#[cfg(test)]
mod tests;
