//! ENCLS[ECREATE]: makes a free EPC page the SECS of a new enclave. SDM vol. 3D, leaf ECREATE, Operation.

use anyclave_arch::attributes::XFRM_LEGACY;
use anyclave_arch::ssa::{GPRSGX_SIZE, misc_size};
use anyclave_arch::{EpcAddr, Flags, Linear, MiscSelect, PAGE_SIZE, PageInfo, PageType, SecInfo, Secs};
use anyclave_crypto::Measurement;
use anyclave_trace::Refusal;
use anyclave_trace::cause::EcreateCause as Cause;
use zerocopy::little_endian::{U32, U64};
use zerocopy::{Immutable, IntoBytes};

use super::Context;
use crate::config::Config;
use crate::entropy::Entropy;
use crate::epcm::EpcmEntry;
use crate::exit::{Exit, require};
use crate::frames::Frames;
use crate::locks::Lock;
use crate::secs::SecsPage;
use crate::space::{Access, AddressSpace};

/// The block that ECREATE measures. The base address and the attributes are not part of it.
#[derive(Immutable, IntoBytes)]
#[repr(C)]
struct Block {
    tag: [u8; 8],
    ssaframesize: U32,
    size: U64,
    cet_leg_bitmap_offset: U64,
    zero: [u8; 36],
}

/// RBX: PAGEINFO; RCX: a free EPC page.
pub(super) fn ecreate<F: Frames, E: Entropy, S: AddressSpace>(
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
    let (linaddr, secs_at) = (pageinfo.linaddr.get(), pageinfo.secs.get());
    require(srcpge.is_aligned(PAGE_SIZE), Refusal::new(Cause::SrcpgeUnaligned, srcpge.0))?;
    require(secinfo_at.is_aligned(64), Refusal::new(Cause::SecinfoUnaligned, secinfo_at.0))?;
    require(linaddr == 0, Refusal::new(Cause::LinaddrNonZero, linaddr))?;
    require(secs_at == 0, Refusal::new(Cause::SecsNonZero, secs_at))?;

    // SECINFO; its rights and state bits have no effect on a SECS and are not restricted
    let secinfo: SecInfo = cpu.copy_in(secinfo_at)?;
    let flags = secinfo.flags.get();
    require(!secinfo.has_reserved(), Refusal::new(Cause::SecinfoReserved, flags))?;
    let is_secs = secinfo.page_type() == Some(PageType::Secs);
    require(is_secs, Refusal::new(Cause::SecinfoNotSecs, flags))?;

    // the destination
    cpu.lock(page, Lock::EXCLUSIVE, Refusal::new(Cause::PageConflict, rcx.0))?;
    require(!cpu.package.epcm.entry(page).valid, Refusal::new(Cause::PageValid, rcx.0))?;

    // the SECS
    let secs: Secs = cpu.copy_in(srcpge)?;
    check_features(&cpu.package.config, &secs)?;
    check_range(&cpu.package.config, &secs)?;
    check_rest(&cpu.package.config, &secs)?;

    create(cpu, page, &secs);
    Ok(())
}

/// XFRM, CET, MISCSELECT, and the SSA frame that they ask for.
fn check_features(config: &Config, secs: &Secs) -> Result<(), Exit> {
    let xfrm = secs.attributes.xfrm.get();
    let lacking = Refusal::new(Cause::XfrmWithoutLegacy, xfrm).expected(XFRM_LEGACY);
    require(xfrm & XFRM_LEGACY == XFRM_LEGACY, lacking)?;
    let unsupported = Refusal::new(Cause::XfrmUnsupported, xfrm).expected(config.xfrm);
    require(xfrm & !config.xfrm == 0, unsupported)?;
    require(is_legal_xcr0(xfrm), Refusal::new(Cause::XfrmIllegal, xfrm))?;

    let has_cet = secs.cet_leg_bitmap_offset.get() != 0 || secs.cet_attributes != 0;
    let cet_legal = secs.attributes.has(Flags::CET) || !has_cet;
    require(cet_legal, Refusal::new(Cause::CetNonZero, secs.cet_leg_bitmap_offset.get()))?;

    let miscselect = MiscSelect::from_bits_retain(secs.miscselect.get());
    let unsupported = Refusal::new(Cause::MiscselectUnsupported, miscselect.bits().into())
        .expected(config.miscselect.bits());
    require(config.miscselect.contains(miscselect), unsupported)?;

    let xsave = u64::try_from(config.xsave.size(xfrm)).unwrap_or(u64::MAX);
    let needed = xsave.saturating_add(misc_size(miscselect) + GPRSGX_SIZE);
    let frame = u64::from(secs.ssaframesize.get()) * PAGE_SIZE;
    let too_small = Refusal::new(Cause::SsaFrameTooSmall, secs.ssaframesize.get().into());
    require(needed <= frame, too_small.expected(needed).found(frame))
}

/// ELRANGE.
fn check_range(config: &Config, secs: &Secs) -> Result<(), Exit> {
    let (base, size) = (Linear(secs.base.get()), secs.size.get());
    let max_size = if secs.attributes.has(Flags::MODE64BIT) {
        require(base.is_canonical(), Refusal::new(Cause::BaseNotCanonical, base.0))?;
        config.max_size_64
    } else {
        require(base.0 < 1 << 32, Refusal::new(Cause::BaseAbove4G, base.0))?;
        config.max_size_32
    };
    // the announced maximum itself is refused
    let limit = 1_u64.checked_shl(max_size.into()).unwrap_or(u64::MAX);
    require(size < limit, Refusal::new(Cause::SizeTooLarge, size).expected(limit))?;
    require(size >= 2 * PAGE_SIZE, Refusal::new(Cause::SizeTooSmall, size).expected(2 * PAGE_SIZE))?;
    require(size.is_power_of_two(), Refusal::new(Cause::SizeNotPowerOfTwo, size))?;
    require(base.is_aligned(size), Refusal::new(Cause::BaseUnaligned, base.0).expected(size))
}

/// ATTRIBUTES.FLAGS, reserved bytes, KSS.
fn check_rest(config: &Config, secs: &Secs) -> Result<(), Exit> {
    let flags = secs.attributes.flags();
    // INIT is the processor's alone, whatever CPUID were to say
    let settable = config.attributes - Flags::INIT;
    let unsupported = Refusal::new(Cause::AttributesUnsupported, flags.bits()).expected(settable.bits());
    require(settable.contains(flags), unsupported)?;

    let reserved: [&[u8]; 4] = [&secs.reserved1, &secs.reserved2, &secs.reserved3, &secs.reserved4];
    let is_zero = |bytes: &[u8]| bytes.iter().all(|byte| *byte == 0);
    require(reserved.into_iter().all(is_zero), Refusal::new(Cause::ReservedNonZero, 0))?;

    let configured = secs.configid != [0; 64] || secs.configsvn.get() != 0;
    let refusal = Refusal::new(Cause::ConfigWithoutKss, flags.bits()).expected(Flags::KSS.bits());
    require(flags.contains(Flags::KSS) || !configured, refusal)
}

/// Whether XSETBV would take the value: components that depend on others come with them.
const fn is_legal_xcr0(xcr0: u64) -> bool {
    const SSE: u64 = 1 << 1;
    const AVX: u64 = 1 << 2;
    const MPX: u64 = 3 << 3;
    const AVX512: u64 = 7 << 5;
    const AMX: u64 = 3 << 17;
    const fn all_or_none(value: u64, bits: u64) -> bool {
        value & bits == 0 || value & bits == bits
    }
    xcr0 & 1 == 1
        && xcr0 >> 63 == 0
        && (xcr0 & AVX == 0 || xcr0 & SSE != 0)
        && (xcr0 & AVX512 == 0 || xcr0 & AVX != 0)
        && all_or_none(xcr0, MPX)
        && all_or_none(xcr0, AVX512)
        && all_or_none(xcr0, AMX)
}

/// The enclave comes to be.
fn create<F: Frames, E: Entropy, S: AddressSpace>(
    cpu: &mut Context<'_, F, E, S>,
    page: EpcAddr,
    source: &Secs,
) {
    let package = &mut *cpu.package;
    let eid = package.next_eid;
    package.next_eid += 1;

    let block = Block {
        tag: *b"ECREATE\0",
        ssaframesize: source.ssaframesize,
        size: source.size,
        cet_leg_bitmap_offset: source.cet_leg_bitmap_offset,
        zero: [0; 36],
    };
    let mut measurement = Measurement::new();
    measurement.update(&zerocopy::transmute!(block));

    let mut secs = SecsPage::from_source(source);
    secs.set_measurement(&measurement);
    secs.eid.set(eid);
    secs.enclavecontext.set(page.0);

    package.frames.enclave_created(eid, page);
    package.frames.zero(page);
    package.store_secs(page, &secs);
    package.set_entry(page, EpcmEntry::new(PageType::Secs, page, Linear(0)));
}

#[cfg(test)]
mod tests;
