//! SSA frames: where they lie, and what must hold before a processor writes to one.

use anyclave_arch::ssa::GPRSGX_SIZE;
use anyclave_arch::{EpcAddr, Linear, PAGE_SIZE, SecInfoFlags};
use anyclave_trace::{Cause, Refusal};

use super::page::PageCauses;
use crate::encls::Context;
use crate::entropy::Entropy;
use crate::exit::{Exit, require};
use crate::frames::Frames;
use crate::secs::SecsPage;
use crate::space::{Access, AddressSpace};
use crate::ssa::SsaFrame;

/// Bytes in a page, as an index.
const PAGE: usize = 4096;

/// What a leaf calls each failing check on an SSA frame.
pub(super) struct FrameCauses<C> {
    pub(super) not_canonical: C,
    pub(super) page: PageCauses<C>,
}

impl<F: Frames, E: Entropy, S: AddressSpace> Context<'_, F, E, S> {
    /// Finds frame `index` of an SSA stack, `ossa` behind the enclave's base: all pages of its XSAVE area, and the
    /// one with GPRSGX, each readable and writable.
    pub(super) fn ssa_frame<C: Copy + Into<Cause>>(
        &mut self,
        (secs_page, secs): (EpcAddr, &SecsPage),
        ossa: u64,
        index: u32,
        causes: &FrameCauses<C>,
    ) -> Result<SsaFrame, Exit> {
        let bytes = u64::from(secs.ssaframesize.get()) * PAGE_SIZE;
        let start = secs.base().offset(ossa).offset(bytes.wrapping_mul(index.into()));
        let pages = self.package.config.xsave.size(secs.attributes.xfrm.get()).div_ceil(PAGE);
        let mut page = |at: Linear| {
            require(at.is_canonical(), Refusal::new(causes.not_canonical, at.0))?;
            let rights = SecInfoFlags::R | SecInfoFlags::W;
            self.enclave_page(secs_page, at, Access::Write, rights, &causes.page)
        };
        let starts = (0..).step_by(PAGE).take(pages);
        let xsave = starts.map(|offset| page(start.offset(offset))).collect::<Result<_, _>>()?;
        let gprsgx = page(start.offset(bytes).offset(GPRSGX_SIZE.wrapping_neg()))?.page();
        Ok(SsaFrame { xsave, gprsgx })
    }
}
