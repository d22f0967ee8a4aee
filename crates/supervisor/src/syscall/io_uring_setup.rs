//! io_uring_setup: a ring can close descriptors, and no call says so.

use std::sync::atomic::Ordering;

use anyclave_sys::Result;

use crate::tracer::Thread;

pub(super) fn io_uring_setup(thread: &Thread) -> Result<()> {
    thread.process.descriptors.fickle.store(true, Ordering::Relaxed);
    thread.tracee.cont(0)
}
