//! What the supervisor says to the user.

use std::fmt::Display;

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
        eprintln!("anyclave: {message}");
    }

    /// A leaf or an ioctl was refused.
    pub(crate) fn refused(self, refusal: impl Display) {
        if self.verbosity >= Verbosity::Verbose {
            eprintln!("anyclave: {refusal}");
        }
    }
}
