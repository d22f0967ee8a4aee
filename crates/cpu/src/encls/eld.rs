//! ENCLS[ELDB], ENCLS[ELDU], ENCLS[ELDBC], ENCLS[ELDUC]: bring a page back into the EPC. SDM vol. 3D, leaves
//! ELDB/ELDU/ELDBC/ELDUC, Operation.
//!
//! The four are one flow: ELDB and ELDBC leave the page blocked, as it was when it went, and the two that end in C
//! report a conflict instead of faulting.

use anyclave_arch::{EpcAddr, Linear, PAGE_SIZE, PageInfo, PageType, Pcmd, SecInfo};
use anyclave_trace::cause::{EldbCause, EldbcCause, ElduCause, ElducCause};
use anyclave_trace::{Cause, Refusal};
use zerocopy::little_endian::U64;

use super::Context;
use crate::entropy::Entropy;
use crate::epcm::EpcmEntry;
use crate::exit::{Exit, require};
use crate::frames::Frames;
use crate::locks::Lock;
use crate::package::Package;
use crate::paging::Header;
use crate::space::{Access, AddressSpace};

/// What a leaf calls each failing check.
struct LoadCauses<C> {
    rbx_unaligned: C,
    rcx_unaligned: C,
    rcx_not_epc: C,
    rdx_unaligned: C,
    rdx_not_epc: C,
    pcmd_unaligned: C,
    srcpge_unaligned: C,
    page_conflict: C,
    va_conflict: C,
    page_valid: C,
    va_invalid: C,
    va_not_va: C,
    secs_unaligned: C,
    secs_not_epc: C,
    secs_conflict: C,
    secs_invalid: C,
    secs_not_secs: C,
    secs_non_zero: C,
    mac_mismatch: C,
}

/// The checks by the names of one leaf.
macro_rules! causes {
    ($cause:ident) => {
        LoadCauses {
            rbx_unaligned: $cause::RbxUnaligned,
            rcx_unaligned: $cause::RcxUnaligned,
            rcx_not_epc: $cause::RcxNotEpc,
            rdx_unaligned: $cause::RdxUnaligned,
            rdx_not_epc: $cause::RdxNotEpc,
            pcmd_unaligned: $cause::PcmdUnaligned,
            srcpge_unaligned: $cause::SrcpgeUnaligned,
            page_conflict: $cause::PageConflict,
            va_conflict: $cause::VaConflict,
            page_valid: $cause::PageValid,
            va_invalid: $cause::VaInvalid,
            va_not_va: $cause::VaNotVa,
            secs_unaligned: $cause::SecsUnaligned,
            secs_not_epc: $cause::SecsNotEpc,
            secs_conflict: $cause::SecsConflict,
            secs_invalid: $cause::SecsInvalid,
            secs_not_secs: $cause::SecsNotSecs,
            secs_non_zero: $cause::SecsNonZero,
            mac_mismatch: $cause::MacMismatch,
        }
    };
}

/// RBX: PAGEINFO; RCX: a free EPC page; RDX: the slot with the page's version, which becomes empty.
pub(super) fn eldb<F: Frames, E: Entropy, S: AddressSpace>(
    cpu: &mut Context<'_, F, E, S>,
    operands: [Linear; 3],
) -> Result<(), Exit> {
    load(cpu, operands, true, &causes!(EldbCause))
}

/// As ELDB, but the page is not blocked.
pub(super) fn eldu<F: Frames, E: Entropy, S: AddressSpace>(
    cpu: &mut Context<'_, F, E, S>,
    operands: [Linear; 3],
) -> Result<(), Exit> {
    load(cpu, operands, false, &causes!(ElduCause))
}

/// As ELDB; conflicts have a code.
pub(super) fn eldbc<F: Frames, E: Entropy, S: AddressSpace>(
    cpu: &mut Context<'_, F, E, S>,
    operands: [Linear; 3],
) -> Result<(), Exit> {
    load(cpu, operands, true, &causes!(EldbcCause))
}

/// As ELDU; conflicts have a code.
pub(super) fn elduc<F: Frames, E: Entropy, S: AddressSpace>(
    cpu: &mut Context<'_, F, E, S>,
    operands: [Linear; 3],
) -> Result<(), Exit> {
    load(cpu, operands, false, &causes!(ElducCause))
}

fn load<F: Frames, E: Entropy, S: AddressSpace, C: Copy + Into<Cause>>(
    cpu: &mut Context<'_, F, E, S>,
    [rbx, rcx, rdx]: [Linear; 3],
    blocked: bool,
    causes: &LoadCauses<C>,
) -> Result<(), Exit> {
    require(rbx.is_aligned(32), Refusal::new(causes.rbx_unaligned, rbx.0))?;
    require(rcx.is_aligned(PAGE_SIZE), Refusal::new(causes.rcx_unaligned, rcx.0))?;
    let page = cpu.epc_or(rcx, Access::Write, Refusal::new(causes.rcx_not_epc, rcx.0))?;
    require(rdx.is_aligned(8), Refusal::new(causes.rdx_unaligned, rdx.0))?;
    let slot = cpu.epc_or(rdx, Access::Write, Refusal::new(causes.rdx_not_epc, rdx.0))?;

    // PAGEINFO
    let pageinfo: PageInfo = cpu.copy_in(rbx)?;
    let (srcpge, pcmd_at) = (Linear(pageinfo.srcpge.get()), Linear(pageinfo.secinfo.get()));
    let (linaddr, secs_at) = (Linear(pageinfo.linaddr.get()), Linear(pageinfo.secs.get()));
    require(pcmd_at.is_aligned(128), Refusal::new(causes.pcmd_unaligned, pcmd_at.0))?;
    require(srcpge.is_aligned(PAGE_SIZE), Refusal::new(causes.srcpge_unaligned, srcpge.0))?;

    // the destination and the version array
    cpu.lock(page, Lock::EXCLUSIVE, Refusal::new(causes.page_conflict, rcx.0))?;
    cpu.lock(slot, Lock::SHARED, Refusal::new(causes.va_conflict, rdx.0))?;
    require(!cpu.package.epcm.entry(page).valid, Refusal::new(causes.page_valid, rcx.0))?;
    let array = cpu.package.epcm.entry(slot);
    require(array.valid, Refusal::new(causes.va_invalid, rdx.0))?;
    require(array.page_type == PageType::Va, Refusal::new(causes.va_not_va, rdx.0))?;

    // what PCMD says it is, and whose
    let pcmd: Pcmd = cpu.copy_in(pcmd_at)?;
    let page_type = pcmd.secinfo.page_type();
    let (owner, eid) = if page_type.is_some_and(PageType::is_child) {
        let secs = owner(cpu, secs_at, causes)?;
        (secs, cpu.package.with_secs(secs, |secs| secs.eid.get()))
    } else {
        require(secs_at.0 == 0, Refusal::new(causes.secs_non_zero, secs_at.0))?;
        let itself = page_type == Some(PageType::Secs);
        (if itself { page } else { EpcAddr(0) }, 0)
    };

    // the page; one of no known type has never been written out
    cpu.space.read(srcpge, cpu.package.transit.0.as_mut_slice())?;
    let version = cpu.package.read_epc::<U64>(slot).get();
    let header = Header::new(pcmd.secinfo, eid, linaddr.0, pcmd.reserved);
    let Package { paging, transit, .. } = &mut *cpu.package;
    let decrypted = paging.decrypt(version, &header, &mut transit.0, &pcmd.mac);
    let Some(page_type) = page_type.filter(|_| decrypted.is_ok()) else {
        return Err(Refusal::new(causes.mac_mismatch, rcx.0).found(version).into());
    };

    let entry = entry(&pcmd.secinfo, page_type, owner, linaddr, blocked);
    let Package { frames, transit, .. } = &mut *cpu.package;
    frames.give(page, &mut transit.0);
    cpu.package.write_epc(slot, &[0; 8]);
    if page_type.is_child() {
        cpu.package.with_secs(owner, |secs| secs.child_count += 1);
    } else if page_type == PageType::Secs {
        cpu.package.with_secs(page, |secs| secs.enclavecontext.set(page.0));
    }
    cpu.package.set_entry(page, entry);
    Ok(())
}

/// The SECS that PAGEINFO names. That it is one is not in the manual's flow, and cannot be left out.
fn owner<F: Frames, E: Entropy, S: AddressSpace, C: Copy + Into<Cause>>(
    cpu: &mut Context<'_, F, E, S>,
    at: Linear,
    causes: &LoadCauses<C>,
) -> Result<EpcAddr, Exit> {
    require(at.is_aligned(PAGE_SIZE), Refusal::new(causes.secs_unaligned, at.0))?;
    let secs = cpu.epc_or(at, Access::Write, Refusal::new(causes.secs_not_epc, at.0))?;
    cpu.lock(secs, Lock::SHARED, Refusal::new(causes.secs_conflict, at.0))?;
    let entry = cpu.package.epcm.entry(secs);
    require(entry.valid, Refusal::new(causes.secs_invalid, at.0))?;
    require(entry.page_type == PageType::Secs, Refusal::new(causes.secs_not_secs, at.0))?;
    Ok(secs)
}

/// The page as it was. What was waited for before it went is gone, so that it bears no mark.
fn entry(secinfo: &SecInfo, page_type: PageType, secs: EpcAddr, address: Linear, blocked: bool) -> EpcmEntry {
    let blocked = blocked && page_type.is_child();
    EpcmEntry { blocked, ..EpcmEntry::new(page_type, secs, address).with_flags(secinfo.bits()) }
}

#[cfg(test)]
mod tests;
