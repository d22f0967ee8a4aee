//! The tests of the crates that have property tests, with many more cases.

use std::fs;
use std::io;
use std::time::Duration;

use super::kit::Kit;
use super::marked::Marked;
use super::{Count, Scale};

/// Where there are property tests.
const CRATES: [&str; 7] = [
    "anyclave-cpu",
    "anyclave-crypto",
    "anyclave-driver",
    "anyclave-epc",
    "anyclave-platform",
    "anyclave-sign",
    "anyclave-supervisor",
];

/// Building included.
const LIMIT: Duration = Duration::from_secs(3600);

pub(super) fn step(kit: &Kit, scale: Scale, _seed: u64) -> io::Result<Count> {
    let mut cargo = kit.cargo();
    cargo.args(["test", "--no-fail-fast"]).env("PROPTEST_CASES", scale.cases.to_string());
    for name in CRATES {
        cargo.args(["--package", name]);
    }
    let log = kit.folder.join("properties.log");
    let end = Marked::start(&mut cargo, &log)?.finish(LIMIT)?;
    let said = fs::read_to_string(&log)?;
    let passed = said.lines().filter(|line| line.starts_with("test ") && line.ends_with(" ... ok")).count();
    let failed = said.lines().filter_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... FAILED"));
    let mut failures: Vec<String> = failed.map(|name| format!("{name}: see {}", log.display())).collect();
    if passed == 0 {
        failures.push(format!("no test has run: see {}", log.display()));
    }
    failures.extend(end.complaint());
    if failures.is_empty() && !end.status.is_some_and(|status| status.success()) {
        failures.push(format!("cargo test fails: see {}", log.display()));
    }
    Ok(Count { done: format!("{passed} tests passed, properties with {} cases", scale.cases), failures })
}
