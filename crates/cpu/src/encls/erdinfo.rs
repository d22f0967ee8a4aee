//! ENCLS[ERDINFO]: tells type and state of an EPC page. SDM vol. 3D, leaf ERDINFO, Operation.
//!
//! The manual's prose fills RDINFO.STATUS also for a page that is not in use; its operation does not, and neither
//! does this.

use anyclave_arch::rdinfo::{BLOCKED, RdInfo, RdInfoStatus};
use anyclave_arch::{Linear, PAGE_SIZE, PageType};
use anyclave_trace::Refusal;
use anyclave_trace::cause::ErdinfoCause as Cause;
use zerocopy::IntoBytes;

use super::Context;
use crate::entropy::Entropy;
use crate::exit::{Exit, require};
use crate::frames::Frames;
use crate::locks::Lock;
use crate::secs::SecsPage;
use crate::space::{Access, AddressSpace};

/// RBX: where RDINFO is written; RCX: an address in the EPC.
pub(super) fn erdinfo<F: Frames, E: Entropy, S: AddressSpace>(
    cpu: &mut Context<'_, F, E, S>,
    rbx: Linear,
    rcx: Linear,
) -> Result<(), Exit> {
    require(rbx.is_aligned(32), Refusal::new(Cause::RbxUnaligned, rbx.0))?;
    require(rcx.is_aligned(PAGE_SIZE), Refusal::new(Cause::RcxUnaligned, rcx.0))?;
    let page = cpu.epc_or(rcx, Access::Read, Refusal::new(Cause::RcxNotEpc, rcx.0))?;

    // the page
    cpu.lock(page, Lock::SHARED, Refusal::new(Cause::PageConflict, rcx.0))?;
    let entry = cpu.package.epcm.entry(page);
    require(entry.valid, Refusal::new(Cause::PageInvalid, rcx.0))?;

    let blocked = if entry.blocked { BLOCKED } else { 0 };
    let flags = entry.secinfo().flags | blocked;
    let mut info = RdInfo { flags, ..RdInfo::default() };
    if entry.page_type != PageType::Va {
        let virtualised = cpu.processor.epc_virtualization;
        // the entry of a SECS names itself
        let look = |secs: &mut SecsPage| (secs.enclavecontext, status(secs, virtualised));
        let (context, status) = cpu.package.with_secs(entry.secs, look);
        info.enclavecontext = context;
        if entry.page_type == PageType::Secs {
            info.status = status.bits().into();
        }
    }
    cpu.space.write(rbx, info.as_bytes())?;
    Ok(())
}

/// In a virtual machine both kinds of children are one: a guest does not know of the second.
fn status(secs: &SecsPage, virtualised: bool) -> RdInfoStatus {
    let (children, elsewhere) = (secs.child_count.get() != 0, secs.virtchild_count.get() != 0);
    let mut status = RdInfoStatus::empty();
    status.set(RdInfoStatus::CHILDPRESENT, children || virtualised && elsewhere);
    status.set(RdInfoStatus::VIRTCHILDPRESENT, !virtualised && elsewhere);
    status
}

#[cfg(test)]
mod tests;
