//! ENCLV[ESETCONTEXT]: gives an enclave the name that ERDINFO tells. SDM vol. 3D, leaf ESETCONTEXT, Operation.

use anyclave_arch::{Linear, PAGE_SIZE, PageType};
use anyclave_trace::Refusal;
use anyclave_trace::cause::EsetcontextCause as Cause;
use zerocopy::little_endian::U64;

use crate::encls::Context;
use crate::entropy::Entropy;
use crate::exit::{Exit, require};
use crate::frames::Frames;
use crate::locks::Lock;
use crate::space::{Access, AddressSpace};

/// RCX: the SECS; RDX: where the name is, eight bytes.
pub(super) fn esetcontext<F: Frames, E: Entropy, S: AddressSpace>(
    cpu: &mut Context<'_, F, E, S>,
    rcx: Linear,
    rdx: Linear,
) -> Result<(), Exit> {
    require(rcx.is_aligned(PAGE_SIZE), Refusal::new(Cause::RcxUnaligned, rcx.0))?;
    let page = cpu.epc_or(rcx, Access::Write, Refusal::new(Cause::RcxNotEpc, rcx.0))?;
    require(rdx.is_aligned(8), Refusal::new(Cause::RdxUnaligned, rdx.0))?;
    let context: U64 = cpu.copy_in(rdx)?;

    // the SECS
    cpu.lock(page, Lock::SHARED, Refusal::new(Cause::PageConflict, rcx.0))?;
    let entry = cpu.package.epcm.entry(page);
    require(entry.valid, Refusal::new(Cause::PageInvalid, rcx.0))?;
    require(entry.page_type == PageType::Secs, Refusal::new(Cause::PageNotSecs, rcx.0))?;

    cpu.package.with_secs(page, |secs| secs.enclavecontext = context);
    Ok(())
}

#[cfg(test)]
mod tests;
