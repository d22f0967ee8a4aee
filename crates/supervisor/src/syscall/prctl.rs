//! prctl: PR_SET_DUMPABLE and PR_GET_DUMPABLE.
//!
//! A process that is not dumpable hides its descriptor table from a supervisor without privileges, and with it
//! which of its descriptors are enclaves. So the request is remembered and answered back, but not put into
//! force; docs/fidelity.md says so.

use std::sync::atomic::Ordering;

use anyclave_sys::Errno;
use anyclave_sys::notify::Response;

use super::open::low;
use super::{Answer, Notified};

pub(super) fn prctl(call: &Notified<'_>) -> Answer {
    let [option, value, ..] = call.call.args;
    let dumpable = &call.process.dumpable;
    match (low(option), value) {
        (libc::PR_GET_DUMPABLE, _) => {
            Answer::Respond(Response::Return(dumpable.load(Ordering::Relaxed).into()))
        }
        (libc::PR_SET_DUMPABLE, 0 | 1) => {
            dumpable.store(value == 1, Ordering::Relaxed);
            Answer::Respond(Response::Return(0))
        }
        (libc::PR_SET_DUMPABLE, _) => Answer::error(Errno::EINVAL),
        _ => Answer::CONTINUE,
    }
}
