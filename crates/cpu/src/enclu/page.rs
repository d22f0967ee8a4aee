//! The EPCM checks on a page that the current enclave, or the one being entered, uses as data.

use anyclave_arch::{EpcAddr, Linear, PageType, SecInfoFlags};
use anyclave_trace::{Cause, Refusal};

use crate::encls::Context;
use crate::entropy::Entropy;
use crate::exit::{Exit, require};
use crate::frames::Frames;
use crate::secs::SecsPage;
use crate::space::{Access, AddressSpace};

/// Alignment of SECINFO.
pub(super) const SECINFO_ALIGNMENT: u64 = 64;

/// What a leaf calls each failing check on a page. They all end in the same #PF, so that their order shows
/// nowhere but here.
pub(super) struct PageCauses<C> {
    pub(super) not_epc: C,
    pub(super) invalid: C,
    pub(super) blocked: C,
    pub(super) not_reg: C,
    pub(super) foreign: C,
    pub(super) pending: C,
    pub(super) modified: C,
    pub(super) address: C,
    pub(super) rights: C,
}

/// What a leaf calls each failing check on an operand in enclave memory.
pub(super) struct OperandCauses<C> {
    pub(super) unaligned: C,
    pub(super) outside: C,
    pub(super) page: PageCauses<C>,
}

impl<F: Frames, E: Entropy, S: AddressSpace> Context<'_, F, E, S> {
    /// The EPC address of an operand in ELRANGE that the current enclave may access.
    pub(super) fn operand<C: Copy + Into<Cause>>(
        &mut self,
        (secs_page, secs): (EpcAddr, &SecsPage),
        at: Linear,
        alignment: u64,
        access: Access,
        causes: &OperandCauses<C>,
    ) -> Result<EpcAddr, Exit> {
        require(at.is_aligned(alignment), Refusal::new(causes.unaligned, at.0).expected(alignment))?;
        require(secs.contains(at), Refusal::new(causes.outside, at.0).expected(secs.base().0))?;
        let rights = if access == Access::Write { SecInfoFlags::W } else { SecInfoFlags::R };
        self.enclave_page(secs_page, at, access, rights, &causes.page)
    }

    /// The EPC address behind `at`, in a regular page that belongs to the enclave of `secs`, at its place, in
    /// normal state, with `rights`.
    pub(super) fn enclave_page<C: Copy + Into<Cause>>(
        &mut self,
        secs: EpcAddr,
        at: Linear,
        access: Access,
        rights: SecInfoFlags,
        causes: &PageCauses<C>,
    ) -> Result<EpcAddr, Exit> {
        let physical = self.epc(at, access)?.ok_or_else(|| Refusal::new(causes.not_epc, at.0))?;
        self.check_page(secs, (at, physical), rights, causes)?;
        Ok(physical)
    }

    /// The EPCM's part of [`Context::enclave_page`], for a page that has been translated already.
    pub(super) fn check_page<C: Copy + Into<Cause>>(
        &self,
        secs: EpcAddr,
        (at, physical): (Linear, EpcAddr),
        rights: SecInfoFlags,
        causes: &PageCauses<C>,
    ) -> Result<(), Exit> {
        let refusal = |cause: C| Refusal::new(cause, at.0);
        let entry = self.package.epcm.entry(physical);
        require(entry.valid, refusal(causes.invalid))?;
        require(!entry.blocked, refusal(causes.blocked))?;
        require(entry.page_type == PageType::Reg, refusal(causes.not_reg))?;
        require(entry.secs == secs, refusal(causes.foreign).expected(secs.0).found(entry.secs.0))?;
        require(!entry.pending, refusal(causes.pending))?;
        require(!entry.modified, refusal(causes.modified))?;
        let expected = refusal(causes.address).expected(entry.address.0);
        require(entry.address == at.page(), expected.found(at.page().0))?;
        let expected = refusal(causes.rights).expected(rights.bits());
        require(entry.rights.contains(rights), expected.found(entry.rights.bits()))
    }
}
