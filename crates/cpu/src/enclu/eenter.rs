//! ENCLU[EENTER]: enters an enclave at its entry point. SDM vol. 3D, leaf EENTER, Operation.

use anyclave_arch::Linear;
use anyclave_trace::Refusal;
use anyclave_trace::cause::EenterCause as Cause;

use super::frame::FrameCauses;
use super::page::PageCauses;
use super::thread::{EntryCauses, Thread, ThreadCauses};
use crate::encls::Context;
use crate::entropy::Entropy;
use crate::exit::{Exit, require};
use crate::frames::Frames;
use crate::space::AddressSpace;
use crate::state::State;

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

const ENTRY: EntryCauses<Cause> = EntryCauses {
    rip: Cause::EntryNotCanonical,
    fs_base: Cause::FsbaseNotCanonical,
    gs_base: Cause::GsbaseNotCanonical,
};

/// RBX: TCS; RCX: AEP; `next`: the address behind the instruction. Registers that are not named below pass
/// through, and CSSA stays: the frame it names is only made ready for an asynchronous exit.
pub(super) fn eenter<F: Frames, E: Entropy, S: AddressSpace>(
    cpu: &mut Context<'_, F, E, S>,
    state: &mut State,
    next: Linear,
) -> Result<(), Exit> {
    // the TCS and its enclave
    let thread = Thread::check(cpu, state, &CAUSES)?;
    // a frame is left for an asynchronous exit
    let (cssa, nssa) = (thread.tcs.cssa.get(), thread.tcs.nssa.get());
    require(cssa < nssa, Refusal::new(Cause::CssaNotBelowNssa, cssa.into()).expected(nssa))?;
    // that frame can be written without a fault
    let frame = thread.frame(cpu, cssa, &FRAME)?;
    // entry point and segment bases are canonical
    let entry = thread.entry_point(ENTRY)?;
    // nobody else is on this TCS
    thread.check_idle(Cause::TcsActive)?;

    thread.begin(cpu, frame, entry, state, next);
    Ok(())
}

#[cfg(test)]
mod tests;
