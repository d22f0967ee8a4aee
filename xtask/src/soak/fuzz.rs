//! The targets in `fuzz/`, each for a while under cargo-fuzz. What it finds stays in `fuzz/artifacts`.
//!
//! Coverage needs nothing but flags of the stable compiler; the sanitizers, which need another one, are left out, since
//! what is fuzzed has no `unsafe`.

use std::fs;
use std::io;
use std::time::Duration;

use super::kit::Kit;
use super::marked::Marked;
use super::{Count, Scale};

/// Building included.
const BUILD: Duration = Duration::from_secs(1800);

pub(super) fn step(kit: &Kit, scale: Scale, seed: u64) -> io::Result<Count> {
    let tool = kit.tool("cargo-fuzz", "0.13.2")?;
    let mut count = Count::default();
    let targets = targets(kit)?;
    let mut inputs = 0;
    for target in &targets {
        let log = kit.folder.join(format!("fuzz.{target}.log"));
        let mut fuzz = kit.cargo();
        fuzz.env("PATH", kit.path_with(&tool)?);
        fuzz.args(["fuzz", "run", "--sanitizer", "none", target, "--"]);
        fuzz.arg(format!("-max_total_time={}", scale.fuzz_seconds));
        fuzz.arg(format!("-seed={}", seed % u64::from(u32::MAX)));
        fuzz.args(["-max_len=4096", "-print_final_stats=1"]);
        let end = Marked::start(&mut fuzz, &log)?.finish(BUILD + Duration::from_secs(scale.fuzz_seconds))?;
        let said = fs::read_to_string(&log)?;
        inputs += said.lines().filter_map(executed).next_back().unwrap_or(0);
        let well = end.status.is_some_and(|status| status.success());
        count.failures.extend((!well).then(|| format!("{target}: see {}", log.display())));
        count.failures.extend(end.complaint());
    }
    if inputs == 0 {
        count.failures.push("no input was tried".to_owned());
    }
    count.done = format!("{inputs} inputs for {} targets, {} s each", targets.len(), scale.fuzz_seconds);
    Ok(count)
}

/// The names of all targets.
fn targets(kit: &Kit) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(kit.root.join("fuzz/fuzz_targets"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        names.extend(name.strip_suffix(".rs").map(str::to_owned));
    }
    names.sort();
    Ok(names)
}

/// How many inputs a fuzzer says to have tried.
fn executed(line: &str) -> Option<u64> {
    line.strip_prefix("stat::number_of_executed_units:")?.trim().parse().ok()
}
