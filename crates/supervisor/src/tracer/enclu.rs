//! ENCLU, trapped wherever it stands.

use anyclave_arch::{Linear, Vector};
use anyclave_cpu::xsave::XsaveArea;
use anyclave_cpu::{Access, Completion, Fault, State};
use anyclave_platform::Parts;
use anyclave_sys::Result;
use anyclave_sys::ptrace::Regs;

use super::convert::{Selectors, load_state, state_of};
use super::exception::{Exception, SEGV_ACCERR};
use super::space::ProcessSpace;
use super::{Thread, Tracer};

impl Tracer {
    /// A thread stands at an ENCLU of `length` bytes; the host made `signal` of it.
    pub(super) fn on_enclu(
        &mut self,
        thread: &mut Thread,
        signal: i32,
        regs: &Regs,
        length: usize,
    ) -> Result<()> {
        let mut state = state_of(regs);
        let needs_xsave = self.shared.core().machine.package().enclu_needs_xsave(regs.rax);
        if needs_xsave {
            state.xsave = XsaveArea(thread.tracee.xstate()?);
        }
        let outcome = {
            let mm = thread.process.mm();
            let mut core = self.shared.core();
            let Parts { package, driver, .. } = core.machine.parts();
            let mut space = ProcessSpace { windows: &mm.windows, driver, mem: &thread.process.mem };
            let outcome = package.enclu(&mut thread.processor, &mut space, &mut state, length as u64);
            outcome.map_err(|fault| exception_of(&fault, &space))
        };
        match outcome {
            Ok(completion) => {
                if let Completion::Code(refusal) = completion {
                    self.shared.log.refused(refusal);
                }
                if needs_xsave {
                    thread.tracee.set_xstate(&state.xsave.0)?;
                }
                self.complete(thread, *regs, &state)?;
                self.swallow(thread, signal)
            }
            Err((exception, refusal)) => {
                if let Some(refusal) = refusal {
                    self.shared.log.refused(refusal);
                }
                if thread.processor.inside() {
                    return self.exception_inside(thread, regs, signal, exception);
                }
                if self.report_to_vdso(thread, regs, &exception)? {
                    return self.swallow(thread, signal);
                }
                self.deliver(thread, signal, &exception, regs.rip)
            }
        }
    }

    /// A leaf is done: the thread goes on with this state, inside or outside.
    fn complete(&self, thread: &mut Thread, mut regs: Regs, state: &State) -> Result<()> {
        let outside = Selectors::of(&regs);
        load_state(&mut regs, state);
        if thread.processor.inside() {
            thread.selectors.get_or_insert(outside);
            self.watch_cpuid(thread)?;
            thread.watch.arm(&mut regs);
            thread.tracee.set_regs(&regs)?;
            return self.forbid_calls(thread);
        }
        if let Some(selectors) = thread.selectors.take() {
            selectors.restore(&mut regs);
        }
        thread.tracee.set_regs(&regs)?;
        self.allow_calls(thread);
        Ok(())
    }

    /// If the thread stands at the ENCLU of our vDSO function, the exception is reported to it there instead
    /// of by a signal. RAX is the leaf: EENTER or ERESUME for a fault of the ENCLU itself, ERESUME after an
    /// asynchronous exit.
    pub(super) fn report_to_vdso(&self, thread: &Thread, regs: &Regs, exception: &Exception) -> Result<bool> {
        let Some(stub) = thread.process.mm().stub else { return Ok(false) };
        if regs.rip != stub.enclu() || !vdso_fixes(exception.vector) {
            return Ok(false);
        }
        let mut regs = *regs;
        regs.rip = stub.fixup();
        regs.rdi = exception.vector.number().into();
        regs.rsi = exception.code.into();
        regs.rdx = if exception.vector == Vector::Pf { exception.address } else { 0 };
        regs.orig_rax = super::convert::NO_CALL;
        thread.tracee.set_regs(&regs)?;
        Ok(true)
    }
}

/// The exceptions that Linux looks up a fix-up for; the others always become signals.
const fn vdso_fixes(vector: Vector) -> bool {
    matches!(
        vector,
        Vector::De
            | Vector::Of
            | Vector::Br
            | Vector::Ud
            | Vector::Ts
            | Vector::Np
            | Vector::Ss
            | Vector::Gp
            | Vector::Pf
            | Vector::Mf
            | Vector::Ac
            | Vector::Xm
    )
}

/// The exception with the signal that Linux makes of it.
fn exception_of(fault: &Fault, space: &ProcessSpace<'_>) -> (Exception, Option<anyclave_trace::Refusal>) {
    let exception = match (fault.vector, fault.address) {
        (Vector::Pf, Some(address)) => {
            let code = anyclave_arch::Pfec::from_bits_retain(fault.code);
            let (signal, si_code) = if fault.refusal.is_some() {
                (libc::SIGSEGV, SEGV_ACCERR)
            } else {
                signal_of(space, address, code.contains(anyclave_arch::Pfec::W))
            };
            Exception::page_fault(address.0, code, signal, si_code)
        }
        (Vector::Ud, _) => Exception::undefined(),
        _ => Exception::general_protection(),
    };
    (exception, fault.refusal)
}

fn signal_of(space: &ProcessSpace<'_>, address: Linear, write: bool) -> (i32, i32) {
    let access = if write { Access::Write } else { Access::Read };
    match space.walk(address, access) {
        Err(forbidden) => (forbidden.signal, forbidden.si_code),
        Ok(_) => (libc::SIGSEGV, SEGV_ACCERR),
    }
}
