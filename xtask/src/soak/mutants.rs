//! Mistakes put into `cpu`, one at a time: for each, a script or a test must fail. What may survive, and why, stands in
//! `.cargo/mutants.toml`.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use super::kit::Kit;
use super::marked::Marked;
use super::{Count, Scale};

/// All of them take some hours.
const LIMIT: Duration = Duration::from_secs(24 * 3600);

/// Survivors in a hundred that are too many.
const TOLERATED: usize = 3;

/// One mutant in this many, where a share is asked for.
const SHARES: u64 = 16;

/// A share of the mutants, which one the seed says.
pub(super) fn share(kit: &Kit, _scale: Scale, seed: u64) -> io::Result<Count> {
    run(kit, &format!("{}/{SHARES}", seed % SHARES))
}

/// All mutants.
pub(super) fn all(kit: &Kit, _scale: Scale, _seed: u64) -> io::Result<Count> {
    run(kit, "0/1")
}

fn run(kit: &Kit, shard: &str) -> io::Result<Count> {
    let tool = kit.tool("cargo-mutants", "27.1.0")?;
    let folder = kit.folder.join("mutants");
    let log = kit.folder.join("mutants.log");
    let mut mutants = kit.cargo();
    mutants
        .env("PATH", kit.path_with(&tool)?)
        // Scripts and tables find mistakes; random cases beyond a few only take time.
        .env("PROPTEST_CASES", "8")
        .env("ANYCLAVE_FUZZ_INPUTS", "8")
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .args(["mutants", "--package", "anyclave-cpu"])
        .args(["--test-package", "anyclave-cpu", "--test-package", "anyclave-testkit"])
        .args(["--shard", shard, "--jobs", "2", "--gitignore", "true", "--colors", "never"])
        .arg("--output")
        .arg(&folder);
    let end = Marked::start(&mut mutants, &log)?.finish(LIMIT)?;
    let results = folder.join("mutants.out");
    let caught = lines(&results, "caught.txt")?.len() + lines(&results, "timeout.txt")?.len();
    let missed = lines(&results, "missed.txt")?;
    let tried = caught + missed.len();
    for mutant in &missed {
        println!("        survives: {mutant}");
    }
    let mut count = Count {
        done: format!("{tried} mutants (shard {shard}), {} survived", missed.len()),
        failures: end.complaint().into_iter().collect(),
    };
    if tried == 0 {
        count.failures.push(format!("nothing was tried: see {}", log.display()));
    }
    if missed.len() * 100 > tried * TOLERATED {
        count.failures.push(format!("more than {TOLERATED} in a hundred survive"));
    }
    Ok(count)
}

fn lines(results: &Path, file: &str) -> io::Result<Vec<String>> {
    Ok(fs::read_to_string(results.join(file))?.lines().map(str::to_owned).collect())
}
