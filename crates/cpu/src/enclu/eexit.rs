//! ENCLU[EEXIT]: leaves the enclave. SDM vol. 3D, leaf EEXIT, Operation.

use anyclave_arch::Linear;
use anyclave_trace::Refusal;
use anyclave_trace::cause::EexitCause as Cause;

use crate::encls::Context;
use crate::entropy::Entropy;
use crate::exit::{Exit, require};
use crate::frames::Frames;
use crate::space::AddressSpace;
use crate::state::State;

/// RBX: where to go. All registers that are not named below keep what the enclave left in them, RSP and RBP
/// included.
pub(super) fn eexit<F: Frames, E: Entropy, S: AddressSpace>(
    cpu: &mut Context<'_, F, E, S>,
    state: &mut State,
) -> Result<(), Exit> {
    // the target is canonical; it may well lie in ELRANGE
    let target = Linear(state.gprs.rbx);
    require(target.is_canonical(), Refusal::new(Cause::RbxNotCanonical, target.0))?;

    if let Some(mode) = cpu.package.leave(cpu.processor) {
        state.restore_outside(&mode);
        state.gprs.rcx = mode.aep.0;
        state.gprs.rip = target.0;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
