//! ENCLU[EACCEPT]: accepts what the kernel did to a page by EAUG, EMODPR or EMODT. SDM vol. 3D, leaf EACCEPT,
//! Operation.
//!
//! The manual checks VALID and the owner a second time once it holds the page. Nothing can change in between here.

use core::mem::offset_of;

use anyclave_arch::tcs::TcsFlags;
use anyclave_arch::{EpcAddr, Linear, PAGE_SIZE, PageType, SecInfo, SecInfoFlags, Tcs};
use anyclave_trace::Refusal;
use anyclave_trace::cause::EacceptCause as Cause;

use super::page::{OperandCauses, PageCauses, SECINFO_ALIGNMENT};
use crate::encls::Context;
use crate::entropy::Entropy;
use crate::epcm::EpcmEntry;
use crate::exit::{Exit, require};
use crate::frames::Frames;
use crate::locks::Lock;
use crate::space::{Access, AddressSpace};
use crate::state::State;

const SECINFO: OperandCauses<Cause> = OperandCauses {
    unaligned: Cause::SecinfoUnaligned,
    outside: Cause::SecinfoOutside,
    page: PageCauses {
        not_epc: Cause::SecinfoNotEpc,
        invalid: Cause::SecinfoInvalid,
        blocked: Cause::SecinfoBlocked,
        not_reg: Cause::SecinfoNotReg,
        foreign: Cause::SecinfoForeign,
        pending: Cause::SecinfoPending,
        modified: Cause::SecinfoModified,
        address: Cause::SecinfoAddress,
        rights: Cause::SecinfoRights,
    },
};

/// RBX: SECINFO as the enclave expects the page to be; RCX: the page.
pub(super) fn eaccept<F: Frames, E: Entropy, S: AddressSpace>(
    cpu: &mut Context<'_, F, E, S>,
    state: &State,
    secs_page: EpcAddr,
) -> Result<(), Exit> {
    let (rbx, rcx) = (Linear(state.gprs.rbx), Linear(state.gprs.rcx));
    let secs = cpu.package.load_secs(secs_page);
    let refusal = |cause: Cause| Refusal::new(cause, rcx.0);
    // SECINFO: readable, copied once, reserved bits zero
    let secinfo = cpu.operand((secs_page, &secs), rbx, SECINFO_ALIGNMENT, Access::Read, &SECINFO)?;
    let secinfo = cpu.package.read_epc::<SecInfo>(secinfo);
    let flags = secinfo.flags.get();
    require(!secinfo.has_reserved(), Refusal::new(Cause::SecinfoReserved, flags))?;
    // the page: aligned, in ELRANGE, in the EPC
    require(rcx.is_aligned(PAGE_SIZE), refusal(Cause::PageUnaligned).expected(PAGE_SIZE))?;
    require(secs.contains(rcx), refusal(Cause::PageOutside).expected(secs.base().0))?;
    let page = cpu.epc(rcx, Access::Read)?.ok_or_else(|| refusal(Cause::PageNotEpc))?;
    // what is to be accepted is something that EAUG, EMODPR or EMODT leave behind
    require(is_legal(&secinfo), Refusal::new(Cause::RequestIllegal, flags))?;
    // the page is one of this enclave, and of a type that changes
    let entry = cpu.package.epcm.entry(page);
    require(entry.valid, refusal(Cause::PageInvalid))?;
    require(!entry.blocked, refusal(Cause::PageBlocked))?;
    let changes = matches!(entry.page_type, PageType::Reg | PageType::Tcs | PageType::Trim);
    require(changes, refusal(Cause::PageTypeInvalid))?;
    require(entry.secs == secs_page, refusal(Cause::PageForeign).expected(secs_page.0).found(entry.secs.0))?;
    cpu.lock(page, Lock::SHARED, refusal(Cause::PageConflict))?;
    cpu.lock(page, Lock::SGX2, refusal(Cause::Sgx2Conflict))?;
    // it is as the enclave expects it
    check_match(&entry, rcx, &secinfo)?;
    // no thread uses it any more as it was before
    let (eid, epoch) = (secs.eid.get(), secs.epoch.get());
    let tracked = entry.mark.is_none_or(|mark| cpu.package.slots.is_tracked(eid, epoch, mark));
    require(tracked, refusal(Cause::NotTracked))?;
    // a page that is a TCS from now on holds one that nobody has used
    if entry.page_type == PageType::Tcs {
        check_tcs(&cpu.package.read_epc(page), rcx)?;
    }

    let accepted = EpcmEntry { pending: false, modified: false, pr: false, mark: None, ..entry };
    cpu.package.set_entry(page, accepted);
    Ok(())
}

/// Whether type and state bits go together: a regular page that was added or restricted, or one with a new type.
fn is_legal(secinfo: &SecInfo) -> bool {
    use SecInfoFlags as Bits;
    let bits = secinfo.bits();
    match secinfo.page_type() {
        Some(PageType::Reg) => bits.intersects(Bits::PR | Bits::PENDING) && !bits.contains(Bits::MODIFIED),
        Some(PageType::Tcs | PageType::Trim) => {
            bits & (Bits::PR | Bits::PENDING | Bits::MODIFIED) == Bits::MODIFIED
        }
        // shadow-stack pages need CET, which is not announced
        _ => false,
    }
}

/// Compares a page with what the enclave expects, PR apart.
fn check_match(entry: &EpcmEntry, at: Linear, secinfo: &SecInfo) -> Result<(), Exit> {
    let refusal = |cause: Cause| Refusal::new(cause, at.0);
    let (bits, rights) = (secinfo.bits(), entry.rights);
    let same = |bit: SecInfoFlags, of_page: bool, cause: Cause| {
        let asked = bits.contains(bit);
        require(asked == of_page, refusal(cause).expected(asked).found(of_page))
    };
    let address = refusal(Cause::AddressMismatch).expected(entry.address.0).found(at.0);
    require(entry.address == at, address)?;
    same(SecInfoFlags::PENDING, entry.pending, Cause::PendingMismatch)?;
    same(SecInfoFlags::MODIFIED, entry.modified, Cause::ModifiedMismatch)?;
    same(SecInfoFlags::R, rights.contains(SecInfoFlags::R), Cause::ReadMismatch)?;
    same(SecInfoFlags::W, rights.contains(SecInfoFlags::W), Cause::WriteMismatch)?;
    same(SecInfoFlags::X, rights.contains(SecInfoFlags::X), Cause::ExecuteMismatch)?;
    require(secinfo.page_type() == Some(entry.page_type), refusal(Cause::TypeMismatch))
}

/// A TCS as the enclave wrote it. Limits matter to 32-bit enclaves only, and those are never entered. The reserved
/// bits of FLAGS are EENTER's to check.
fn check_tcs(tcs: &Tcs, at: Linear) -> Result<(), Exit> {
    let refusal = |cause: Cause| Refusal::new(cause, at.0);
    let reserved = tcs.reserved.iter().position(|byte| *byte != 0);
    let reserved_at = |index: usize| at.0 + (offset_of!(Tcs, reserved) + index) as u64;
    require(reserved.is_none(), Refusal::new(Cause::TcsReserved, reserved.map_or(at.0, reserved_at)))?;
    require(tcs.flags.get() & TcsFlags::DBGOPTIN.bits() == 0, refusal(Cause::TcsDbgoptin))?;
    let (cssa, nssa) = (tcs.cssa.get(), tcs.nssa.get());
    require(cssa < nssa, Refusal::new(Cause::TcsCssaNotBelowNssa, cssa.into()).expected(nssa))?;
    require(tcs.aep.get() == 0, refusal(Cause::TcsAepNonZero).found(tcs.aep.get()))?;
    require(tcs.state.get() == 0, refusal(Cause::TcsActive).found(tcs.state.get()))
}

#[cfg(test)]
mod tests;
