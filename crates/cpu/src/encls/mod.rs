//! ENCLS: the privileged leaves, one file each.
//!
//! Every leaf has the same signature and returns `Result<(), Exit>`; [`Package::encls`] dispatches and is the
//! only place where an outcome becomes RAX, flags or a fault.

mod eadd;
mod eaug;
mod eblock;
mod ecreate;
mod edbgrd;
mod edbgwr;
mod eextend;
mod einit;
mod eld;
mod emodpr;
mod emodt;
mod epa;
mod erdinfo;
mod eremove;
mod etrack;
mod etrackc;
mod eupdatesvn;
mod ewb;

use anyclave_arch::Encls;
use anyclave_trace::cause::EnclsCause;
use anyclave_trace::{Outcome, Refusal};
use zerocopy::{FromBytes, IntoBytes};

use anyclave_arch::{EpcAddr, Linear};

use crate::entropy::Entropy;
use crate::exit::{Completion, Exit, Fault};
use crate::frames::Frames;
use crate::package::Package;
use crate::processor::Processor;
use crate::space::{Access, AddressSpace, Target};
use crate::state::rflags;

/// The registers that ENCLS and ENCLV read and write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EnclsRegisters {
    /// Leaf number in; outcome of the leaves that have one out.
    pub rax: u64,
    /// First operand.
    pub rbx: u64,
    /// Second operand.
    pub rcx: u64,
    /// Third operand.
    pub rdx: u64,
    /// Flags.
    pub rflags: u64,
}

/// One execution of a leaf: the package, the processor that executes, and the kernel's address space.
pub(crate) struct Context<'a, F, E, S> {
    pub(crate) package: &'a mut Package<F, E>,
    pub(crate) processor: &'a mut Processor,
    pub(crate) space: &'a mut S,
}

impl<F: Frames, E: Entropy> Package<F, E> {
    /// Executes ENCLS in 64-bit supervisor mode with the leaf in EAX. SGX is enabled and locked.
    ///
    /// # Errors
    /// The exception it raises; registers are then unchanged.
    pub fn encls<S: AddressSpace>(
        &mut self,
        processor: &mut Processor,
        space: &mut S,
        registers: &mut EnclsRegisters,
    ) -> Result<Completion, Fault> {
        let [a, b, c, d, ..] = registers.rax.to_le_bytes();
        let leaf = Encls::from_eax(u32::from_le_bytes([a, b, c, d]));
        let mut context = Context { package: self, processor, space };
        let outcome = context.execute(leaf, registers);
        apply(leaf.is_some_and(has_result), registers, outcome)
    }
}

impl<F: Frames, E: Entropy, S: AddressSpace> Context<'_, F, E, S> {
    fn execute(&mut self, leaf: Option<Encls>, registers: &mut EnclsRegisters) -> Result<(), Exit> {
        let (rbx, rcx, rdx) = (Linear(registers.rbx), Linear(registers.rcx), Linear(registers.rdx));
        let announced = |leaf: &Encls| self.package.config.features.contains(leaf.feature());
        match leaf.filter(announced) {
            Some(Encls::Ecreate) => ecreate::ecreate(self, rbx, rcx),
            Some(Encls::Eadd) => eadd::eadd(self, rbx, rcx),
            Some(Encls::Einit) => einit::einit(self, rbx, rcx, rdx),
            Some(Encls::Eremove) => eremove::eremove(self, rcx),
            Some(Encls::Edbgrd) => {
                registers.rbx = edbgrd::edbgrd(self, rcx)?;
                Ok(())
            }
            Some(Encls::Edbgwr) => edbgwr::edbgwr(self, rbx.0, rcx),
            Some(Encls::Eextend) => eextend::eextend(self, rbx, rcx),
            Some(Encls::Epa) => epa::epa(self, rbx.0, rcx),
            Some(Encls::Eaug) => eaug::eaug(self, rbx, rcx),
            Some(Encls::Emodpr) => emodpr::emodpr(self, rbx, rcx),
            Some(Encls::Emodt) => emodt::emodt(self, rbx, rcx),
            Some(Encls::Eblock) => eblock::eblock(self, rcx),
            Some(Encls::Etrack) => etrack::etrack(self, rcx),
            Some(Encls::Etrackc) => etrackc::etrackc(self, rcx),
            Some(Encls::Ewb) => ewb::ewb(self, rbx, rcx, rdx),
            Some(Encls::Eldb) => eld::eldb(self, [rbx, rcx, rdx]),
            Some(Encls::Eldu) => eld::eldu(self, [rbx, rcx, rdx]),
            Some(Encls::Eldbc) => eld::eldbc(self, [rbx, rcx, rdx]),
            Some(Encls::Elduc) => eld::elduc(self, [rbx, rcx, rdx]),
            Some(Encls::Erdinfo) => erdinfo::erdinfo(self, rbx, rcx),
            Some(Encls::Eupdatesvn) => eupdatesvn::eupdatesvn(self),
            None => Err(Refusal::new(EnclsCause::LeafNotEnumerated, registers.rax).into()),
        }
    }

    /// The EPC page behind an operand, or None where the operand is not in the EPC.
    #[inline]
    pub(crate) fn epc(&mut self, at: Linear, access: Access) -> Result<Option<EpcAddr>, Exit> {
        Ok(match self.space.translate(at, access)? {
            Target::Epc(address) => Some(address),
            Target::Ordinary => None,
        })
    }

    /// The EPC page behind an operand, or the leaf's refusal where the operand is not in the EPC.
    #[inline]
    pub(crate) fn epc_or(&mut self, at: Linear, access: Access, refusal: Refusal) -> Result<EpcAddr, Exit> {
        self.epc(at, access)?.ok_or(Exit::Refused(refusal))
    }

    /// One copy of a structure in ordinary memory, made before any of its fields is looked at.
    #[inline]
    pub(crate) fn copy_in<T: FromBytes + IntoBytes>(&mut self, at: Linear) -> Result<T, Exit> {
        let mut value = T::new_zeroed();
        self.space.read(at, value.as_mut_bytes())?;
        Ok(value)
    }
}

/// Whether a leaf reports through RAX and flags.
const fn has_result(leaf: Encls) -> bool {
    !matches!(leaf, Encls::Ecreate | Encls::Eadd | Encls::Eextend | Encls::Epa | Encls::Eaug)
}

/// Makes registers or a fault of how a leaf ended that has a result in RAX and flags, or has none.
pub(crate) fn apply(
    has_result: bool,
    registers: &mut EnclsRegisters,
    outcome: Result<(), Exit>,
) -> Result<Completion, Fault> {
    let mut report = |rax: u64, flag: u64| {
        if has_result {
            registers.rflags = registers.rflags & !rflags::STATUS | flag;
            registers.rax = rax;
        }
    };
    let Err(exit) = outcome else {
        report(0, 0);
        return Ok(Completion::Done);
    };
    let refusal = exit.classify(false)?;
    match refusal.outcome() {
        Outcome::Cf(error) => report(error.code().into(), rflags::CF),
        Outcome::Zf(error) => report(error.code().into(), rflags::ZF),
        // `classify` has turned these into faults.
        Outcome::Ud | Outcome::Gp | Outcome::PfRead | Outcome::PfWrite => return Ok(Completion::Done),
    }
    Ok(Completion::Code(refusal))
}

#[cfg(test)]
mod tests;
