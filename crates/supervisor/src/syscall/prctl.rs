//! prctl: PR_SET_DUMPABLE and PR_GET_DUMPABLE, PR_GET_SECCOMP.
//!
//! A process that is not dumpable hides its descriptor table from a supervisor without privileges, and with it
//! which of its descriptors are enclaves. So the request is remembered and answered back, but not put into
//! force; docs/fidelity.md says so.

use std::sync::atomic::Ordering;

use anyclave_sys::Errno;
use anyclave_sys::notify::Response;

use super::open::low;
use super::{Answer, Notified};

/// SECCOMP_MODE_FILTER.
const SECCOMP_MODE_FILTER: i64 = 2;

pub(super) fn prctl(call: &Notified<'_>) -> Answer {
    let [option, value, ..] = call.call.args;
    let dumpable = &call.process.dumpable;
    match (low(option), value) {
        (libc::PR_GET_DUMPABLE, _) => {
            Answer::Respond(Response::Return(dumpable.load(Ordering::Relaxed).into()))
        }
        // Linux would speak of our filters.
        (libc::PR_GET_SECCOMP, _) => {
            let mode = if call.process.own_filters.any() { SECCOMP_MODE_FILTER } else { 0 };
            Answer::Respond(Response::Return(mode))
        }
        (libc::PR_SET_DUMPABLE, 0 | 1) => {
            dumpable.store(value == 1, Ordering::Relaxed);
            Answer::Respond(Response::Return(0))
        }
        (libc::PR_SET_DUMPABLE, _) => Answer::error(Errno::EINVAL),
        _ => Answer::CONTINUE,
    }
}
