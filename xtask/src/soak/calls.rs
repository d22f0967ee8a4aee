//! Programs that call the driver with random numbers and execute random leaves, whose machine must not mind.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::chance::Chance;
use super::kit::Kit;
use super::lanes::lanes;
use super::marked::Marked;
use super::{Count, Scale};

const LIMIT: Duration = Duration::from_secs(300);

/// How many run at once.
const LANES: u32 = 4;

pub(super) fn step(kit: &Kit, scale: Scale, seed: u64) -> io::Result<Count> {
    let program = compile(kit)?;
    let failures = lanes(LANES, |number| lane(kit, &program, scale, seed, number))?.concat();
    Ok(Count { done: format!("{} programs of {} random calls", scale.callers, scale.calls), failures })
}

fn lane(kit: &Kit, program: &Path, scale: Scale, seed: u64, number: u32) -> io::Result<Vec<String>> {
    let mut chance = Chance::new(seed, number);
    let mut failures = Vec::new();
    let log = kit.folder.join(format!("calls.{number}.log"));
    for _ in 0..scale.callers / LANES {
        let seed = chance.next() >> 1;
        let words = [program.to_string_lossy().into_owned(), seed.to_string(), scale.calls.to_string()];
        let end = Marked::start(&mut kit.run(words), &log)?.finish(LIMIT)?;
        let said = fs::read_to_string(&log)?;
        let well = end.status.is_some_and(|status| status.success()) && said.is_empty();
        let complaint = end.complaint().or_else(|| (!well).then(|| format!("{:?}", end.status)));
        failures.extend(complaint.map(|complaint| format!("seed {seed}: {complaint} {said}")));
    }
    Ok(failures)
}

fn compile(kit: &Kit) -> io::Result<PathBuf> {
    let program = kit.folder.join("calls");
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let status = Command::new(compiler)
        .args(["-O1", "-Wall", "-Wextra", "-D_GNU_SOURCE", "-o"])
        .arg(&program)
        .arg(kit.root.join("xtask/src/soak/calls.c"))
        .status()?;
    if status.success() { Ok(program) } else { Err(io::Error::other("calls.c does not compile")) }
}
