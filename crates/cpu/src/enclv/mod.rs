//! ENCLV: the leaves of a hypervisor that gives a machine more EPC than there is, one file each.
//!
//! It counts, at each SECS, the pages of the enclave that it keeps out of the EPC: its *virtual children*. A SECS
//! with some must not leave the EPC either, since without it they could not come back.

mod edecvirtchild;
mod eincvirtchild;
mod esetcontext;

use anyclave_arch::cpuid::SgxFeatures;
use anyclave_arch::{Enclv, EpcAddr, Linear, PageType};
use anyclave_trace::Refusal;
use anyclave_trace::cause::EnclvCause as Cause;

use crate::encls::{Context, EnclsRegisters, apply};
use crate::entropy::Entropy;
use crate::epcm::EpcmEntry;
use crate::exit::{Completion, Exit, Fault, require};
use crate::frames::Frames;
use crate::package::Package;
use crate::processor::Processor;
use crate::space::AddressSpace;

impl<F: Frames, E: Entropy> Package<F, E> {
    /// Executes ENCLV in 64-bit supervisor mode and VMX operation, with the leaf in EAX. SGX is enabled and locked.
    ///
    /// # Errors
    /// The exception it raises; registers are then unchanged.
    pub fn enclv<S: AddressSpace>(
        &mut self,
        processor: &mut Processor,
        space: &mut S,
        registers: &mut EnclsRegisters,
    ) -> Result<Completion, Fault> {
        let outcome = Context { package: self, processor, space }.enclv(registers);
        apply(true, registers, outcome)
    }
}

impl<F: Frames, E: Entropy, S: AddressSpace> Context<'_, F, E, S> {
    fn enclv(&mut self, registers: &EnclsRegisters) -> Result<(), Exit> {
        let (rbx, rcx, rdx) = (Linear(registers.rbx), Linear(registers.rcx), Linear(registers.rdx));
        let announced = self.package.config.features.contains(SgxFeatures::ENCLV);
        require(announced, Refusal::new(Cause::NotEnumerated, registers.rax))?;
        let [a, b, c, d, ..] = registers.rax.to_le_bytes();
        match Enclv::from_eax(u32::from_le_bytes([a, b, c, d])) {
            Some(Enclv::Edecvirtchild) => edecvirtchild::edecvirtchild(self, rbx, rcx),
            Some(Enclv::Eincvirtchild) => eincvirtchild::eincvirtchild(self, rbx, rcx),
            Some(Enclv::Esetcontext) => esetcontext::esetcontext(self, rcx, rdx),
            None => Err(Refusal::new(Cause::LeafUnknown, registers.rax).into()),
        }
    }
}

/// The SECS that a page belongs to: itself for a SECS, none for a version array.
const fn secs_of(entry: &EpcmEntry) -> Option<EpcAddr> {
    match entry.page_type {
        PageType::Va => None,
        // the entry of a SECS names itself
        PageType::Secs
        | PageType::Tcs
        | PageType::Reg
        | PageType::Trim
        | PageType::SsFirst
        | PageType::SsRest => Some(entry.secs),
    }
}

#[cfg(test)]
mod tests;
