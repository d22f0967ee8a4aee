//! How long a system call takes that no filter of ours stops.

use std::os::unix::process::parent_id;
use std::path::Path;

use super::lab::Lab;
use super::part::{Said, best};
use super::{BenchError, Entry};

pub(super) const NAME: &str = "syscalls";
/// The one figure: getppid, which does next to nothing.
pub(super) const GETPPID: &str = "getppid";

pub(super) fn measure(lab: &Lab) -> Result<Vec<Entry>, BenchError> {
    Ok(lab.compare(NAME, &[GETPPID])?.into_iter().map(Entry::Figure).collect())
}

pub(super) fn part(_folder: &Path) -> Said {
    let getppid = best(200, 1000, |_| {
        std::hint::black_box(parent_id());
        Ok(())
    });
    Ok(vec![(GETPPID, getppid?)])
}
