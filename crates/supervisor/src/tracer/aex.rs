//! Asynchronous exits: everything that takes a thread out of an enclave unasked.

use anyclave_arch::Linear;
use anyclave_cpu::Event;
use anyclave_cpu::xsave::XsaveArea;
use anyclave_sys::Result;
use anyclave_sys::ptrace::Regs;

use super::convert::{load_state, state_of};
use super::exception::Exception;
use super::{Thread, Tracer};

impl Tracer {
    /// An interrupt: a thread that is inside an enclave leaves it, and stands at its AEP. No effect outside.
    pub(super) fn leave_enclave(&mut self, thread: &mut Thread) -> Result<()> {
        if !thread.processor.inside() {
            return Ok(());
        }
        let regs = thread.tracee.regs()?;
        self.exit_enclave(thread, &regs, Event::INTERRUPT).map(drop)
    }

    /// An exception inside an enclave: exit, then what Linux does with it at the AEP.
    pub(super) fn exception_inside(
        &mut self,
        thread: &mut Thread,
        regs: &Regs,
        signal: i32,
        exception: Exception,
    ) -> Result<()> {
        let event = Event {
            vector: Some(exception.vector),
            error_code: exception.code,
            address: Linear(exception.address),
        };
        let regs = self.exit_enclave(thread, regs, event)?;
        // The operating system does not learn where in the page a fault inside an enclave was.
        let address = Linear(exception.address).page().0;
        let exception = Exception { address, ..exception };
        if self.report_to_vdso(thread, &regs, &exception)? {
            return self.swallow(thread, signal);
        }
        self.deliver(thread, signal, &exception, regs.rip)
    }

    /// Saves the thread into its SSA frame and loads the synthetic state, which is returned.
    fn exit_enclave(&mut self, thread: &mut Thread, regs: &Regs, event: Event) -> Result<Regs> {
        let mut state = state_of(regs);
        state.xsave = XsaveArea(thread.tracee.xstate()?);
        self.shared.core().machine.parts().package.aex(&mut thread.processor, &mut state, event);
        thread.tracee.set_xstate(&state.xsave.0)?;
        let mut regs = *regs;
        load_state(&mut regs, &state);
        if let Some(selectors) = thread.selectors.take() {
            selectors.restore(&mut regs);
        }
        thread.tracee.set_regs(&regs)?;
        self.allow_calls(thread);
        Ok(regs)
    }
}
