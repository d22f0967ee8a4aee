//! Group-stops: the whole process is stopped by job control.

use anyclave_sys::Result;

use super::{Thread, Tracer};

impl Tracer {
    /// A thread enters a group-stop. While it listens for the end of it its registers cannot be read, so it
    /// leaves its enclave now; otherwise it would count as inside for as long as the user pleases.
    pub(super) fn on_group_stop(&mut self, thread: &mut Thread) -> Result<()> {
        if !thread.started {
            thread.started = true;
            Self::note_mask(thread)?;
        }
        self.leave_enclave(thread)?;
        thread.tracee.listen()
    }
}
