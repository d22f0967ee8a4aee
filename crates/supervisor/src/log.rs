//! What the supervisor says to the user.

use std::fmt::Display;
use std::io::Write;

/// A line of ours on standard error. If nobody reads there any more, nobody wants to know.
pub(crate) fn say(message: impl Display) {
    let _ = writeln!(std::io::stderr(), "anyclave: {message}");
}

/// How much is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Only errors.
    Quiet,
    /// The start line and errors.
    #[default]
    Normal,
    /// Also a line for each refused leaf and ioctl.
    Verbose,
}

/// Standard error, as loud as asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Log {
    verbosity: Verbosity,
}

impl Log {
    /// A log of this loudness.
    pub(crate) const fn new(verbosity: Verbosity) -> Self {
        Self { verbosity }
    }

    /// Something went wrong that the user should know.
    pub(crate) fn warn(self, message: impl Display) {
        say(message);
    }

    /// A leaf or an ioctl was refused.
    pub(crate) fn refused(self, refusal: impl Display) {
        if self.verbosity >= Verbosity::Verbose {
            say(refusal);
        }
    }
}
