//! `cargo xtask conformance`: performs the scripts, holds them against the checks that there are, and keeps the index.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyclave_testkit::conformance::{Index, run, scripts};

/// How it is called.
pub(crate) const USAGE: &str = "cargo xtask conformance [--check]";

/// Name of the index.
const INDEX: &str = "CONFORMANCE.md";

/// Performs all scripts. Without `--check` the index is written, with it the one that stands there must be right.
pub(crate) fn execute(root: &Path, words: &[String]) -> ExitCode {
    let check = match words {
        [] => false,
        [word] if word == "--check" => true,
        _ => {
            eprintln!("usage: {USAGE}");
            return ExitCode::from(2);
        }
    };
    let problems = perform(root, check);
    if problems == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Returns how many things are wrong, each of which has been said.
fn perform(root: &Path, check: bool) -> usize {
    let scripts = match scripts(&root.join("conformance")) {
        Ok(scripts) => scripts,
        Err(problem) => {
            println!("conformance/{problem}");
            return 1;
        }
    };
    let (mut index, mut failed, mut wrong) = (Index::default(), 0, 0);
    for script in &scripts {
        let report = run(script);
        for problem in &report.problems {
            println!("conformance/{problem}");
        }
        failed += report.problems.len();
        index.add(report);
    }
    let unreached = index.unreached();
    for cause in &unreached {
        println!("{}: no case reaches {} and asserts its outcome", cause.leaf(), cause.name());
    }
    let (counts, short) = index.counts();
    print!("{counts}");
    for line in &short {
        println!("{line}");
        wrong += 1;
    }
    if let Err(text) = keep(&root.join(INDEX), &index.markdown(), check) {
        println!("{text}");
        wrong += 1;
    }
    let cases = index.cases();
    println!("{} scripts, {} passed, {failed} failed", scripts.len(), cases.saturating_sub(failed));
    println!("{} leaves, {} causes, {} unreached", index.leaves(), index.causes(), unreached.len());
    failed + wrong + unreached.len()
}

fn keep(path: &Path, text: &str, check: bool) -> Result<(), String> {
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    if check {
        return Err(format!("{INDEX} is not what the scripts say; `cargo xtask conformance` makes it anew"));
    }
    fs::write(path, text).map_err(|error| format!("{INDEX}: {error}"))
}
