//! How long `run` takes for a program that does nothing.

use super::lab::Lab;
use super::{BenchError, Entry};

pub(super) const NAME: &str = "startup";
/// The one figure: from the start of `anyclave run -- true` to its end.
pub(super) const TRUE: &str = "true";

pub(super) fn measure(lab: &Lab) -> Result<Vec<Entry>, BenchError> {
    Ok(vec![Entry::Figure(lab.compare_runs(TRUE, "true")?)])
}
