//! ENCLS[EUPDATESVN]: puts the security version of microcode into force that was loaded while the processor ran.
//! SDM vol. 3D, leaf EUPDATESVN, Operation.
//!
//! The key of pages that leave the EPC is another one afterwards even where the version is the same: it is
//! drawn before versions are compared, and that they are the same is no failure.

use anyclave_trace::Refusal;
use anyclave_trace::cause::EupdatesvnCause as Cause;

use super::Context;
use crate::entropy::Entropy;
use crate::exit::{Exit, require};
use crate::frames::Frames;
use crate::space::AddressSpace;

/// No operands. The EPC must be empty; pages that are out of it do not come back.
pub(super) fn eupdatesvn<F: Frames, E: Entropy, S: AddressSpace>(
    cpu: &mut Context<'_, F, E, S>,
) -> Result<(), Exit> {
    cpu.lock_epc(Refusal::new(Cause::EpcConflict, 0))?;
    let pages = cpu.package.epcm.valid_pages();
    require(pages == 0, Refusal::new(Cause::PageInUse, pages).expected(0_u64))?;
    require(!cpu.package.injector.entropy_fails(), Refusal::new(Cause::EntropyMissing, 0))?;

    cpu.package.renew_paging_key();
    let before = core::mem::replace(&mut cpu.package.config.cpusvn, cpu.package.microcode);
    require(before != cpu.package.microcode, Refusal::new(Cause::CpusvnUnchanged, 0))
}

#[cfg(test)]
mod tests;
