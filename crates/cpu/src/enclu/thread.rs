//! What EENTER and ERESUME both want of a TCS, and the SSA frame behind it.

use core::mem::offset_of;

use anyclave_arch::ssa::GPRSGX_SIZE;
use anyclave_arch::tcs::TcsFlags;
use anyclave_arch::{EpcAddr, Flags, Linear, MiscSelect, PAGE_SIZE, PageType, SecInfoFlags, Tcs};
use anyclave_trace::{Cause, Refusal};
use zerocopy::{FromZeros, IntoBytes};

use super::page::PageCauses;
use crate::encls::Context;
use crate::entropy::Entropy;
use crate::exit::{Exit, require};
use crate::frames::Frames;
use crate::locks::Lock;
use crate::processor::EnclaveMode;
use crate::secs::SecsPage;
use crate::space::{Access, AddressSpace};
use crate::ssa::SsaFrame;
use crate::state::{State, rflags};
use crate::tracking::Slot;

/// Bytes in a page, as an index.
const PAGE: usize = 4096;

/// What an entry calls each failing check on its TCS.
pub(super) struct ThreadCauses<C> {
    pub(super) rbx_unaligned: C,
    pub(super) rbx_not_canonical: C,
    pub(super) rbx_not_epc: C,
    pub(super) aep_not_canonical: C,
    pub(super) conflict: C,
    pub(super) invalid: C,
    pub(super) blocked: C,
    pub(super) address: C,
    pub(super) not_tcs: C,
    pub(super) pending: C,
    pub(super) modified: C,
    pub(super) ossa_unaligned: C,
    pub(super) ofsbase_unaligned: C,
    pub(super) ogsbase_unaligned: C,
    pub(super) flags_reserved: C,
    pub(super) not_initialised: C,
    pub(super) mode_mismatch: C,
    pub(super) xfrm_not_enabled: C,
    pub(super) frame_not_canonical: C,
    pub(super) frame: PageCauses<C>,
}

/// An enclave thread that may be entered as far as TCS and SECS tell.
pub(super) struct Thread {
    /// Where the program maps the TCS.
    at: Linear,
    /// The page of the TCS.
    page: EpcAddr,
    aep: Linear,
    pub(super) tcs: Tcs,
    secs_page: EpcAddr,
    pub(super) secs: SecsPage,
}

impl Thread {
    /// Climbs through all checks up to those on CSSA. RBX is the TCS, RCX the AEP.
    pub(super) fn check<F: Frames, E: Entropy, S: AddressSpace, C: Copy + Into<Cause>>(
        cpu: &mut Context<'_, F, E, S>,
        state: &State,
        causes: &ThreadCauses<C>,
    ) -> Result<Self, Exit> {
        let (at, aep) = (Linear(state.gprs.rbx), Linear(state.gprs.rcx));
        let refusal = |cause: C| Refusal::new(cause, at.0);
        // operands: the TCS lies in the EPC, the AEP can be an RIP
        require(at.is_aligned(PAGE_SIZE), refusal(causes.rbx_unaligned).expected(PAGE_SIZE))?;
        // no paging for an address that the processor cannot have
        require(at.is_canonical(), refusal(causes.rbx_not_canonical))?;
        let page = cpu.epc(at, Access::Write)?.ok_or_else(|| refusal(causes.rbx_not_epc))?;
        require(aep.is_canonical(), Refusal::new(causes.aep_not_canonical, aep.0))?;
        cpu.lock(page, Lock::SHARED, refusal(causes.conflict))?;
        // the page is a TCS in normal state, at its place
        let entry = cpu.package.epcm.entry(page);
        require(entry.valid, refusal(causes.invalid))?;
        require(!entry.blocked, refusal(causes.blocked))?;
        require(entry.address == at, refusal(causes.address).expected(entry.address.0).found(at.0))?;
        require(entry.page_type == PageType::Tcs, refusal(causes.not_tcs))?;
        require(!entry.pending, refusal(causes.pending))?;
        require(!entry.modified, refusal(causes.modified))?;
        // its offsets are page-aligned; AEX-Notify is not announced, so that only DBGOPTIN is a flag
        let tcs = read_tcs(cpu, page);
        let offset = |cause: C, value: u64| Refusal::new(cause, value).expected(PAGE_SIZE);
        let aligned = |offset: u64| Linear(offset).is_aligned(PAGE_SIZE);
        let (ossa, ofsbase, ogsbase) = (tcs.ossa.get(), tcs.ofsbase.get(), tcs.ogsbase.get());
        require(aligned(ossa), offset(causes.ossa_unaligned, ossa))?;
        require(aligned(ofsbase), offset(causes.ofsbase_unaligned, ofsbase))?;
        require(aligned(ogsbase), offset(causes.ogsbase_unaligned, ogsbase))?;
        let flags = TcsFlags::from_bits_retain(tcs.flags.get());
        let reserved = flags - TcsFlags::DBGOPTIN;
        require(reserved.is_empty(), Refusal::new(causes.flags_reserved, flags.bits()))?;
        // its enclave is initialised, 64-bit like the processor, and asks for nothing that XCR0 lacks
        let secs = cpu.package.load_secs(entry.secs);
        let attributes = secs.attributes;
        let attribute = |cause: C| Refusal::new(cause, attributes.flags.get());
        require(attributes.has(Flags::INIT), attribute(causes.not_initialised))?;
        require(attributes.has(Flags::MODE64BIT), attribute(causes.mode_mismatch))?;
        let (xfrm, xcr0) = (attributes.xfrm.get(), cpu.package.config.xcr0);
        require(xfrm & !xcr0 == 0, Refusal::new(causes.xfrm_not_enabled, xfrm).expected(xcr0))?;
        Ok(Self { at, page, aep, tcs, secs_page: entry.secs, secs })
    }

    /// Finds SSA frame `index`: all pages of its XSAVE area, and the one with GPRSGX.
    pub(super) fn frame<F: Frames, E: Entropy, S: AddressSpace, C: Copy + Into<Cause>>(
        &self,
        cpu: &mut Context<'_, F, E, S>,
        index: u32,
        causes: &ThreadCauses<C>,
    ) -> Result<SsaFrame, Exit> {
        let bytes = u64::from(self.secs.ssaframesize.get()) * PAGE_SIZE;
        let start = self.base_plus(self.tcs.ossa.get()).offset(bytes.wrapping_mul(index.into()));
        let pages = cpu.package.config.xsave.size(self.xfrm()).div_ceil(PAGE);
        let mut page = |at: Linear| {
            require(at.is_canonical(), Refusal::new(causes.frame_not_canonical, at.0))?;
            let rights = SecInfoFlags::R | SecInfoFlags::W;
            cpu.enclave_page(self.secs_page, at, Access::Write, rights, &causes.frame)
        };
        let starts = (0..).step_by(PAGE).take(pages);
        let xsave = starts.map(|offset| page(start.offset(offset))).collect::<Result<_, _>>()?;
        let gprsgx = page(start.offset(bytes).offset(GPRSGX_SIZE.wrapping_neg()))?.page();
        Ok(SsaFrame { xsave, gprsgx })
    }

    /// Nobody executes on the TCS.
    pub(super) fn check_idle<C: Into<Cause>>(&self, active: C) -> Result<(), Exit> {
        require(self.tcs.state.get() == 0, Refusal::new(active, self.at.0))
    }

    /// The page of the TCS.
    pub(super) const fn tcs_page(&self) -> EpcAddr {
        self.page
    }

    /// An address given as an offset in ELRANGE. Nothing bounds the offset.
    pub(super) fn base_plus(&self, offset: u64) -> Linear {
        self.secs.base().offset(offset)
    }

    /// XFRM of the enclave.
    pub(super) fn xfrm(&self) -> u64 {
        self.secs.attributes.xfrm.get()
    }

    /// Goes inside: takes the TCS, keeps of the outside what the exit restores, and hides TF from a thread
    /// that did not opt in to debugging.
    pub(super) fn enter<F: Frames, E: Entropy, S: AddressSpace>(
        self,
        cpu: &mut Context<'_, F, E, S>,
        frame: SsaFrame,
        state: &mut State,
    ) {
        let frames = &mut cpu.package.frames;
        frames.write(self.page, offset_of!(Tcs, state), &1_u64.to_le_bytes());
        frames.write(self.page, offset_of!(Tcs, aep), &self.aep.0.to_le_bytes());
        let eid = self.secs.eid.get();
        let slot = cpu.package.slots.enter(Slot { eid, epoch: self.secs.epoch.get() });
        let debug_opt_in = self.tcs.flags.get() & TcsFlags::DBGOPTIN.bits() != 0;
        cpu.processor.mode = Some(EnclaveMode {
            secs: self.secs_page,
            eid,
            slot,
            base: self.secs.base(),
            size: self.secs.size.get(),
            xfrm: self.xfrm(),
            miscselect: MiscSelect::from_bits_retain(self.secs.miscselect.get()),
            tcs: self.page,
            tcs_address: self.at,
            aep: self.aep,
            frame,
            debug_opt_in,
            saved_fs_base: state.fs_base,
            saved_gs_base: state.gs_base,
            saved_tf: state.gprs.rflags & rflags::TF != 0,
        });
        if !debug_opt_in {
            state.gprs.rflags &= !rflags::TF;
        }
    }
}

/// The fields of a TCS; its reserved bytes are not looked at.
fn read_tcs<F: Frames, E: Entropy, S: AddressSpace>(cpu: &mut Context<'_, F, E, S>, page: EpcAddr) -> Tcs {
    let mut tcs = Tcs::new_zeroed();
    let (fields, _) = tcs.as_mut_bytes().split_at_mut(offset_of!(Tcs, reserved));
    cpu.package.frames.read(page, 0, fields);
    tcs
}
