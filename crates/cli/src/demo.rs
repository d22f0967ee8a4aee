//! `anyclave demo`: a real enclave, narrated.
//!
//! The verb runs this very program once more, on a machine, as an ordinary SGX host: that part ([`host`]) uses
//! the Linux ABI alone and would do the same on a processor with SGX.

pub(crate) mod abi;
mod enclave;
mod host;

use std::ffi::OsString;
use std::io::{self, StdoutLock, Write};
use std::process::ExitCode;

use crate::machine::Machine;
use crate::run::{self, Loudness};
use crate::say;
use enclave::DemoError;

/// Load, enter, interrupt and question a real enclave, and tell what happens
#[derive(clap::Args)]
pub(crate) struct Demo {
    #[command(flatten)]
    loudness: Loudness,
    /// Be the host program: what runs on the machine
    #[arg(long, hide = true, exclusive = true)]
    host: bool,
    /// Be a host program that says how many nanoseconds a call takes
    #[arg(long, hide = true, exclusive = true)]
    measure: bool,
    #[command(flatten)]
    machine: Machine,
}

impl Demo {
    /// Tells the story.
    pub(crate) fn execute(self) -> ExitCode {
        if self.host {
            return tell(host::tell);
        }
        if self.measure {
            return tell(host::measure);
        }
        // The path by which the kernel knows this program, whatever has become of the one it was started by.
        let program = OsString::from("/proc/self/exe");
        let arguments = ["demo", "--host"].map(OsString::from);
        run::start(&self.machine, self.loudness, &program, &arguments)
    }
}

fn tell(story: impl FnOnce(&mut StdoutLock<'static>) -> Result<(), DemoError>) -> ExitCode {
    let mut out = io::stdout().lock();
    match story(&mut out).and_then(|()| Ok(out.flush()?)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say::error(format_args!("the demo stops: {error}"));
            ExitCode::FAILURE
        }
    }
}
