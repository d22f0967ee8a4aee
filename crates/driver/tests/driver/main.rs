//! The driver on a real processor model, called as a runtime calls it. Every check of every ioctl has a test
//! here, and `coverage` fails where one has not.

#[cfg(test)]
mod add_pages;
#[cfg(test)]
mod coverage;
#[cfg(test)]
mod create;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod init;
#[cfg(test)]
mod lifetime;
#[cfg(test)]
mod mapping;
#[cfg(test)]
mod prologue;
#[cfg(test)]
mod provision;

use anyclave_driver::{Progress, Reply};
use anyclave_testkit::enclave::Loader;
use anyclave_testkit::machine;
use anyclave_trace::IoctlCause;

/// A file on a machine with 1 MiB of EPC.
fn loader() -> Loader {
    Loader::open(machine::boot("1M"))
}

/// Asserts that a call failed on this check.
#[track_caller]
fn assert_cause(reply: Reply, cause: impl Into<IoctlCause>) {
    assert_eq!(reply.map_err(|refusal| refusal.cause), Err(cause.into()));
}

/// The reply of a call that does not wait.
#[track_caller]
fn done(progress: Progress<Reply>) -> Reply {
    progress.done().expect("the call does not wait")
}
