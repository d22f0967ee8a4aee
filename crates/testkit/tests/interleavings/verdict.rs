//! What comes of exploring.

use anyclave_testkit::interleave::enumerator::{Census, Model, explore};

/// States that a test may have. Beyond it is not the model that it was.
const NEAR: usize = 400_000;
const FAR: usize = 40_000_000;

/// Whether larger bounds are asked for, which take minutes: ANYCLAVE_INTERLEAVINGS=far.
pub(crate) fn far() -> bool {
    std::env::var_os("ANYCLAVE_INTERLEAVINGS").is_some_and(|value| value == "far")
}

/// Asserts that every schedule keeps all promises.
#[track_caller]
pub(crate) fn holds<M: Model>(what: &str, start: &M) -> Census {
    match explore(start, if far() { FAR } else { NEAR }) {
        Ok(census) => {
            let Census { states, schedules, longest } = census;
            println!("{what}: {states} states, {schedules} schedules of up to {longest} steps");
            census
        }
        Err(found) => panic!("{what}:\n{found}"),
    }
}

/// Asserts that a schedule breaks a promise, and that it is this one.
#[track_caller]
pub(crate) fn breaks<M: Model>(what: &str, start: &M, promise: &str) {
    match explore(start, NEAR) {
        Ok(census) => panic!("{what}: no schedule shows it: {census:?}"),
        Err(found) => {
            println!("{what}:\n{found}");
            assert!(found.violation.contains(promise), "{what} breaks another promise:\n{found}");
        }
    }
}
