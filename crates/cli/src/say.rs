//! The two voices of the program: data on standard output, our words on standard error.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

/// One message on standard error, its first line prefixed. Whether anyone reads it is not our business.
pub(crate) fn error(message: impl Display) {
    let _ = writeln!(io::stderr(), "anyclave: {message}");
}

/// Writes data; the status to exit with. A reader that has gone, as in a pipe to `head`, is no reason for
/// words.
pub(crate) fn data(text: &str) -> ExitCode {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if error.kind() != io::ErrorKind::BrokenPipe {
                self::error(format_args!("cannot write to standard output: {error}"));
            }
            ExitCode::FAILURE
        }
    }
}
