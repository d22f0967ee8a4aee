//! What takes longer than CI: repeats, kills at random moments, many more random cases. docs/soak.md says what
//! each step is for and what the last run found.

mod bench;
mod calls;
mod chance;
mod foreign;
mod fuzz;
mod interleavings;
mod kills;
mod kit;
mod kselftest;
mod lanes;
mod marked;
mod mutants;
mod properties;
mod supervised;

use std::fmt;
use std::io;
use std::process::ExitCode;
use std::time::Instant;

use kit::Kit;

/// How it is called.
pub(crate) const USAGE: &str = "cargo xtask soak [--quick] [--seed NUMBER] [supervised] [kselftest] [foreign] [kills] [calls] [properties] [interleavings] [fuzz] [mutants] [all-mutants] [bench]";

/// How much of everything.
#[derive(Clone, Copy, Debug)]
struct Scale {
    /// Runs of the supervised suite.
    suites: u32,
    /// Rounds of the kernel's selftests and of the other suites, in each way.
    rounds: u32,
    /// Processes that are killed.
    kills: u32,
    /// Programs that make random calls.
    callers: u32,
    /// Random calls of each.
    calls: u32,
    /// Cases of each property test.
    cases: u32,
    /// Interleavings with their larger bounds.
    far: bool,
    /// Seconds for each target of the fuzzer.
    fuzz_seconds: u64,
}

const FULL: Scale = Scale {
    suites: 20,
    rounds: 10,
    kills: 1000,
    callers: 32,
    calls: 20_000,
    cases: 8192,
    far: true,
    fuzz_seconds: 60,
};
const QUICK: Scale = Scale {
    suites: 1,
    rounds: 1,
    kills: 60,
    callers: 4,
    calls: 4000,
    cases: 512,
    far: false,
    fuzz_seconds: 5,
};

/// What a step counts.
#[derive(Debug, Default)]
struct Count {
    /// What was done, in words with numbers.
    done: String,
    /// What went wrong, a line for each.
    failures: Vec<String>,
}

/// A step by name.
type Step = (&'static str, fn(&Kit, Scale, u64) -> io::Result<Count>);

const STEPS: [Step; 11] = [
    ("supervised", supervised::step),
    ("kselftest", kselftest::step),
    ("foreign", foreign::step),
    ("kills", kills::step),
    ("calls", calls::step),
    ("properties", properties::step),
    ("interleavings", interleavings::step),
    ("fuzz", fuzz::step),
    ("mutants", mutants::share),
    (BY_NAME_ONLY, mutants::all),
    ("bench", bench::step),
];

/// The step that takes hours.
const BY_NAME_ONLY: &str = "all-mutants";

/// What the command line asks for.
struct Plan {
    scale: Scale,
    seed: u64,
    steps: Vec<Step>,
}

/// Runs what the words ask for. Exit status 0: nothing failed; 1: something did; 2: usage.
pub(crate) fn execute(words: &[String]) -> ExitCode {
    let Some(plan) = Plan::of(words) else {
        eprintln!("usage: {USAGE}");
        return ExitCode::from(2);
    };
    let kit = match Kit::build() {
        Ok(kit) => kit,
        Err(error) => {
            eprintln!("soak: {error}");
            return ExitCode::FAILURE;
        }
    };
    println!("seed {}", plan.seed);
    let mut all_well = true;
    for (name, step) in plan.steps {
        let begin = Instant::now();
        let count = step(&kit, plan.scale, plan.seed).unwrap_or_else(Count::broken);
        for failure in &count.failures {
            println!("        {failure}");
        }
        all_well &= count.failures.is_empty();
        println!(
            "{count:<7} {name:<13} {}, {} failed, {} s",
            count.done,
            count.failures.len(),
            begin.elapsed().as_secs()
        );
    }
    if all_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

impl Plan {
    fn of(words: &[String]) -> Option<Self> {
        let mut plan = Self { scale: FULL, seed: chance::seed(), steps: Vec::new() };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--quick" => plan.scale = QUICK,
                "--seed" => plan.seed = words.next()?.parse().ok()?,
                name => plan.steps.push(*STEPS.iter().find(|(known, _)| *known == name)?),
            }
        }
        if plan.steps.is_empty() {
            plan.steps = STEPS.into_iter().filter(|(name, _)| *name != BY_NAME_ONLY).collect();
        }
        Some(plan)
    }
}

impl Count {
    /// A step that could not even be tried.
    fn broken(error: io::Error) -> Self {
        Self { done: "could not run".to_owned(), failures: vec![error.to_string()] }
    }
}

/// The verdict.
impl fmt::Display for Count {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(if self.failures.is_empty() { "ok" } else { "FAILED" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(words: &[&str]) -> Option<Plan> {
        Plan::of(&words.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn steps_are_all_or_those_named() {
        assert_eq!(plan(&[]).unwrap().steps.len(), STEPS.len() - 1);
        assert_eq!(plan(&[BY_NAME_ONLY]).unwrap().steps.len(), 1);
        let plan = plan(&["--quick", "kills", "--seed", "7", "calls"]).unwrap();
        let names: Vec<_> = plan.steps.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["kills", "calls"]);
        assert_eq!((plan.scale.suites, plan.seed), (QUICK.suites, 7));
    }

    #[test]
    fn unknown_words_are_refused() {
        for words in [&["kill"][..], &["--seed"], &["--seed", "x"], &["--slow"]] {
            assert!(plan(words).is_none(), "{words:?}");
        }
        assert!(STEPS.iter().all(|(name, _)| USAGE.contains(name)));
    }
}
