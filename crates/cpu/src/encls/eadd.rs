//! ENCLS[EADD]: adds a page to an enclave that is not yet initialised. SDM vol. 3D, leaf EADD, Operation.

use anyclave_arch::tcs::TcsFlags;
use anyclave_arch::{Attributes, Flags, Linear, PAGE_SIZE, PageInfo, PageType, SecInfo, SecInfoFlags, Tcs};
use anyclave_trace::Refusal;
use anyclave_trace::cause::EaddCause as Cause;
use zerocopy::little_endian::U64;
use zerocopy::{Immutable, IntoBytes};

use super::Context;
use crate::entropy::Entropy;
use crate::epcm::EpcmEntry;
use crate::exit::{Exit, require};
use crate::frames::Frames;
use crate::kernel::PAGE_BYTES;
use crate::locks::Lock;
use crate::package::Package;
use crate::secs::SecsPage;
use crate::space::{Access, AddressSpace};

/// SECINFO bits that only the processor gives to pages. The manual does not say what EADD makes of them;
/// no kernel sets them.
const STATE: SecInfoFlags = SecInfoFlags::PENDING.union(SecInfoFlags::MODIFIED).union(SecInfoFlags::PR);

/// The block that EADD measures.
#[derive(Immutable, IntoBytes)]
#[repr(C)]
struct Block {
    tag: [u8; 8],
    offset: U64,
    flags: U64,
    zero: [u8; 40],
}

/// RBX: PAGEINFO; RCX: a free EPC page.
pub(super) fn eadd<F: Frames, E: Entropy, S: AddressSpace>(
    cpu: &mut Context<'_, F, E, S>,
    rbx: Linear,
    rcx: Linear,
) -> Result<(), Exit> {
    require(rbx.is_aligned(32), Refusal::new(Cause::RbxUnaligned, rbx.0))?;
    require(rcx.is_aligned(PAGE_SIZE), Refusal::new(Cause::RcxUnaligned, rcx.0))?;
    let page = cpu.epc_or(rcx, Access::Write, Refusal::new(Cause::RcxNotEpc, rcx.0))?;

    // PAGEINFO
    let pageinfo: PageInfo = cpu.copy_in(rbx)?;
    let (srcpge, secinfo_at) = (Linear(pageinfo.srcpge.get()), Linear(pageinfo.secinfo.get()));
    let (linaddr, secs_at) = (Linear(pageinfo.linaddr.get()), Linear(pageinfo.secs.get()));
    require(srcpge.is_aligned(PAGE_SIZE), Refusal::new(Cause::SrcpgeUnaligned, srcpge.0))?;
    require(secs_at.is_aligned(PAGE_SIZE), Refusal::new(Cause::SecsUnaligned, secs_at.0))?;
    require(secinfo_at.is_aligned(64), Refusal::new(Cause::SecinfoUnaligned, secinfo_at.0))?;
    require(linaddr.is_aligned(PAGE_SIZE), Refusal::new(Cause::LinaddrUnaligned, linaddr.0))?;
    let secs_page = cpu.epc_or(secs_at, Access::Write, Refusal::new(Cause::SecsNotEpc, secs_at.0))?;

    // SECINFO
    let secinfo: SecInfo = cpu.copy_in(secinfo_at)?;
    let page_type = check_secinfo(&secinfo)?;

    // the destination, then the SECS
    cpu.lock(page, Lock::EXCLUSIVE, Refusal::new(Cause::PageConflict, rcx.0))?;
    require(!cpu.package.epcm.entry(page).valid, Refusal::new(Cause::PageValid, rcx.0))?;
    cpu.lock(secs_page, Lock::SHARED, Refusal::new(Cause::SecsConflict, secs_at.0))?;
    let secs_entry = cpu.package.epcm.entry(secs_page);
    require(secs_entry.valid, Refusal::new(Cause::SecsInvalid, secs_at.0))?;
    require(secs_entry.page_type == PageType::Secs, Refusal::new(Cause::SecsNotSecs, secs_at.0))?;
    let look = |secs: &mut SecsPage| (secs.attributes, secs.base(), secs.contains(linaddr));
    let (attributes, base, inside) = cpu.package.with_secs(secs_page, look);

    // the contents
    let contents: &mut [u8; PAGE_BYTES] = &mut cpu.package.transit.0;
    cpu.space.read(srcpge, contents)?;
    let mut rights = secinfo.bits();
    if page_type == PageType::Tcs {
        reset_tcs(attributes, contents)?;
        rights = SecInfoFlags::empty();
    } else {
        let readable = rights.contains(SecInfoFlags::R) || !rights.contains(SecInfoFlags::W);
        require(readable, Refusal::new(Cause::WriteWithoutRead, rights.bits()))?;
    }

    // the enclave
    let outside = Refusal::new(Cause::LinaddrOutside, linaddr.0).expected(base.0);
    require(inside, outside)?;
    cpu.lock(secs_page, Lock::MEASUREMENT, Refusal::new(Cause::MeasurementConflict, secs_at.0))?;
    let initialised = attributes.has(Flags::INIT);
    require(!initialised, Refusal::new(Cause::AlreadyInitialised, secs_at.0))?;

    let entry = EpcmEntry { rights, ..EpcmEntry::new(page_type, secs_page, linaddr) };
    let Package { frames, transit, .. } = &mut *cpu.package;
    frames.give(page, &mut transit.0);
    cpu.package.with_secs(secs_page, |secs| {
        measure(secs, linaddr, &SecInfo::new(page_type, rights));
        secs.child_count += 1;
    });
    cpu.package.set_entry(page, entry);
    Ok(())
}

/// Reserved bits, state bits, page type.
fn check_secinfo(secinfo: &SecInfo) -> Result<PageType, Exit> {
    let flags = secinfo.flags.get();
    require(!secinfo.has_reserved(), Refusal::new(Cause::SecinfoReserved, flags))?;
    require(!secinfo.bits().intersects(STATE), Refusal::new(Cause::SecinfoState, flags))?;
    match secinfo.page_type() {
        Some(page_type @ (PageType::Reg | PageType::Tcs)) => Ok(page_type),
        // shadow-stack pages need CET, which is not announced
        _ => Err(Refusal::new(Cause::PageTypeInvalid, flags).into()),
    }
}

/// Checks a TCS and gives it the state of a thread that never ran. FLAGS.AEXNOTIFY stays, and the reserved
/// bits of FLAGS are EENTER's to check.
fn reset_tcs(attributes: Attributes, contents: &mut [u8; PAGE_BYTES]) -> Result<(), Exit> {
    let tcs: &mut Tcs = zerocopy::transmute_mut!(contents);
    require(tcs.reserved.iter().all(|byte| *byte == 0), Refusal::new(Cause::TcsReserved, 0))?;
    if !attributes.has(Flags::MODE64BIT) {
        let (fs, gs) = (tcs.fslimit.get(), tcs.gslimit.get());
        require(fs & 0xfff == 0xfff, Refusal::new(Cause::TcsFsLimit, fs.into()))?;
        require(gs & 0xfff == 0xfff, Refusal::new(Cause::TcsGsLimit, gs.into()))?;
    }
    tcs.state = 0.into();
    tcs.flags &= !TcsFlags::DBGOPTIN.bits();
    tcs.cssa = 0.into();
    tcs.aep = 0.into();
    Ok(())
}

fn measure(secs: &mut SecsPage, linaddr: Linear, secinfo: &SecInfo) {
    let block = Block {
        tag: *b"EADD\0\0\0\0",
        offset: linaddr.0.wrapping_sub(secs.base().0).into(),
        flags: secinfo.flags,
        zero: [0; 40],
    };
    secs.measure(&[zerocopy::transmute!(block)]);
}

#[cfg(test)]
mod tests;
