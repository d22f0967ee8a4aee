//! The vocabulary of what happens in a machine: causes of refusals and what `explain` says of each.
//!
//! Hardware answers `#GP(0)` and keeps the reason to itself. Here every failing check of every leaf has a
//! name of its own, a sentence, and the architectural outcome it leads to. No sinks and no I/O: who wants to
//! print or count does so above.

#![forbid(unsafe_code)]

pub mod cause;
mod errno;
pub mod ioctl;
mod refusal;

pub use cause::{Cause, Outcome};
pub use errno::Errno;
pub use ioctl::{IoctlCause, IoctlRefusal};
pub use refusal::Refusal;
