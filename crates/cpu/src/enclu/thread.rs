//! What EENTER and ERESUME both want of a TCS, and the SSA frame behind it.

use core::mem::offset_of;

use anyclave_arch::ssa::GprSgx;
use anyclave_arch::tcs::TcsFlags;
use anyclave_arch::{EpcAddr, Flags, Linear, MiscSelect, PAGE_SIZE, PageType, Tcs};
use anyclave_trace::{Cause, Refusal};
use zerocopy::{FromZeros, IntoBytes};

use super::frame::FrameCauses;
use crate::encls::Context;
use crate::entropy::Entropy;
use crate::exit::{Exit, require};
use crate::frames::Frames;
use crate::locks::Lock;
use crate::processor::EnclaveMode;
use crate::secs::SecsPage;
use crate::space::{Access, AddressSpace};
use crate::ssa::{GPRSGX, SsaFrame};
use crate::state::{State, rflags};
use crate::tracking::Slot;

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
    pub(super) aexnotify_mismatch: C,
}

/// What an entry calls each failing check on where it begins.
pub(super) struct EntryCauses<C> {
    pub(super) rip: C,
    pub(super) fs_base: C,
    pub(super) gs_base: C,
}

/// Where execution begins.
pub(super) struct EntryPoint {
    rip: u64,
    fs_base: u64,
    gs_base: u64,
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
        // its offsets are page-aligned, and its flags are ones that the processor has
        let tcs = read_tcs(cpu, page);
        let offset = |cause: C, value: u64| Refusal::new(cause, value).expected(PAGE_SIZE);
        let aligned = |offset: u64| Linear(offset).is_aligned(PAGE_SIZE);
        let (ossa, ofsbase, ogsbase) = (tcs.ossa.get(), tcs.ofsbase.get(), tcs.ogsbase.get());
        require(aligned(ossa), offset(causes.ossa_unaligned, ossa))?;
        require(aligned(ofsbase), offset(causes.ofsbase_unaligned, ofsbase))?;
        require(aligned(ogsbase), offset(causes.ogsbase_unaligned, ogsbase))?;
        let flags = TcsFlags::from_bits_retain(tcs.flags.get());
        let notifies = cpu.package.config.attributes.contains(Flags::AEXNOTIFY);
        let known = if notifies { TcsFlags::DBGOPTIN | TcsFlags::AEXNOTIFY } else { TcsFlags::DBGOPTIN };
        let reserved = flags - known;
        require(reserved.is_empty(), Refusal::new(causes.flags_reserved, flags.bits()))?;
        // its enclave is initialised, 64-bit like the processor, and asks for nothing that XCR0 lacks
        let secs = cpu.package.load_secs(entry.secs);
        let attributes = secs.attributes;
        let attribute = |cause: C| Refusal::new(cause, attributes.flags.get());
        require(attributes.has(Flags::INIT), attribute(causes.not_initialised))?;
        require(attributes.has(Flags::MODE64BIT), attribute(causes.mode_mismatch))?;
        let (xfrm, xcr0) = (attributes.xfrm.get(), cpu.package.config.xcr0);
        require(xfrm & !xcr0 == 0, Refusal::new(causes.xfrm_not_enabled, xfrm).expected(xcr0))?;
        // thread and enclave agree on AEX-Notify; a debugger may do as it likes
        let agreed = flags.contains(TcsFlags::AEXNOTIFY) == attributes.has(Flags::AEXNOTIFY);
        let agreed = agreed || flags.contains(TcsFlags::DBGOPTIN);
        require(agreed, Refusal::new(causes.aexnotify_mismatch, flags.bits()))?;
        Ok(Self { at, page, aep, tcs, secs_page: entry.secs, secs })
    }

    /// Finds SSA frame `index` of the thread.
    pub(super) fn frame<F: Frames, E: Entropy, S: AddressSpace, C: Copy + Into<Cause>>(
        &self,
        cpu: &mut Context<'_, F, E, S>,
        index: u32,
        causes: &FrameCauses<C>,
    ) -> Result<SsaFrame, Exit> {
        cpu.ssa_frame((self.secs_page, &self.secs), self.tcs.ossa.get(), index, causes)
    }

    /// Where execution begins, and the segments it begins with, all of it canonical.
    pub(super) fn entry_point<C: Into<Cause>>(&self, causes: EntryCauses<C>) -> Result<EntryPoint, Exit> {
        let canonical = |offset: u64, cause: C| {
            let at = self.base_plus(offset);
            require(at.is_canonical(), Refusal::new(cause, at.0))?;
            Ok::<u64, Exit>(at.0)
        };
        Ok(EntryPoint {
            rip: canonical(self.tcs.oentry.get(), causes.rip)?,
            fs_base: canonical(self.tcs.ofsbase.get(), causes.fs_base)?,
            gs_base: canonical(self.tcs.ogsbase.get(), causes.gs_base)?,
        })
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

    /// Begins at the entry point, with `frame` for asynchronous exits. The registers that are not named pass through,
    /// and CSSA stays. `next` is the address behind the instruction.
    pub(super) fn begin<F: Frames, E: Entropy, S: AddressSpace>(
        self,
        cpu: &mut Context<'_, F, E, S>,
        frame: SsaFrame,
        entry: EntryPoint,
        state: &mut State,
        next: Linear,
    ) {
        let cssa = self.tcs.cssa.get();
        // RSP and RBP of the outside, for the asynchronous exit
        let frames = &mut cpu.package.frames;
        frames.write(frame.gprsgx, GPRSGX + offset_of!(GprSgx, ursp), &state.gprs.rsp.to_le_bytes());
        frames.write(frame.gprsgx, GPRSGX + offset_of!(GprSgx, urbp), &state.gprs.rbp.to_le_bytes());
        self.enter(cpu, frame, state);
        state.fs_base = entry.fs_base;
        state.gs_base = entry.gs_base;
        state.gprs.rax = cssa.into();
        state.gprs.rcx = next.0;
        state.gprs.rip = entry.rip;
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
