//! Delivering the signal of a fault under another number.
//!
//! Between our look at a handler and its start another thread may trap with the same signal blocked, and the kernel
//! then takes the handler from the whole process. Where that may happen the signal travels under a number that no
//! fault forces, with the right one's handler, and gets its own number back at the handler's first instruction.

use std::sync::Arc;

use anyclave_sys::procfs::Status;
use anyclave_sys::ptrace::SigInfo;
use anyclave_sys::remote::RemoteCall;
use anyclave_sys::{Result, signal};

use super::deliver::{FramePatch, Raised};
use super::forced::install_action;
use super::{Thread, Tracer};
use crate::process::dispositions::{SigAction, in_set, set_of};

/// Signals that hardly anybody uses, the least used first.
const CARRIERS: [i32; 6] = [libc::SIGSTKFLT, libc::SIGPWR, 64, 63, 62, 61];

/// Where `ucontext` keeps the mask, in full and in the old way.
const UC_SIGMASK: u64 = 40 + 256;
const OLDMASK: u64 = 40 + 21 * 8;

/// The number that a signal travels under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Carrier {
    signal: i32,
    /// The action that goes with it otherwise.
    before: SigAction,
    /// The program's mask, in whose place all other signals are blocked.
    mask: u64,
}

impl Tracer {
    /// Whether another thread may trap with this signal blocked at any moment, among those that have used enclaves
    /// or, if `all`, also those of which no more is known than that they began with the signal blocked.
    pub(super) fn may_be_taken(&self, thread: &Thread, signal: i32, all: bool) -> bool {
        self.threads.values().any(|other| {
            Arc::ptr_eq(&other.process, &thread.process)
                && (all || other.selector.is_some())
                && other.seen.blocks(signal)
        })
    }

    /// Sends a thread its signal under another number. False: there is none to be had, and nothing was done.
    pub(super) fn carry(
        &mut self,
        thread: &mut Thread,
        info: SigInfo,
        frame: Option<FramePatch>,
    ) -> Result<bool> {
        let Some(stub) = thread.process.mm().stub else { return Ok(false) };
        let status = Status::read(thread.tracee.tid())?;
        let taken = status.caught | status.pending | status.shared_pending;
        let Some(carrier) = CARRIERS.into_iter().find(|signal| !in_set(taken, *signal)) else {
            return Ok(false);
        };
        let action = thread.process.dispositions().get(info.signo()).unwrap_or_default();
        let mut call = RemoteCall::begin(thread.tracee, stub.syscall())?;
        if install_action(&mut call, &thread.process, stub, carrier, action.lasting()).is_err() {
            // A filter of the program's own is in the way: under its own number, then.
            call.finish()?;
            return self.raise(thread, Raised::new(info, frame), None, |mask| mask).map(|()| true);
        }
        let mask = *call.sigmask_mut();
        *call.sigmask_mut() = !set_of(carrier);
        call.finish()?;
        let before = SigAction::without_handler(in_set(status.ignored, carrier));
        let carrier = Carrier { signal: carrier, before, mask };
        thread.raised = Some(Raised::carried(info, frame, carrier));
        signal::tgkill(thread.process.tgid, thread.tracee.tid(), carrier.signal)?;
        thread.tracee.cont(0)?;
        Ok(true)
    }
}

impl Carrier {
    pub(super) fn signal(&self) -> i32 {
        self.signal
    }

    /// The information of a signal under this number.
    pub(super) fn rename(&self, info: &SigInfo) -> SigInfo {
        let mut bytes = info.to_bytes();
        bytes[..4].copy_from_slice(&self.signal.to_le_bytes());
        SigInfo::from_bytes(bytes)
    }

    /// The thread stands at the handler's first instruction: everything is as if `signal` had brought it there.
    pub(super) fn arrive(self, thread: &Thread, signal: i32) -> Result<()> {
        let mut regs = thread.tracee.regs()?;
        regs.rdi = signal.unsigned_abs().into();
        thread.tracee.set_regs(&regs)?;
        let mem = &thread.process.mem;
        // The kernel has just written this frame; if it is unmapped again, so be it.
        let _ = mem.write(regs.rsi, &signal.to_le_bytes());
        for offset in [UC_SIGMASK, OLDMASK] {
            let _ = mem.write(regs.rdx.wrapping_add(offset), &self.mask.to_le_bytes());
        }
        let action = thread.process.dispositions().get(signal).unwrap_or_default();
        let own = if action.defers() { set_of(signal) } else { 0 };
        let mask = self.mask | action.mask | own;
        let Some(stub) = thread.process.mm().stub else { return thread.tracee.set_sigmask(mask) };
        let mut call = RemoteCall::begin(thread.tracee, stub.syscall())?;
        install_action(&mut call, &thread.process, stub, self.signal, self.before)?;
        *call.sigmask_mut() = mask;
        call.finish()
    }
}
