//! ENCLS[EDBGWR]: writes eight bytes of a debug enclave. SDM vol. 3D, leaf EDBGWR, Operation.

use core::mem::offset_of;

use anyclave_arch::{Flags, Linear, PageType, Tcs};
use anyclave_trace::Refusal;
use anyclave_trace::cause::EdbgwrCause as Cause;

use super::Context;
use crate::entropy::Entropy;
use crate::exit::{Exit, require};
use crate::frames::Frames;
use crate::locks::Lock;
use crate::package::offset_in_page;
use crate::space::{Access, AddressSpace};

/// RBX: the value; RCX: an address in the EPC. The value is not filtered: reserved bits in TCS.FLAGS make
/// the next EENTER fault.
pub(super) fn edbgwr<F: Frames, E: Entropy, S: AddressSpace>(
    cpu: &mut Context<'_, F, E, S>,
    rbx: u64,
    rcx: Linear,
) -> Result<(), Exit> {
    require(rcx.is_aligned(8), Refusal::new(Cause::RcxUnaligned, rcx.0))?;
    let at = cpu.epc_or(rcx, Access::Write, Refusal::new(Cause::RcxNotEpc, rcx.0))?;

    // the page
    cpu.lock(at, Lock::SHARED, Refusal::new(Cause::PageConflict, rcx.0))?;
    let entry = cpu.package.epcm.entry(at);
    require(entry.valid, Refusal::new(Cause::PageInvalid, rcx.0))?;
    let writable = matches!(entry.page_type, PageType::Reg | PageType::Tcs);
    require(writable, Refusal::new(Cause::PageTypeInvalid, rcx.0))?;
    let settled = !entry.pending && !entry.modified;
    require(settled, Refusal::new(Cause::PageNotDebuggable, rcx.0))?;
    let at_flags = offset_in_page(at) == offset_of!(Tcs, flags);
    let permitted = entry.page_type != PageType::Tcs || at_flags;
    require(permitted, Refusal::new(Cause::TcsNotFlags, rcx.0))?;

    // the enclave
    let debug = cpu.package.load_secs(entry.secs).attributes.has(Flags::DEBUG);
    require(debug, Refusal::new(Cause::NotDebug, rcx.0))?;

    cpu.package.frames.write(at.page(), offset_in_page(at), &rbx.to_le_bytes());
    Ok(())
}

#[cfg(test)]
mod tests;
