//! Threads that end.

use std::sync::Arc;

use anyclave_sys::{Pid, Result};

use super::{Thread, Tracer};

impl Tracer {
    /// A thread is dying; its registers are still there. If it was inside an enclave it leaves it now.
    pub(super) fn on_exit(&mut self, thread: &mut Thread) -> Result<()> {
        thread.exiting = true;
        self.leave_enclave(thread)?;
        thread.tracee.cont(0)?;
        self.last_process = Some(Arc::clone(&thread.process));
        self.adopt_orphans();
        Ok(())
    }

    /// A thread is gone. One that vanished from inside an enclave without a last stop leaves its frame as it
    /// was last known.
    pub(super) fn on_death(&mut self, tid: Pid) {
        self.forget_stranger(tid);
        self.shared.registry.remove(tid);
        if let Some(mut thread) = self.threads.remove(&tid) {
            self.end_dispatch(&thread);
            self.shared.core().machine.parts().package.abandon(&mut thread.processor);
            self.last_process = Some(thread.process);
        }
        self.adopt_orphans();
    }
}
