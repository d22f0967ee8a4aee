//! The scripts of `conformance/`, each file a test by its name.

use std::path::Path;
use std::process::ExitCode;

use anyclave_testkit::conformance;

/// Options of cargo's own test programs that mean something here, or do no harm.
const KNOWN: [&str; 6] = ["--exact", "--list", "--nocapture", "--no-capture", "--quiet", "-q"];

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let (exact, list) = (has(&arguments, "--exact"), has(&arguments, "--list"));
    let names: Vec<_> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    // of an option with a value, the value would count as the name of a test
    if let Some(unknown) =
        arguments.iter().find(|word| word.starts_with('-') && !KNOWN.contains(&word.as_str()))
    {
        println!("{unknown} is not known here: {} are", KNOWN.join(", "));
        return ExitCode::FAILURE;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance");
    let scripts = match conformance::scripts(&folder) {
        Ok(scripts) => scripts,
        Err(problem) => {
            println!("conformance/{problem}\ntest result: FAILED. 0 passed; 1 failed;");
            return ExitCode::FAILURE;
        }
    };
    let (mut passed, mut failed) = (0, 0);
    for script in scripts {
        let test = script.file.trim_end_matches(".conf");
        let wanted = |name: &&String| if exact { **name == test } else { test.contains(&***name) };
        if !names.is_empty() && !names.iter().any(wanted) {
            continue;
        }
        if list {
            println!("{test}: test");
            continue;
        }
        let report = conformance::run(&script);
        println!(
            "test {test} ({} cases) ... {}",
            report.cases,
            if report.problems.is_empty() { "ok" } else { "FAILED" }
        );
        for problem in &report.problems {
            println!("    conformance/{problem}");
        }
        if report.problems.is_empty() { passed += 1 } else { failed += 1 }
    }
    if list {
        return ExitCode::SUCCESS;
    }
    if passed + failed == 0 && names.is_empty() {
        println!("there are no scripts");
        return ExitCode::FAILURE;
    }
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    println!("\ntest result: {verdict}. {passed} passed; {failed} failed; 0 ignored");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn has(arguments: &[String], word: &str) -> bool {
    arguments.iter().any(|argument| argument == word)
}
