//! ENCLU[EACCEPTCOPY]: accepts a page that EAUG added, and fills it from another. SDM vol. 3D, leaf EACCEPTCOPY,
//! Operation.
//!
//! The manual checks the new page a second time once it holds it. Nothing can change in between here, so that only
//! what it checks then for the first time is left: rights and address.

use anyclave_arch::{EpcAddr, Linear, PAGE_SIZE, PageType, SecInfo, SecInfoFlags};
use anyclave_trace::Refusal;
use anyclave_trace::cause::EacceptcopyCause as Cause;

use super::page::{PageCauses, SECINFO_ALIGNMENT};
use crate::encls::Context;
use crate::entropy::Entropy;
use crate::epcm::EpcmEntry;
use crate::exit::{Exit, require};
use crate::frames::Frames;
use crate::kernel::PAGE_BYTES;
use crate::locks::Lock;
use crate::secs::SecsPage;
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

const SOURCE: PageCauses<Cause> = PageCauses {
    not_epc: Cause::SourceNotEpc,
    invalid: Cause::SourceInvalid,
    blocked: Cause::SourceBlocked,
    not_reg: Cause::SourceNotReg,
    foreign: Cause::SourceForeign,
    pending: Cause::SourcePending,
    modified: Cause::SourceModified,
    address: Cause::SourceAddress,
    rights: Cause::SourceRights,
};

/// RBX: SECINFO with the rights that the page is to have; RCX: the new page; RDX: what it is to hold.
pub(super) fn eacceptcopy<F: Frames, E: Entropy, S: AddressSpace>(
    cpu: &mut Context<'_, F, E, S>,
    state: &State,
    secs_page: EpcAddr,
) -> Result<(), Exit> {
    let (rbx, rcx, rdx) = (Linear(state.gprs.rbx), Linear(state.gprs.rcx), Linear(state.gprs.rdx));
    let secs = cpu.package.load_secs(secs_page);
    let target_refusal = |cause: Cause| Refusal::new(cause, rcx.0);
    check_operands(&secs, [rbx, rcx, rdx])?;
    let mut epc = |at: Linear, access: Access, cause: Cause| {
        cpu.epc(at, access)?.ok_or_else(|| Exit::from(Refusal::new(cause, at.0)))
    };
    let secinfo = epc(rbx, Access::Read, Cause::SecinfoNotEpc)?;
    let target = epc(rcx, Access::Write, Cause::TargetNotEpc)?;
    let source = epc(rdx, Access::Read, Cause::SourceNotEpc)?;
    // SECINFO: readable, copied once, reserved bits zero, rights that a regular page can have
    cpu.check_page(secs_page, (rbx, secinfo), SecInfoFlags::R, &SECINFO)?;
    let secinfo = cpu.package.read_epc::<SecInfo>(secinfo);
    let (flags, bits) = (secinfo.flags.get(), secinfo.bits());
    require(!secinfo.has_reserved(), Refusal::new(Cause::SecinfoReserved, flags))?;
    let readable = bits.contains(SecInfoFlags::R) || !bits.contains(SecInfoFlags::W);
    require(readable, Refusal::new(Cause::WriteWithoutRead, flags))?;
    let regular = secinfo.page_type() == Some(PageType::Reg);
    require(regular, Refusal::new(Cause::SecinfoTypeNotReg, flags))?;
    // the source: readable
    cpu.check_page(secs_page, (rdx, source), SecInfoFlags::R, &SOURCE)?;
    // the new page: as EAUG leaves one
    let entry = cpu.package.epcm.entry(target);
    check_added(&entry, secs_page, rcx)?;
    cpu.lock(target, Lock::SGX2, target_refusal(Cause::TargetConflict))?;
    require(entry.rights.contains(SecInfoFlags::R), target_refusal(Cause::TargetNotReadable))?;
    require(entry.rights.contains(SecInfoFlags::W), target_refusal(Cause::TargetNotWritable))?;
    require(!entry.rights.contains(SecInfoFlags::X), target_refusal(Cause::TargetExecutable))?;
    let address = target_refusal(Cause::TargetAddress).expected(entry.address.0).found(rcx.0);
    require(entry.address == rcx, address)?;

    // filled before it comes within reach
    let mut contents = [0; PAGE_BYTES];
    cpu.package.frames.read(source, 0, &mut contents);
    cpu.package.frames.write(target, 0, &contents);
    let rights = bits & SecInfoFlags::RWX;
    cpu.package.set_entry(target, EpcmEntry { rights, pending: false, ..entry });
    Ok(())
}

/// Alignment of all operands, then ELRANGE.
fn check_operands(secs: &SecsPage, [rbx, rcx, rdx]: [Linear; 3]) -> Result<(), Exit> {
    let aligned = |at: Linear, to: u64, cause: Cause| {
        require(at.is_aligned(to), Refusal::new(cause, at.0).expected(to))
    };
    let inside = |at: Linear, cause: Cause| {
        require(secs.contains(at), Refusal::new(cause, at.0).expected(secs.base().0))
    };
    aligned(rbx, SECINFO_ALIGNMENT, Cause::SecinfoUnaligned)?;
    aligned(rcx, PAGE_SIZE, Cause::TargetUnaligned)?;
    aligned(rdx, PAGE_SIZE, Cause::SourceUnaligned)?;
    inside(rbx, Cause::SecinfoOutside)?;
    inside(rcx, Cause::TargetOutside)?;
    inside(rdx, Cause::SourceOutside)
}

/// A page of this enclave that waits to be accepted. Where it is something else, kernel and enclave disagree, which
/// the enclave is told.
fn check_added(entry: &EpcmEntry, secs_page: EpcAddr, at: Linear) -> Result<(), Exit> {
    let refusal = |cause: Cause| Refusal::new(cause, at.0);
    require(entry.valid, refusal(Cause::TargetInvalid))?;
    require(entry.pending, refusal(Cause::TargetNotPending))?;
    require(!entry.modified, refusal(Cause::TargetModified))?;
    require(!entry.blocked, refusal(Cause::TargetBlocked))?;
    require(entry.page_type == PageType::Reg, refusal(Cause::TargetNotReg))?;
    require(entry.secs == secs_page, refusal(Cause::TargetForeign).expected(secs_page.0).found(entry.secs.0))
}

#[cfg(test)]
mod tests;
