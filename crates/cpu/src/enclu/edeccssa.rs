//! ENCLU[EDECCSSA]: goes back one SSA frame without leaving. SDM vol. 3D, leaf EDECCSSA, Operation.

use core::mem::offset_of;

use anyclave_arch::{EpcAddr, Tcs};
use anyclave_trace::Refusal;
use anyclave_trace::cause::EdeccssaCause as Cause;

use super::frame::FrameCauses;
use super::page::PageCauses;
use crate::encls::Context;
use crate::entropy::Entropy;
use crate::exit::{Exit, require};
use crate::frames::Frames;
use crate::locks::Lock;
use crate::space::AddressSpace;

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

/// No operands. The handler of an exit has restored what was interrupted; from now on exits fill the frame of that
/// again. Nothing in the frame changes: URSP and URBP there are those of the entry that was interrupted.
pub(super) fn edeccssa<F: Frames, E: Entropy, S: AddressSpace>(
    cpu: &mut Context<'_, F, E, S>,
    secs_page: EpcAddr,
) -> Result<(), Exit> {
    let Some((tcs_page, at)) = cpu.processor.mode.as_ref().map(|mode| (mode.tcs, mode.tcs_address)) else {
        return Ok(());
    };
    cpu.lock(tcs_page, Lock::SHARED, Refusal::new(Cause::TcsConflict, at.0))?;
    // there is a frame below
    let (mut cssa, mut ossa) = ([0; 4], [0; 8]);
    cpu.package.frames.read(tcs_page, offset_of!(Tcs, cssa), &mut cssa);
    cpu.package.frames.read(tcs_page, offset_of!(Tcs, ossa), &mut ossa);
    let cssa = u32::from_le_bytes(cssa);
    require(cssa != 0, Refusal::new(Cause::CssaZero, at.0))?;
    let index = cssa.wrapping_sub(1);
    // that frame can be written without a fault
    let secs = cpu.package.load_secs(secs_page);
    let frame = cpu.ssa_frame((secs_page, &secs), u64::from_le_bytes(ossa), index, &FRAME)?;

    cpu.package.frames.write(tcs_page, offset_of!(Tcs, cssa), &index.to_le_bytes());
    if let Some(mode) = cpu.processor.mode.as_mut() {
        mode.frame = frame;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
