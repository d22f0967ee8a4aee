//! ENCLU[EMODPE]: gives a page of the current enclave more rights. SDM vol. 3D, leaf EMODPE, Operation.
//!
//! The kernel has no part in it: what its page tables forbid stays forbidden.

use anyclave_arch::{EpcAddr, Linear, PAGE_SIZE, PageType, SecInfo, SecInfoFlags};
use anyclave_trace::Refusal;
use anyclave_trace::cause::EmodpeCause as Cause;

use super::page::{PageCauses, SECINFO_ALIGNMENT};
use crate::encls::Context;
use crate::entropy::Entropy;
use crate::epcm::EpcmEntry;
use crate::exit::{Exit, require};
use crate::frames::Frames;
use crate::locks::Lock;
use crate::space::{Access, AddressSpace};
use crate::state::State;

const SECINFO: PageCauses<Cause> = PageCauses {
    not_epc: Cause::SecinfoNotEpc,
    invalid: Cause::SecinfoInvalid,
    blocked: Cause::SecinfoBlocked,
    not_reg: Cause::SecinfoNotReg,
    foreign: Cause::SecinfoForeign,
    pending: Cause::SecinfoPending,
    modified: Cause::SecinfoModified,
    address: Cause::SecinfoAddress,
    rights: Cause::SecinfoRights,
};

/// RBX: SECINFO, of which only the rights matter; RCX: the page.
pub(super) fn emodpe<F: Frames, E: Entropy, S: AddressSpace>(
    cpu: &mut Context<'_, F, E, S>,
    state: &State,
    secs_page: EpcAddr,
) -> Result<(), Exit> {
    let (rbx, rcx) = (Linear(state.gprs.rbx), Linear(state.gprs.rcx));
    let secs = cpu.package.load_secs(secs_page);
    let (of_rbx, of_rcx) =
        (|cause: Cause| Refusal::new(cause, rbx.0), |cause: Cause| Refusal::new(cause, rcx.0));
    // both operands: aligned, in ELRANGE, in the EPC
    require(rbx.is_aligned(SECINFO_ALIGNMENT), of_rbx(Cause::SecinfoUnaligned).expected(SECINFO_ALIGNMENT))?;
    require(rcx.is_aligned(PAGE_SIZE), of_rcx(Cause::PageUnaligned).expected(PAGE_SIZE))?;
    require(secs.contains(rbx), of_rbx(Cause::SecinfoOutside).expected(secs.base().0))?;
    require(secs.contains(rcx), of_rcx(Cause::PageOutside).expected(secs.base().0))?;
    let secinfo = cpu.epc(rbx, Access::Read)?.ok_or_else(|| of_rbx(Cause::SecinfoNotEpc))?;
    let page = cpu.epc(rcx, Access::Read)?.ok_or_else(|| of_rcx(Cause::PageNotEpc))?;
    // SECINFO: readable, copied once, reserved bits zero
    cpu.check_page(secs_page, (rbx, secinfo), SecInfoFlags::R, &SECINFO)?;
    let secinfo = cpu.package.read_epc::<SecInfo>(secinfo);
    require(!secinfo.has_reserved(), Refusal::new(Cause::SecinfoReserved, secinfo.flags.get()))?;
    // the page: a regular one of this enclave, at its place, in normal state
    let entry = cpu.package.epcm.entry(page);
    require(entry.valid, of_rcx(Cause::PageInvalid))?;
    require(!entry.blocked, of_rcx(Cause::PageBlocked))?;
    require(entry.page_type == PageType::Reg, of_rcx(Cause::PageNotReg))?;
    require(entry.secs == secs_page, of_rcx(Cause::PageForeign).expected(secs_page.0).found(entry.secs.0))?;
    require(!entry.pending, of_rcx(Cause::PagePending))?;
    require(!entry.modified, of_rcx(Cause::PageModified))?;
    require(entry.address == rcx, of_rcx(Cause::PageAddress).expected(entry.address.0).found(rcx.0))?;
    cpu.lock(page, Lock::SGX2, of_rcx(Cause::PageConflict))?;
    // the rights that it is to have are ones that a page can have
    let rights = entry.rights | secinfo.bits() & SecInfoFlags::RWX;
    let readable = rights.contains(SecInfoFlags::R) || !secinfo.bits().contains(SecInfoFlags::W);
    require(readable, Refusal::new(Cause::WriteWithoutRead, secinfo.flags.get()))?;

    cpu.package.set_entry(page, EpcmEntry { rights, ..entry });
    Ok(())
}

#[cfg(test)]
mod tests;
