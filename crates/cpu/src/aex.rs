//! Asynchronous exits: what takes a processor out of an enclave without EEXIT. SDM vol. 3D, chapter on enclave
//! exiting events, Operation of AEX.

use core::mem::offset_of;

use anyclave_arch::ssa::{ExInfo, ExitInfo, GprSgx};
use anyclave_arch::{Linear, MiscSelect, Pfec, Tcs, Vector};
use zerocopy::IntoBytes;

use crate::entropy::Entropy;
use crate::exit::Fault;
use crate::frames::Frames;
use crate::package::Package;
use crate::processor::{EnclaveMode, Processor};
use crate::ssa::{EXINFO, GPRSGX};
use crate::state::{Gprs, State, rflags};
use crate::xsave::Synthetic;

/// RAX after an asynchronous exit: the leaf number of ERESUME.
const ERESUME: u64 = 3;

/// What ends the execution of an instruction: an exception, or anything that has no vector of interest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// The exception; None for interrupts, NMI, SMI and whatever else the enclave learns nothing of.
    ///
    /// INT3 inside an enclave is a fault: RIP points at it, and it raises #BP only where the thread opted in
    /// to debugging ([`EnclaveMode::debug_opt_in`]), otherwise #UD.
    pub vector: Option<Vector>,
    /// Error code of the exceptions that have one, otherwise zero.
    pub error_code: u32,
    /// For #PF: the address for CR2.
    pub address: Linear,
}

impl Event {
    /// An interrupt.
    pub const INTERRUPT: Self = Self { vector: None, error_code: 0, address: Linear(0) };
}

impl From<Fault> for Event {
    fn from(fault: Fault) -> Self {
        Self {
            vector: Some(fault.vector),
            error_code: fault.code,
            address: fault.address.unwrap_or_default(),
        }
    }
}

impl<F: Frames, E: Entropy> Package<F, E> {
    /// Takes a processor out of its enclave because of `event`.
    ///
    /// `state` holds the registers as the event's handler would find them on its stack, extended state
    /// included; they go to the SSA frame, and `state` becomes the synthetic state in which the handler, and
    /// after it the program at the AEP, goes on. Returns the event as it is to be delivered: of a #PF the
    /// operating system learns the page but not the address. Outside enclave mode nothing changes.
    pub fn aex(&mut self, processor: &mut Processor, state: &mut State, event: Event) -> Event {
        let Some(mode) = self.leave(processor) else { return event };
        self.save(&mode, state, event);
        self.push_frame(&mode);
        state.restore_outside(&mode);
        self.load_synthetic(&mode, state, event);
        match event.vector {
            Some(Vector::Pf) => Event { address: event.address.page(), ..event },
            _ => event,
        }
    }

    /// Takes a processor out of its enclave whose registers are lost, as when its thread was killed: the TCS
    /// becomes free, and the SSA frame keeps what was last in it.
    pub fn abandon(&mut self, processor: &mut Processor) {
        if let Some(mode) = self.leave(processor) {
            self.push_frame(&mode);
        }
    }

    /// Ends enclave mode and frees the TCS: the part that all exits share.
    pub(crate) fn leave(&mut self, processor: &mut Processor) -> Option<EnclaveMode> {
        let mode = processor.mode.take()?;
        self.frames.write(mode.tcs, offset_of!(Tcs, state), &0_u64.to_le_bytes());
        self.slots.leave(mode.slot);
        Some(mode)
    }

    /// CSSA + 1: the frame is in use until ERESUME.
    fn push_frame(&mut self, mode: &EnclaveMode) {
        let mut cssa = [0; 4];
        self.frames.read(mode.tcs, offset_of!(Tcs, cssa), &mut cssa);
        let cssa = u32::from_le_bytes(cssa).wrapping_add(1);
        self.frames.write(mode.tcs, offset_of!(Tcs, cssa), &cssa.to_le_bytes());
    }

    /// Fills the SSA frame. URSP, URBP, AEXNOTIFY and whatever the event does not write stay as they are.
    fn save(&mut self, mode: &EnclaveMode, state: &State, event: Event) {
        let (frames, page) = (&mut self.frames, mode.frame.gprsgx);
        let exitinfo = exitinfo(event, mode.miscselect);
        if exitinfo.is_valid()
            && let Some(exinfo) = exinfo(event)
        {
            frames.write(page, EXINFO, exinfo.as_bytes());
        }
        let mut rflags = state.gprs.rflags & !rflags::TF;
        if event.vector.is_some_and(is_fault) {
            rflags |= rflags::RF;
        }
        let gprs = GprSgx {
            exitinfo: exitinfo.0.into(),
            fsbase: state.fs_base.into(),
            gsbase: state.gs_base.into(),
            ..Gprs { rflags, ..state.gprs }.to_ssa()
        };
        let written = [
            0..offset_of!(GprSgx, ursp),
            offset_of!(GprSgx, exitinfo)..offset_of!(GprSgx, reserved),
            offset_of!(GprSgx, fsbase)..size_of::<GprSgx>(),
        ];
        for range in written {
            frames.write(page, GPRSGX + range.start, &gprs.as_bytes()[range]);
        }
        let layout = &self.config.xsave;
        state.xsave.save(layout, mode.xfrm, |offset, bytes| mode.frame.write_xsave(frames, offset, bytes));
    }

    /// Registers that tell nothing of the enclave and lead to ERESUME.
    fn load_synthetic(&mut self, mode: &EnclaveMode, state: &mut State, event: Event) {
        // RSP and RBP of the outside, from where the last EENTER on this frame put them
        let (mut rsp, mut rbp) = ([0; 8], [0; 8]);
        let page = mode.frame.gprsgx;
        self.frames.read(page, GPRSGX + offset_of!(GprSgx, ursp), &mut rsp);
        self.frames.read(page, GPRSGX + offset_of!(GprSgx, urbp), &mut rbp);
        state.gprs = Gprs {
            rax: ERESUME,
            rbx: mode.tcs_address.0,
            rcx: mode.aep.0,
            rsp: u64::from_le_bytes(rsp),
            rbp: u64::from_le_bytes(rbp),
            rip: mode.aep.0,
            rflags: state.gprs.rflags & !(rflags::STATUS | rflags::RF),
            ..Gprs::default()
        };
        // a pending x87 or SIMD exception still has to look like one to its handler
        let (fcw, fsw) = if event.vector == Some(Vector::Mf) { (0x37e, 0x8081) } else { (0x37f, 0) };
        let mxcsr = if event.vector == Some(Vector::Xm) { 0x1f01 } else { 0x1fb0 };
        state.xsave.reset(&self.config.xsave, mode.xfrm, Synthetic { fcw, fsw, mxcsr });
    }
}

/// What the enclave learns of the event.
fn exitinfo(event: Event, miscselect: MiscSelect) -> ExitInfo {
    let Some(vector) = event.vector else { return ExitInfo::default() };
    let exit_type = match vector {
        Vector::Bp => ExitInfo::SOFTWARE,
        Vector::De | Vector::Db | Vector::Br | Vector::Ud | Vector::Mf | Vector::Ac | Vector::Xm => {
            ExitInfo::HARDWARE
        }
        Vector::Gp if miscselect.contains(MiscSelect::EXINFO) => ExitInfo::HARDWARE,
        // a supervisor access is the operating system's affair
        Vector::Pf if miscselect.contains(MiscSelect::EXINFO) && event.error_code & Pfec::U.bits() != 0 => {
            ExitInfo::HARDWARE
        }
        _ => return ExitInfo::default(),
    };
    ExitInfo::new(vector.number(), exit_type)
}

/// The address and error code that go with a reported #PF or #GP.
fn exinfo(event: Event) -> Option<ExInfo> {
    let maddr = match event.vector? {
        Vector::Pf => event.address.0,
        Vector::Gp => 0,
        _ => return None,
    };
    Some(ExInfo { maddr: maddr.into(), errcd: event.error_code.into(), ..ExInfo::default() })
}

/// Whether the instruction is to be executed again after the event, so that the flags on the stack have RF set.
/// #DB is among neither: debug faults come with RF in the flags already.
const fn is_fault(vector: Vector) -> bool {
    !matches!(vector, Vector::Db | Vector::Of | Vector::Df | Vector::Mc)
}

#[cfg(test)]
mod tests;
