//! `cargo xtask tidy`: the house rules that the compiler cannot check. An ordinary test runs them, too.
//! `cargo xtask conformance`: performs the scripts of `conformance/` and writes CONFORMANCE.md.
//! `cargo xtask soak`: what takes longer than CI; docs/soak.md.

#![forbid(unsafe_code)]

mod conformance;
mod graph;
mod links;
mod soak;
mod source;
mod tree;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// A rule that is broken, and where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Problem {
    place: String,
    what: String,
}

impl Problem {
    fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into() }
    }
}

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args().skip(1).collect();
    match words.split_first() {
        Some((verb, [])) if verb == "tidy" => show(&tidy(&root())),
        Some((verb, words)) if verb == "conformance" => conformance::execute(&root(), words),
        Some((verb, words)) if verb == "soak" => soak::execute(words),
        _ => {
            eprintln!("usage: cargo xtask tidy\n       {}\n       {}", conformance::USAGE, soak::USAGE);
            ExitCode::from(2)
        }
    }
}

fn show(problems: &[Problem]) -> ExitCode {
    for Problem { place, what } in problems {
        println!("{place}: {what}");
    }
    if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Every broken rule.
fn tidy(root: &Path) -> Vec<Problem> {
    let files = match tree::files(root) {
        Ok(files) => files,
        Err(error) => return vec![Problem::new("the tree", error.to_string())],
    };
    let mut problems = Vec::new();
    for tree::File { path, text } in &files {
        if path.ends_with(".md") {
            problems.extend(links::check(root, path, text));
        } else {
            problems.extend(source::check(path, text));
        }
    }
    problems.extend(tree::licences(root));
    problems.extend(graph::check(root));
    problems.sort();
    problems
}

/// The root of the workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_tidy() {
        assert_eq!(tidy(&root()), []);
    }
}
