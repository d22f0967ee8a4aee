//! The suites of others that run whole programs: in a row, and four at once.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::kit::Kit;
use super::lanes::lanes;
use super::marked::Marked;
use super::{Count, Scale};

/// A run of one suite takes seconds; four at once on a busy host a minute.
const LIMIT: Duration = Duration::from_secs(600);

/// How many run at once.
const LANES: u32 = 4;

const SUITES: [&str; 2] = ["sgx-detect", "edp"];

pub(super) fn step(kit: &Kit, scale: Scale, _seed: u64) -> io::Result<Count> {
    let suites = SUITES.map(|name| kit.fetch(name).map(|folder| Suite { kit, name, folder }));
    let mut count = Count::default();
    for suite in suites {
        let suite = suite?;
        for round in 1..=scale.rounds {
            let failure = suite.check(0)?;
            count.failures.extend(failure.map(|failure| format!("row {round}: {failure}")));
            let failures = lanes(LANES, |lane| suite.check(lane))?;
            count
                .failures
                .extend(failures.into_iter().flatten().map(|said| format!("at once {round}: {said}")));
        }
    }
    count.done = format!(
        "{} {} times in a row, {} times {LANES} at once",
        SUITES.join(" and "),
        scale.rounds,
        scale.rounds
    );
    Ok(count)
}

/// A suite, and what it runs.
struct Suite<'a> {
    kit: &'a Kit,
    name: &'static str,
    folder: PathBuf,
}

impl Suite<'_> {
    /// Runs the suite; what is wrong with it. Each lane has a log of its own.
    fn check(&self, lane: u32) -> io::Result<Option<String>> {
        let log = self.kit.folder.join(format!("{}.{lane}.log", self.name));
        let mut run = Command::new(self.kit.root.join("suites").join(self.name).join("run.sh"));
        let end = Marked::start(run.arg(&self.kit.anyclave).arg(&self.folder), &log)?.finish(LIMIT)?;
        let well = end.status.is_some_and(|status| status.success());
        let complaint = match end.complaint() {
            None if !well => Some(format!("failed\n{}", fs::read_to_string(&log)?)),
            complaint => complaint,
        };
        Ok(complaint.map(|complaint| format!("{}: {complaint}", self.name)))
    }
}
