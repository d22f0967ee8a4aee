//! close, dup2, dup3, close_range: where they hit a descriptor that is watched.

use anyclave_sys::Result;

use crate::tracer::Thread;

/// The kernel does it, and what was known of the descriptor is to be asked for again.
pub(super) fn close(thread: &Thread) -> Result<()> {
    thread.process.forget_descriptors();
    thread.tracee.cont(0)
}
