//! ENCLU: the user-mode leaves, one file each.
//!
//! [`Package::enclu`] makes the checks that come before any leaf's, dispatches, and is the only place where an
//! outcome becomes RAX, flags or a fault. Leaves that enter or leave an enclave load the registers themselves:
//! that is what they are for.

mod eaccept;
mod eacceptcopy;
mod edeccssa;
mod eenter;
mod eexit;
mod egetkey;
mod emodpe;
mod ereport;
mod eresume;
mod frame;
mod page;
mod thread;

use anyclave_arch::{Enclu, Linear};
use anyclave_trace::cause::EncluCause as Cause;
use anyclave_trace::{Outcome, Refusal};

use crate::encls::Context;
use crate::entropy::Entropy;
use crate::exit::{Completion, Exit, Fault};
use crate::frames::Frames;
use crate::package::Package;
use crate::processor::Processor;
use crate::space::AddressSpace;
use crate::state::{State, rflags};

impl<F: Frames, E: Entropy> Package<F, E> {
    /// Executes ENCLU in 64-bit user mode with the leaf in EAX. SGX is enabled and locked.
    ///
    /// RIP in `state` points at the instruction, which is `length` bytes long with its prefixes; afterwards it
    /// points at what is to be executed next. Where TF is then set, the caller raises #DB before that.
    ///
    /// # Errors
    /// The exception it raises; `state`, EPC and processor are then unchanged. If the processor is in enclave
    /// mode, the caller goes on with [`Package::aex`].
    pub fn enclu<S: AddressSpace>(
        &mut self,
        processor: &mut Processor,
        space: &mut S,
        state: &mut State,
        length: u64,
    ) -> Result<Completion, Fault> {
        let leaf = leaf(state.gprs.rax);
        let next = Linear(state.gprs.rip).offset(length);
        let outcome = Context { package: self, processor, space }.enclu(leaf, state, next);
        apply(leaf, state, next, outcome)
    }

    /// Whether ENCLU with this RAX exchanges extended state: `State::xsave` is then to be fetched before and
    /// stored after it. Other leaves leave extended state alone.
    #[must_use]
    pub fn enclu_needs_xsave(&self, rax: u64) -> bool {
        leaf(rax) == Some(Enclu::Eresume)
    }
}

impl<F: Frames, E: Entropy, S: AddressSpace> Context<'_, F, E, S> {
    fn enclu(&mut self, leaf: Option<Enclu>, state: &mut State, next: Linear) -> Result<(), Exit> {
        use Enclu::{
            Eaccept, Eacceptcopy, Edeccssa, Eenter, Eexit, Egetkey, Emodpe, Ereport, Eresume, Everifyreport2,
        };
        let refuse = |cause: Cause| Err(Refusal::new(cause, state.gprs.rax).into());
        let current = self.processor.mode.as_ref().map(|mode| mode.secs);
        let announced = |leaf: Enclu| self.package.config.features.contains(leaf.feature());
        match (leaf, current) {
            // the leaf exists and CPUID announces it
            (None, _) => refuse(Cause::LeafUnknown),
            (Some(leaf), _) if !announced(leaf) => refuse(Cause::LeafNotEnumerated),
            // it verifies what another kind of machine reports, and is never announced
            (Some(Everifyreport2), _) => refuse(Cause::LeafNotEnumerated),
            // entries from outside, all else from inside
            (Some(Eenter | Eresume), Some(_)) => refuse(Cause::EntryInside),
            (Some(Ereport | Egetkey | Eexit | Eaccept | Emodpe | Eacceptcopy | Edeccssa), None) => {
                refuse(Cause::NotInside)
            }
            (Some(Eenter), None) => eenter::eenter(self, state, next),
            (Some(Eresume), None) => eresume::eresume(self, state, next),
            (Some(Eexit), Some(_)) => eexit::eexit(self, state),
            (Some(Ereport), Some(secs)) => ereport::ereport(self, state, secs),
            (Some(Egetkey), Some(secs)) => egetkey::egetkey(self, state, secs),
            (Some(Eaccept), Some(secs)) => eaccept::eaccept(self, state, secs),
            (Some(Emodpe), Some(secs)) => emodpe::emodpe(self, state, secs),
            (Some(Eacceptcopy), Some(secs)) => eacceptcopy::eacceptcopy(self, state, secs),
            (Some(Edeccssa), Some(secs)) => edeccssa::edeccssa(self, secs),
        }
    }
}

/// The leaf in EAX; the upper half of RAX does not matter.
fn leaf(rax: u64) -> Option<Enclu> {
    let [a, b, c, d, ..] = rax.to_le_bytes();
    Enclu::from_eax(u32::from_le_bytes([a, b, c, d]))
}

/// Whether a leaf that completes chooses itself where to go on.
const fn goes_elsewhere(leaf: Enclu) -> bool {
    matches!(leaf, Enclu::Eenter | Enclu::Eresume | Enclu::Eexit)
}

/// Whether a leaf reports through RAX and flags.
const fn has_result(leaf: Enclu) -> bool {
    matches!(leaf, Enclu::Egetkey | Enclu::Eaccept | Enclu::Eacceptcopy)
}

fn apply(
    leaf: Option<Enclu>,
    state: &mut State,
    next: Linear,
    outcome: Result<(), Exit>,
) -> Result<Completion, Fault> {
    let refusal = match outcome {
        Ok(()) => None,
        Err(exit) => Some(exit.classify(true)?),
    };
    if leaf != Some(Enclu::Eresume) {
        // An instruction that completes clears RF; the flags of a trapped one have it set.
        state.gprs.rflags &= !rflags::RF;
    }
    if !leaf.is_some_and(goes_elsewhere) {
        state.gprs.rip = next.0;
    }
    if leaf.is_some_and(has_result) {
        state.gprs.rax = 0;
        state.gprs.rflags &= !rflags::STATUS;
        if let Some(Outcome::Zf(error)) = refusal.map(|refusal| refusal.outcome()) {
            state.gprs.rax = error.code().into();
            state.gprs.rflags |= rflags::ZF;
        }
    }
    Ok(refusal.map_or(Completion::Done, Completion::Code))
}

#[cfg(test)]
mod tests;
