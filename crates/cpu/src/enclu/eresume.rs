//! ENCLU[ERESUME]: goes on with what an asynchronous exit interrupted. SDM vol. 3D, leaf ERESUME, Operation,
//! for threads without AEX-Notify.

use core::mem::offset_of;

use anyclave_arch::ssa::GprSgx;
use anyclave_arch::{Linear, Tcs};
use anyclave_trace::Refusal;
use anyclave_trace::cause::EresumeCause as Cause;
use zerocopy::IntoBytes;

use super::page::PageCauses;
use super::thread::{Thread, ThreadCauses};
use crate::encls::Context;
use crate::entropy::Entropy;
use crate::exit::{Exit, require};
use crate::frames::Frames;
use crate::space::AddressSpace;
use crate::ssa::GPRSGX;
use crate::state::{Gprs, State};
use crate::xsave::{MXCSR_DEFINED, SavedHeader};

/// This leaf's names for the checks that both entries make.
const CAUSES: ThreadCauses<Cause> = ThreadCauses {
    rbx_unaligned: Cause::RbxUnaligned,
    rbx_not_canonical: Cause::RbxNotCanonical,
    rbx_not_epc: Cause::RbxNotEpc,
    aep_not_canonical: Cause::AepNotCanonical,
    conflict: Cause::TcsConflict,
    invalid: Cause::TcsInvalid,
    blocked: Cause::TcsBlocked,
    address: Cause::TcsAddress,
    not_tcs: Cause::TcsNotTcs,
    pending: Cause::TcsPending,
    modified: Cause::TcsModified,
    ossa_unaligned: Cause::OssaUnaligned,
    ofsbase_unaligned: Cause::OfsbaseUnaligned,
    ogsbase_unaligned: Cause::OgsbaseUnaligned,
    flags_reserved: Cause::FlagsReserved,
    not_initialised: Cause::NotInitialised,
    mode_mismatch: Cause::ModeMismatch,
    xfrm_not_enabled: Cause::XfrmNotEnabled,
    frame_not_canonical: Cause::SsaNotCanonical,
    frame: PageCauses {
        not_epc: Cause::SsaNotEpc,
        invalid: Cause::SsaInvalid,
        blocked: Cause::SsaBlocked,
        not_reg: Cause::SsaNotReg,
        foreign: Cause::SsaForeign,
        pending: Cause::SsaPending,
        modified: Cause::SsaModified,
        address: Cause::SsaAddress,
        rights: Cause::SsaRights,
    },
};

/// RBX: TCS; RCX: AEP. All registers come from the SSA frame below CSSA, which becomes the current one.
pub(super) fn eresume<F: Frames, E: Entropy, S: AddressSpace>(
    cpu: &mut Context<'_, F, E, S>,
    state: &mut State,
) -> Result<(), Exit> {
    // the TCS and its enclave
    let thread = Thread::check(cpu, state, &CAUSES)?;
    // something was interrupted
    let cssa = thread.tcs.cssa.get();
    let index = cssa.checked_sub(1).ok_or_else(|| Refusal::new(Cause::CssaZero, state.gprs.rbx))?;
    // its frame can be read, and written by the next asynchronous exit, without a fault
    let frame = thread.frame(cpu, index, &CAUSES)?;
    // RIP and segment bases are canonical. RIP may lie outside ELRANGE: the fetch faults then.
    let canonical = |at: u64, cause: Cause| require(Linear(at).is_canonical(), Refusal::new(cause, at));
    // the enclave's other threads may write the frame, so all that is checked is copied once
    let mut gprs = GprSgx::default();
    cpu.package.frames.read(frame.gprsgx, GPRSGX, gprs.as_mut_bytes());
    canonical(gprs.rip.get(), Cause::RipNotCanonical)?;
    canonical(gprs.fsbase.get(), Cause::FsbaseNotCanonical)?;
    canonical(gprs.gsbase.get(), Cause::GsbaseNotCanonical)?;
    // nobody else is on this TCS
    thread.check_idle(Cause::TcsActive)?;
    // XRSTOR accepts the frame: components of XFRM only, standard form, no reserved bit
    let frames = &mut cpu.package.frames;
    let saved = SavedHeader::read(|offset, into| frame.read_xsave(frames, offset, into));
    let (bv, xfrm, mxcsr) = (saved.xstate_bv, thread.xfrm(), saved.mxcsr());
    require(bv & !xfrm == 0, Refusal::new(Cause::XstateBvOutsideXfrm, bv).expected(xfrm))?;
    require(saved.reserved == [0; 16], Refusal::new(Cause::XsaveHeaderReserved, frame.gprsgx.0))?;
    require(mxcsr & !MXCSR_DEFINED == 0, Refusal::new(Cause::MxcsrReserved, mxcsr.into()))?;

    let layout = &cpu.package.config.xsave;
    state.xsave.load(layout, xfrm, &saved, |offset, into| frame.read_xsave(frames, offset, into));
    cpu.package.frames.write(thread.tcs_page(), offset_of!(Tcs, cssa), &index.to_le_bytes());
    thread.enter(cpu, frame, state);
    state.fs_base = gprs.fsbase.get();
    state.gs_base = gprs.gsbase.get();
    state.gprs = Gprs::from_ssa(&gprs, state.gprs.rflags);
    Ok(())
}

#[cfg(test)]
mod tests;
