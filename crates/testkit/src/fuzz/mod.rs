//! Oracles for fuzzing: from any bytes to a verdict, which is a panic or none.
//!
//! Each is called in two ways. `cargo test` gives all of them random bytes for a moment; the targets in `fuzz/` hand
//! them to a fuzzer that is guided by coverage, for as long as `cargo xtask soak` has.

pub mod leaves;
mod reader;
pub mod texts;

pub use reader::Reader;

/// An oracle by the name of its target in `fuzz/`.
pub type Target = (&'static str, fn(&[u8]));

/// All oracles of this crate.
pub const TARGETS: [Target; 5] = [
    ("leaves", leaves::run),
    ("sgxs", texts::sgxs),
    ("settings", texts::settings),
    ("views", texts::views),
    ("scripts", texts::scripts),
];
