//! All schedules of a few processors, with larger bounds than `cargo test` has time for.

use std::fs;
use std::io;
use std::time::Duration;

use super::kit::Kit;
use super::marked::Marked;
use super::{Count, Scale};

/// Building included.
const LIMIT: Duration = Duration::from_secs(3600);

pub(super) fn step(kit: &Kit, scale: Scale, _seed: u64) -> io::Result<Count> {
    let mut cargo = kit.cargo();
    cargo.args(["test", "--package", "anyclave-testkit", "--test", "interleavings", "--", "--nocapture"]);
    if scale.far {
        cargo.env("ANYCLAVE_INTERLEAVINGS", "far");
    }
    let log = kit.folder.join("interleavings.log");
    let end = Marked::start(&mut cargo, &log)?.finish(LIMIT)?;
    let said = fs::read_to_string(&log)?;
    let (mut explored, mut states, mut broken) = (0_u64, 0_u64, 0_u64);
    for line in said.lines() {
        // "…: 711 states, 940884 schedules of up to 26 steps"; and the last line of a schedule that shows a fault
        if let Some(number) = line.split(" states, ").next().filter(|rest| rest.len() < line.len()) {
            states += number.rsplit(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0);
            explored += 1;
        }
        broken += u64::from(line.trim_start().starts_with("=> "));
    }
    let mut failures: Vec<String> = end.complaint().into_iter().collect();
    if failures.is_empty() && !end.status.is_some_and(|status| status.success()) {
        failures.push(format!("a schedule breaks a promise, or none shows a fault: see {}", log.display()));
    }
    let done =
        format!("{states} states of {explored} models that keep their promises, {broken} faults shown");
    Ok(Count { done, failures })
}
