//! The kernel's selftests that pass: in a row, eight at once, and eight at once of which half are killed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};

use super::chance::Chance;
use super::kit::Kit;
use super::lanes::lanes;
use super::marked::Marked;
use super::{Count, Scale};

/// A case takes a second; eight at once on a busy host some more.
const LIMIT: Duration = Duration::from_secs(180);

/// How many run at once.
const LANES: u32 = 8;

pub(super) fn step(kit: &Kit, scale: Scale, seed: u64) -> io::Result<Count> {
    let suite = Suite { kit, tests: kit.fetch("kselftest")?, cases: cases(&kit.root)? };
    let mut count = Count::default();
    for round in 1..=scale.rounds {
        for case in &suite.cases {
            let failure = suite.check(case, "row")?;
            count.failures.extend(failure.map(|failure| format!("row {round}: {failure}")));
        }
    }
    for (what, kills) in [("at once", false), ("half killed", true)] {
        for round in 1..=scale.rounds {
            let failures = suite.at_once(seed ^ u64::from(round) ^ u64::from(kills) << 16, kills)?;
            count.failures.extend(failures.into_iter().map(|failure| format!("{what} {round}: {failure}")));
        }
    }
    let cases = suite.cases.len();
    count.done = format!(
        "{} times {cases} cases in a row, {} times {LANES} at once, {} times {LANES} at once and half of them killed",
        scale.rounds, scale.rounds, scale.rounds
    );
    Ok(count)
}

/// The selftests, built.
struct Suite<'a> {
    kit: &'a Kit,
    /// The folder of test_sgx.
    tests: PathBuf,
    cases: Vec<String>,
}

impl Suite<'_> {
    /// Starts a case whose words go to a log of this name.
    fn start(&self, case: &str, log: &Path) -> io::Result<Marked> {
        let mut command = self.kit.run(["./test_sgx", "-t", case]);
        Marked::start(command.current_dir(&self.tests), log)
    }

    /// Runs a case; what is wrong with it.
    fn check(&self, case: &str, lane: &str) -> io::Result<Option<String>> {
        let log = self.kit.folder.join(format!("kselftest.{lane}.log"));
        let end = self.start(case, &log)?.finish(LIMIT)?;
        let said = fs::read_to_string(&log)?;
        let passes = end.status.is_some_and(|status| status.success()) && has_passed(&said, case);
        let complaint = end.complaint().or_else(|| (!passes).then(|| format!("failed\n{said}")));
        Ok(complaint.map(|complaint| format!("{case}: {complaint}")))
    }

    /// Starts a case and kills it at a random moment.
    fn kill(&self, case: &str, lane: &str, chance: &mut Chance) -> io::Result<Option<String>> {
        let log = self.kit.folder.join(format!("kselftest.{lane}.log"));
        let started = self.start(case, &log)?;
        sleep(Duration::from_millis(chance.below(400)));
        // A case that has ended is not killed.
        let _ = kill(started.pid(), Signal::SIGKILL);
        let end = started.finish(LIMIT)?;
        Ok(end.complaint().map(|complaint| format!("{case}, killed: {complaint}")))
    }

    fn at_once(&self, seed: u64, kills: bool) -> io::Result<Vec<String>> {
        let lane = |lane: u32| {
            let mut chance = Chance::new(seed, lane);
            let Some(case) = chance.one_of(&self.cases).cloned() else { return Ok(None) };
            let name = lane.to_string();
            if kills && lane % 2 == 1 {
                self.kill(&case, &name, &mut chance)
            } else {
                self.check(&case, &name)
            }
        };
        Ok(lanes(LANES, lane)?.into_iter().flatten().collect())
    }
}

/// The harness ends with 0 also for a case that it skips; its line decides.
fn has_passed(said: &str, case: &str) -> bool {
    let ending = format!(" enclave.{case}");
    said.lines().any(|line| line.starts_with("ok ") && line.ends_with(&ending))
}

/// The cases that must pass.
fn cases(root: &Path) -> io::Result<Vec<String>> {
    Ok(passing(&fs::read_to_string(root.join("suites/kselftest/expectations"))?))
}

fn passing(expectations: &str) -> Vec<String> {
    expectations
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.trim_end().strip_suffix("pass"))
        .map(|name| name.trim().to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_that_wait_are_left_out() {
        assert_eq!(passing("# a pass\n\nb   pass\nc  wait: x\n"), ["b"]);
        assert!(!cases(&crate::root()).unwrap().is_empty());
    }

    #[test]
    fn a_skipped_case_has_not_passed() {
        assert!(has_passed("# x\nok 3 enclave.a\n", "a"));
        for said in ["ok 3 enclave.a # SKIP\n", "not ok 3 enclave.a\n", "ok 3 enclave.ba\n", ""] {
            assert!(!has_passed(said, "a"), "{said}");
        }
    }
}
