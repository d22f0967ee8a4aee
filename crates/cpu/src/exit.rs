//! How a leaf stops before its end, and what the processor makes of it.

use anyclave_arch::{Linear, Pfec, Vector};
use anyclave_trace::{Outcome, Refusal};

use crate::space::PageFault;

/// Why a leaf stopped. Leaves return it with `?`; only the applier turns it into registers or a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// A check of the leaf failed.
    Refused(Refusal),
    /// Ordinary paging forbade an access to an operand.
    Paging(PageFault),
}

impl From<Refusal> for Exit {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<PageFault> for Exit {
    fn from(fault: PageFault) -> Self {
        Self::Paging(fault)
    }
}

/// One check of a leaf: goes on if the condition holds.
pub(crate) fn require(condition: bool, refusal: Refusal) -> Result<(), Exit> {
    if condition { Ok(()) } else { Err(Exit::Refused(refusal)) }
}

/// An exception that an instruction raised. Registers and memory are as before the instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The exception.
    pub vector: Vector,
    /// Its error code: PFEC for #PF, otherwise zero.
    pub code: u32,
    /// The address for CR2, for #PF.
    pub address: Option<Linear>,
    /// The SGX check that failed; None for ordinary paging.
    pub refusal: Option<Refusal>,
}

/// How an instruction ended that did not fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completion {
    /// All its checks passed.
    Done,
    /// It completed with an error or informational code in RAX.
    Code(Refusal),
}

impl Exit {
    /// Separates faults from codes. `user` says whether the access came from user mode.
    pub(crate) fn classify(self, user: bool) -> Result<Refusal, Fault> {
        let user = if user { Pfec::U } else { Pfec::empty() };
        let refusal = match self {
            Self::Refused(refusal) => refusal,
            Self::Paging(PageFault { address, code }) => {
                let code = (code | user).bits();
                return Err(Fault { vector: Vector::Pf, code, address: Some(address), refusal: None });
            }
        };
        let page_fault = |write| Fault {
            vector: Vector::Pf,
            code: (Pfec::P | Pfec::SGX | user | write).bits(),
            address: Some(Linear(refusal.operand)),
            refusal: Some(refusal),
        };
        let plain = |vector| Fault { vector, code: 0, address: None, refusal: Some(refusal) };
        match refusal.outcome() {
            Outcome::Ud => Err(plain(Vector::Ud)),
            Outcome::Gp => Err(plain(Vector::Gp)),
            Outcome::PfRead => Err(page_fault(Pfec::empty())),
            Outcome::PfWrite => Err(page_fault(Pfec::W)),
            Outcome::Zf(_) | Outcome::Cf(_) => Ok(refusal),
        }
    }
}
