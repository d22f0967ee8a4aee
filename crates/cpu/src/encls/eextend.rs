//! ENCLS[EEXTEND]: measures 256 bytes of an enclave that is not yet initialised.
//! SDM vol. 3D, leaf EEXTEND, Operation.

use anyclave_arch::{Flags, Linear, PAGE_SIZE, PageType};
use anyclave_trace::Refusal;
use anyclave_trace::cause::EextendCause as Cause;
use zerocopy::little_endian::U64;
use zerocopy::{Immutable, IntoBytes};

use super::Context;
use crate::entropy::Entropy;
use crate::exit::{Exit, require};
use crate::frames::Frames;
use crate::locks::Lock;
use crate::package::offset_in_page;
use crate::secs::SecsPage;
use crate::space::{Access, AddressSpace};

/// Bytes that one EEXTEND measures.
const CHUNK: u64 = 256;

/// The block that EEXTEND measures before the bytes themselves.
#[derive(Immutable, IntoBytes)]
#[repr(C)]
struct Block {
    tag: [u8; 8],
    offset: U64,
    zero: [u8; 48],
}

/// RBX: SECS; RCX: the first of 256 bytes in a page of its enclave.
pub(super) fn eextend<F: Frames, E: Entropy, S: AddressSpace>(
    cpu: &mut Context<'_, F, E, S>,
    rbx: Linear,
    rcx: Linear,
) -> Result<(), Exit> {
    require(rbx.is_aligned(PAGE_SIZE), Refusal::new(Cause::RbxUnaligned, rbx.0))?;
    let secs_page = cpu.epc_or(rbx, Access::Write, Refusal::new(Cause::RbxNotEpc, rbx.0))?;
    require(rcx.is_aligned(CHUNK), Refusal::new(Cause::RcxUnaligned, rcx.0))?;
    let chunk = cpu.epc_or(rcx, Access::Read, Refusal::new(Cause::RcxNotEpc, rcx.0))?;

    // the page
    cpu.lock(chunk, Lock::SHARED, Refusal::new(Cause::PageConflict, rcx.0))?;
    let entry = cpu.package.epcm.entry(chunk);
    require(entry.valid, Refusal::new(Cause::PageInvalid, rcx.0))?;
    let measurable = matches!(entry.page_type, PageType::Reg | PageType::Tcs);
    require(measurable, Refusal::new(Cause::PageTypeInvalid, rcx.0))?;

    // its owner; that RBX is a SECS follows from being one
    let stranger = Refusal::new(Cause::PageOfOther, rcx.0).expected(secs_page.0).found(entry.secs.0);
    require(entry.secs == secs_page, stranger)?;
    cpu.lock(secs_page, Lock::MEASUREMENT, Refusal::new(Cause::MeasurementConflict, rbx.0))?;
    let look = |secs: &mut SecsPage| (secs.attributes.has(Flags::INIT), secs.base());
    let (initialised, base) = cpu.package.with_secs(secs_page, look);
    require(!initialised, Refusal::new(Cause::AlreadyInitialised, rbx.0))?;

    // the bytes as they stand in the EPC, so a TCS counts as EADD has left it
    let at = entry.address.offset(chunk.page_offset());
    let offset = at.0.wrapping_sub(base.0).into();
    let block = Block { tag: *b"EEXTEND\0", offset, zero: [0; 48] };
    let mut blocks = [zerocopy::transmute!(block), [0; 64], [0; 64], [0; 64], [0; 64]];
    let [_, bytes @ ..] = &mut blocks;
    cpu.package.frames.read(chunk.page(), offset_in_page(chunk), bytes.as_flattened_mut());
    cpu.package.with_secs(secs_page, |secs| secs.measure(&blocks));
    Ok(())
}

#[cfg(test)]
mod tests;
