//! The promises of SPECIFICATION.md.

use std::fs;
use std::io;
use std::process::Command;
use std::time::Duration;

use super::kit::Kit;
use super::marked::Marked;
use super::{Count, Scale};

/// It takes half a minute on a host that does nothing else.
const LIMIT: Duration = Duration::from_secs(600);

pub(super) fn step(kit: &Kit, _scale: Scale, _seed: u64) -> io::Result<Count> {
    let log = kit.folder.join("bench.log");
    let end = Marked::start(Command::new(&kit.anyclave).args(["bench", "--gate"]), &log)?.finish(LIMIT)?;
    let said = fs::read_to_string(&log)?;
    let mut failures: Vec<String> =
        said.lines().filter(|line| line.ends_with("BROKEN")).map(str::to_owned).collect();
    failures.extend(end.complaint());
    if failures.is_empty() && !end.status.is_some_and(|status| status.success()) {
        failures.push(format!("bench fails: see {}", log.display()));
    }
    let kept = said.lines().filter(|line| line.ends_with(": kept")).count();
    Ok(Count { done: format!("{kept} promises kept"), failures })
}
