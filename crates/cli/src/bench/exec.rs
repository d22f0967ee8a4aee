//! How long a program takes that does nothing, started by one on the machine: fork, exec, exit, wait.

use std::io;
use std::path::Path;
use std::process::Command;

use super::lab::Lab;
use super::part::{Said, best};
use super::{BenchError, Entry};

pub(super) const NAME: &str = "exec";
/// The one figure.
pub(super) const TRUE: &str = "true";

pub(super) fn measure(lab: &Lab) -> Result<Vec<Entry>, BenchError> {
    Ok(lab.compare(NAME, &[TRUE])?.into_iter().map(Entry::Figure).collect())
}

pub(super) fn part(_folder: &Path) -> Said {
    run_true()?;
    Ok(vec![(TRUE, best(40, 5, |_| run_true())?)])
}

fn run_true() -> io::Result<()> {
    let status = Command::new("true").status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("true: {status}"))) }
}
