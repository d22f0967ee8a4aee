//! Runs programs on a machine: the only crate that knows a pid.
//!
//! [`launch::run`] turns the calling process into the program, traced by a supervisor beside it. A tracer
//! thread follows each process ([`tracer`]); a few threads answer the calls that wait ([`notifications`]);
//! all of them work on one [`shared::Core`], the machine.
//!
//! Lock order: an address space ([`process::Mm`]), then the core. Neither is held while a tracee is waited
//! for.

#![forbid(unsafe_code)]

mod device;
mod fatal;
mod files;
mod filter;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod homes;
mod launch;
mod log;
mod notifications;
mod patch;
mod process;
mod release;
mod shared;
mod sites;
mod syscall;
mod tracer;

pub use launch::{LaunchError, RunOptions, run};
pub use log::Verbosity;
