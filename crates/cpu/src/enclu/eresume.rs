//! ENCLU[ERESUME]: goes on with what an asynchronous exit interrupted. SDM vol. 3D, leaf ERESUME, Operation.

use core::mem::offset_of;

use anyclave_arch::ssa::GprSgx;
use anyclave_arch::tcs::TcsFlags;
use anyclave_arch::{Linear, Tcs};
use anyclave_trace::Refusal;
use anyclave_trace::cause::EresumeCause as Cause;
use zerocopy::IntoBytes;

use super::frame::FrameCauses;
use super::page::PageCauses;
use super::thread::{EntryCauses, Thread, ThreadCauses};
use crate::encls::Context;
use crate::entropy::Entropy;
use crate::exit::{Exit, require};
use crate::frames::Frames;
use crate::space::AddressSpace;
use crate::ssa::GPRSGX;
use crate::state::{Gprs, State, rflags};
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
    aexnotify_mismatch: Cause::AexnotifyMismatch,
};

/// The frame that was interrupted.
const FRAME: FrameCauses<Cause> = FrameCauses {
    not_canonical: Cause::SsaNotCanonical,
    page: PageCauses {
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

/// The frame of the handler that AEX-Notify enters instead.
const HANDLER_FRAME: FrameCauses<Cause> = FrameCauses {
    not_canonical: Cause::HandlerSsaNotCanonical,
    page: PageCauses {
        not_epc: Cause::HandlerSsaNotEpc,
        invalid: Cause::HandlerSsaInvalid,
        blocked: Cause::HandlerSsaBlocked,
        not_reg: Cause::HandlerSsaNotReg,
        foreign: Cause::HandlerSsaForeign,
        pending: Cause::HandlerSsaPending,
        modified: Cause::HandlerSsaModified,
        address: Cause::HandlerSsaAddress,
        rights: Cause::HandlerSsaRights,
    },
};

const HANDLER_ENTRY: EntryCauses<Cause> = EntryCauses {
    rip: Cause::HandlerEntryNotCanonical,
    fs_base: Cause::HandlerFsbaseNotCanonical,
    gs_base: Cause::HandlerGsbaseNotCanonical,
};

/// RBX: TCS; RCX: AEP; `next`: the address behind the instruction. All registers come from the SSA frame below CSSA,
/// which becomes the current one; or, where that frame asks for it, the handler of AEX-Notify is entered above it.
pub(super) fn eresume<F: Frames, E: Entropy, S: AddressSpace>(
    cpu: &mut Context<'_, F, E, S>,
    state: &mut State,
    next: Linear,
) -> Result<(), Exit> {
    // the TCS and its enclave
    let thread = Thread::check(cpu, state, &CAUSES)?;
    // something was interrupted
    let cssa = thread.tcs.cssa.get();
    let index = cssa.checked_sub(1).ok_or_else(|| Refusal::new(Cause::CssaZero, state.gprs.rbx))?;
    // its frame can be read, and written by the next asynchronous exit, without a fault
    let frame = thread.frame(cpu, index, &FRAME)?;
    // the enclave's other threads may write the frame, so all that is checked is copied once
    let mut gprs = GprSgx::default();
    cpu.package.frames.read(frame.gprsgx, GPRSGX, gprs.as_mut_bytes());
    if thread.tcs.flags.get() & TcsFlags::AEXNOTIFY.bits() != 0 && gprs.aexnotify & 1 != 0 {
        return notify(cpu, thread, state, next);
    }
    // RIP and segment bases are canonical. RIP may lie outside ELRANGE: the fetch faults then.
    let canonical = |at: u64, cause: Cause| require(Linear(at).is_canonical(), Refusal::new(cause, at));
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

/// Enters the handler as EENTER would, with the interrupted frame still below CSSA: the handler goes back by itself,
/// with EDECCSSA.
fn notify<F: Frames, E: Entropy, S: AddressSpace>(
    cpu: &mut Context<'_, F, E, S>,
    thread: Thread,
    state: &mut State,
    next: Linear,
) -> Result<(), Exit> {
    let (cssa, nssa) = (thread.tcs.cssa.get(), thread.tcs.nssa.get());
    require(cssa < nssa, Refusal::new(Cause::HandlerCssaNotBelowNssa, cssa.into()).expected(nssa))?;
    let frame = thread.frame(cpu, cssa, &HANDLER_FRAME)?;
    let entry = thread.entry_point(HANDLER_ENTRY)?;
    // nobody else is on this TCS
    thread.check_idle(Cause::TcsActive)?;

    // flags are not loaded here, so those of the trapped instruction must not stay
    state.gprs.rflags &= !rflags::RF;
    thread.begin(cpu, frame, entry, state, next);
    Ok(())
}

#[cfg(test)]
mod tests;
