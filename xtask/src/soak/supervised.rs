//! The suite of supervised tests, again and again.

use std::fs;
use std::io;
use std::time::Duration;

use super::kit::Kit;
use super::marked::Marked;
use super::{Count, Scale};

/// One run takes a minute or two.
const LIMIT: Duration = Duration::from_secs(900);

pub(super) fn step(kit: &Kit, scale: Scale, _seed: u64) -> io::Result<Count> {
    let mut count = Count::default();
    let mut passed = 0;
    for round in 1..=scale.suites {
        let output = kit.folder.join("supervised.log");
        let end = Marked::start(&mut kit.suite(), &output)?.finish(LIMIT)?;
        let said = fs::read_to_string(&output)?;
        passed += said.lines().filter(|line| line.starts_with("test ") && line.ends_with(" ... ok")).count();
        let failed = said
            .lines()
            .filter_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... FAILED"))
            .map(|name| format!("run {round}: {name} failed"));
        let before = count.failures.len();
        count.failures.extend(failed);
        count.failures.extend(end.complaint().map(|complaint| format!("run {round}: {complaint}")));
        let well = end.status.is_some_and(|status| status.success());
        if !well && count.failures.len() == before {
            count.failures.push(format!("run {round}: {:?}", end.status));
        }
        if count.failures.len() > before {
            fs::copy(&output, kit.folder.join(format!("supervised.{round}.log")))?;
        }
    }
    count.done = format!("{} runs, {passed} tests passed", scale.suites);
    Ok(count)
}
