//! ENCLS[EWB]: sends a page out of the EPC, encrypted. SDM vol. 3D, leaf EWB, Operation.
//!
//! A slot that is in use is told, but only behind the change: the page has gone, and the version that stood there
//! is lost.

use core::mem::offset_of;

use anyclave_arch::{EpcAddr, Linear, PAGE_SIZE, PageInfo, PageType, Pcmd};
use anyclave_trace::Refusal;
use anyclave_trace::cause::EwbCause as Cause;
use zerocopy::IntoBytes;
use zerocopy::little_endian::U64;

use super::Context;
use crate::entropy::Entropy;
use crate::epcm::EpcmEntry;
use crate::exit::{Exit, require};
use crate::frames::Frames;
use crate::locks::Lock;
use crate::package::Package;
use crate::paging::Header;
use crate::secs::SecsPage;
use crate::space::{Access, AddressSpace, PageFault};

/// RBX: PAGEINFO, of which LINADDR is written; RCX: the page; RDX: the slot of a version array for its version.
pub(super) fn ewb<F: Frames, E: Entropy, S: AddressSpace>(
    cpu: &mut Context<'_, F, E, S>,
    rbx: Linear,
    rcx: Linear,
    rdx: Linear,
) -> Result<(), Exit> {
    require(rbx.is_aligned(32), Refusal::new(Cause::RbxUnaligned, rbx.0))?;
    require(rcx.is_aligned(PAGE_SIZE), Refusal::new(Cause::RcxUnaligned, rcx.0))?;
    let page = cpu.epc_or(rcx, Access::Write, Refusal::new(Cause::RcxNotEpc, rcx.0))?;
    require(rdx.is_aligned(8), Refusal::new(Cause::RdxUnaligned, rdx.0))?;
    let slot = cpu.epc_or(rdx, Access::Write, Refusal::new(Cause::RdxNotEpc, rdx.0))?;
    require(slot.page() != page, Refusal::new(Cause::SlotInPage, rdx.0))?;

    // PAGEINFO
    let pageinfo: PageInfo = cpu.copy_in(rbx)?;
    let (srcpge, pcmd_at) = (Linear(pageinfo.srcpge.get()), Linear(pageinfo.secinfo.get()));
    let (linaddr, secs) = (pageinfo.linaddr.get(), pageinfo.secs.get());
    require(linaddr == 0, Refusal::new(Cause::LinaddrNonZero, linaddr))?;
    require(secs == 0, Refusal::new(Cause::SecsNonZero, secs))?;
    require(pcmd_at.is_aligned(128), Refusal::new(Cause::PcmdUnaligned, pcmd_at.0))?;
    require(srcpge.is_aligned(PAGE_SIZE), Refusal::new(Cause::SrcpgeUnaligned, srcpge.0))?;

    // the page and the version array
    cpu.lock(page, Lock::EXCLUSIVE, Refusal::new(Cause::PageConflict, rcx.0))?;
    cpu.lock(slot, Lock::SHARED, Refusal::new(Cause::VaConflict, rdx.0))?;
    let entry = cpu.package.epcm.entry(page);
    require(entry.valid, Refusal::new(Cause::PageInvalid, rcx.0))?;
    let array = cpu.package.epcm.entry(slot);
    require(array.valid, Refusal::new(Cause::VaInvalid, rdx.0))?;
    require(array.page_type == PageType::Va, Refusal::new(Cause::VaNotVa, rdx.0))?;
    let bound = check_page(cpu, rcx, page, &entry)?;

    // ordinary memory can be written, so that nothing fails any more
    output(cpu, srcpge, Cause::SrcpgeInEpc)?;
    output(cpu, pcmd_at, Cause::PcmdInEpc)?;
    cpu.space.translate(rbx, Access::Write)?;

    let (header_eid, enclaveid) = bound;
    let version = cpu.package.paging.new_version();
    let header = Header::new(entry.secinfo(), header_eid, entry.address.0, [0; 40]);
    let linaddr_at = rbx.offset(offset_of!(PageInfo, linaddr) as u64);
    send(cpu, page, [srcpge, pcmd_at, linaddr_at], version, (&header, enclaveid))?;

    let replaced = cpu.package.read_epc::<U64>(slot).get();
    cpu.package.write_epc(slot, &version.to_le_bytes());
    if entry.is_child() {
        cpu.package.with_secs(entry.secs, |secs| secs.child_count -= 1);
    }
    cpu.package.set_entry(page, EpcmEntry::INVALID);
    require(replaced == 0, Refusal::new(Cause::SlotOccupied, rdx.0).found(replaced))
}

/// Whether a page of its type may go. Gives the EID that it is bound to, and the one that PCMD tells.
fn check_page<F: Frames, E: Entropy, S: AddressSpace>(
    cpu: &mut Context<'_, F, E, S>,
    rcx: Linear,
    page: EpcAddr,
    entry: &EpcmEntry,
) -> Result<(u64, u64), Exit> {
    if entry.is_child() {
        require(entry.blocked, Refusal::new(Cause::PageNotBlocked, rcx.0))?;
        let (eid, epoch) = cpu.package.with_secs(entry.secs, |secs| (secs.eid.get(), secs.epoch.get()));
        let tracked = entry.mark.is_none_or(|mark| cpu.package.slots.is_tracked(eid, epoch, mark));
        require(tracked, Refusal::new(Cause::NotTracked, rcx.0).found(epoch))?;
        return Ok((eid, eid));
    }
    if entry.page_type == PageType::Va {
        return Ok((0, 0));
    }
    let look = |secs: &mut SecsPage| (secs.eid.get(), secs.child_count.get(), secs.virtchild_count.get());
    let (eid, children, elsewhere) = cpu.package.with_secs(page, look);
    require(children == 0, Refusal::new(Cause::ChildPresent, rcx.0).found(children))?;
    let kept = cpu.processor.epc_virtualization && elsewhere != 0;
    require(!kept, Refusal::new(Cause::VirtualChildPresent, rcx.0).found(elsewhere))?;
    // who evicts it names no SECS when it comes back
    Ok((0, eid))
}

/// Encrypts the page where it lies, since nothing is left of it there anyway, and writes it out, PCMD and LINADDR
/// behind it.
fn send<F: Frames, E: Entropy, S: AddressSpace>(
    cpu: &mut Context<'_, F, E, S>,
    page: EpcAddr,
    [srcpge, pcmd_at, linaddr_at]: [Linear; 3],
    version: u64,
    (header, enclaveid): (&Header, u64),
) -> Result<(), PageFault> {
    let Package { frames, paging, .. } = &mut *cpu.package;
    let space = &mut *cpu.space;
    frames.with(page, |contents| {
        let mac = paging.encrypt(version, header, contents);
        let pcmd = Pcmd { secinfo: header.secinfo, enclaveid: enclaveid.into(), reserved: [0; 40], mac };
        let written = space.write(srcpge, contents);
        let written = written.and_then(|()| space.write(pcmd_at, pcmd.as_bytes()));
        let written = written.and_then(|()| space.write(linaddr_at, header.linaddr.as_bytes()));
        written.inspect_err(|_| {
            // An address space that has changed its mind: the page stays as it was.
            let _same_key = paging.decrypt(version, header, contents, &mac);
        })
    })
}

/// Finds out whether ordinary memory can be written, all of which lies in one page.
fn output<F: Frames, E: Entropy, S: AddressSpace>(
    cpu: &mut Context<'_, F, E, S>,
    at: Linear,
    in_epc: Cause,
) -> Result<(), Exit> {
    let target = cpu.epc(at, Access::Write)?;
    require(target.is_none(), Refusal::new(in_epc, at.0))
}

#[cfg(test)]
mod tests;
