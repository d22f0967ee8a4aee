//! ENCLS[EDBGRD]: reads eight bytes of a debug enclave, or whether a slot of a version array is in use.
//! SDM vol. 3D, leaf EDBGRD, Operation.

use anyclave_arch::tcs::TCS_LIMIT;
use anyclave_arch::{Flags, Linear, PageType};
use anyclave_trace::Refusal;
use anyclave_trace::cause::EdbgrdCause as Cause;
use zerocopy::little_endian::U64;

use super::Context;
use crate::entropy::Entropy;
use crate::exit::{Exit, require};
use crate::frames::Frames;
use crate::locks::Lock;
use crate::space::{Access, AddressSpace};

/// RCX: an address in the EPC. Gives the value for RBX. The rights of the page and BLOCKED do not matter.
pub(super) fn edbgrd<F: Frames, E: Entropy, S: AddressSpace>(
    cpu: &mut Context<'_, F, E, S>,
    rcx: Linear,
) -> Result<u64, Exit> {
    require(rcx.is_aligned(8), Refusal::new(Cause::RcxUnaligned, rcx.0))?;
    let at = cpu.epc_or(rcx, Access::Read, Refusal::new(Cause::RcxNotEpc, rcx.0))?;

    // the page
    cpu.lock(at, Lock::SHARED, Refusal::new(Cause::PageConflict, rcx.0))?;
    let entry = cpu.package.epcm.entry(at);
    require(entry.valid, Refusal::new(Cause::PageInvalid, rcx.0))?;
    let is_va = entry.page_type == PageType::Va;
    let readable = is_va || matches!(entry.page_type, PageType::Reg | PageType::Tcs);
    require(readable, Refusal::new(Cause::PageTypeInvalid, rcx.0))?;
    let settled = !entry.pending && !entry.modified;
    require(settled, Refusal::new(Cause::PageNotDebuggable, rcx.0))?;
    // the manual names a limit without a number; the last architectural field is taken for it
    let within = entry.page_type != PageType::Tcs || at.page_offset() < TCS_LIMIT;
    require(within, Refusal::new(Cause::TcsLimit, rcx.0).expected(TCS_LIMIT))?;

    // a version array shows only which slots are in use, and that to everyone
    let value = cpu.package.read_epc::<U64>(at).get();
    if is_va {
        return Ok(if value == 0 { 0 } else { u64::MAX });
    }
    let debug = cpu.package.load_secs(entry.secs).attributes.has(Flags::DEBUG);
    require(debug, Refusal::new(Cause::NotDebug, rcx.0))?;
    Ok(value)
}

#[cfg(test)]
mod tests;
