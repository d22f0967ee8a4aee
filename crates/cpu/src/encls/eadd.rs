//! ENCLS[EADD]: adds a page to an enclave that is not yet initialised. SDM vol. 3D, leaf EADD, Operation.

use anyclave_arch::secs::Secs;
use anyclave_arch::tcs::{Tcs, TcsFlags};
use anyclave_arch::{Flags, Linear, PageInfo, PageType, SecInfo, SecInfoFlags};
use anyclave_trace::Refusal;
use anyclave_trace::cause::EaddCause as Cause;
use zerocopy::{FromZeros, IntoBytes};

use super::Context;
use crate::entropy::Entropy;
use crate::epcm::EpcmEntry;
use crate::exit::Exit;
use crate::frames::Frames;
use crate::space::{Access, AddressSpace};

const PAGE: usize = size_of::<Secs>();

/// RBX: PAGEINFO; RCX: a free EPC page.
pub(super) fn eadd<F: Frames, E: Entropy, S: AddressSpace>(
    cpu: &mut Context<'_, F, E, S>,
    rbx: Linear,
    rcx: Linear,
) -> Result<(), Exit> {
    // operands: alignment, then the EPC
    if !rbx.is_aligned(32) {
        return Err(Refusal::new(Cause::RbxUnaligned, rbx.0).into());
    }
    if !rcx.is_aligned(4096) {
        return Err(Refusal::new(Cause::RcxUnaligned, rcx.0).into());
    }
    let page = cpu.epc(rcx, Access::Write)?.ok_or(Refusal::new(Cause::RcxNotEpc, rcx.0))?;
    todo!("{page:?}")
}
