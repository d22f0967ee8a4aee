//! The scripts of `conformance/` in a process, under the supervisor: what a case does on the model is done again by a
//! program with enclaves of Linux's driver, and everything that a program can see must be the same.

mod again;
mod agent;
mod compare;
mod furniture;
mod process;
mod venue;

use std::path::{Path, PathBuf};

use anyclave_testkit::conformance::recording::{KERNEL, obstacle, record};
use anyclave_testkit::conformance::scripts;
use anyclave_testkit::conformance::syntax::{Case, Script, Section};

use crate::compile::scratch;
use agent::Agent;
use furniture::furniture;
use process::Process;
use venue::{Venue, Verdict};

/// At least so many cases are done in a process: it shall not become fewer unseen.
const CASES: usize = 190;

/// The folder of the scripts.
fn folder() -> PathBuf {
    std::env::var_os("ANYCLAVE_TEST_CONFORMANCE")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance"), PathBuf::from)
}

/// The process, which is replaced where a case has gone wrong, and counts.
struct Run {
    scratch: PathBuf,
    agents: [Agent; 2],
    process: Process,
    done: usize,
    model: usize,
    kernel: usize,
    problems: Vec<String>,
}

impl Run {
    fn case(&mut self, script: &Script, section: &Section, case: &Case) {
        let verdict = match obstacle(script, section, case) {
            Some(KERNEL) => {
                self.kernel += 1;
                return;
            }
            Some(why) => Err(Verdict::Impossible(why.to_owned())),
            None => self.perform(script, section, case),
        };
        let problem = match verdict {
            Ok(()) if case.model_only => "`venue model` is not needed".to_owned(),
            Ok(()) => {
                self.done += 1;
                return;
            }
            Err(Verdict::Impossible(_)) if case.model_only => {
                self.model += 1;
                return;
            }
            Err(Verdict::Impossible(why)) => format!("no process can do it, so say `venue model`: {why}"),
            Err(Verdict::Wrong(line, what)) => format!("line {line} in a process: {what}"),
        };
        self.problems.push(format!("{}:{}: {}: {problem}", script.file, case.line, case.name));
    }

    fn perform(&mut self, script: &Script, section: &Section, case: &Case) -> Result<(), Verdict> {
        let recording = record(script, section, case, &|secs| furniture(&self.agents, secs))
            .map_err(|problem| Verdict::Wrong(problem.line, problem.text))?;
        let verdict = Venue::perform(&mut self.process, &recording);
        if matches!(verdict, Err(Verdict::Wrong(..))) {
            self.process = Process::new(&self.agents, &self.scratch);
        }
        verdict
    }
}

#[test]
fn conformance_scripts_hold_in_a_process() {
    let scratch = scratch("conformance");
    let agents = [0, 1].map(|processor| Agent::new(processor, &scratch));
    let process = Process::new(&agents, &scratch);
    let mut run = Run { scratch, agents, process, done: 0, model: 0, kernel: 0, problems: Vec::new() };
    for script in scripts(&folder()).unwrap_or_else(|problem| panic!("{problem}")) {
        for section in &script.sections {
            for case in &section.cases {
                run.case(&script, section, case);
            }
        }
    }
    let Run { done, model, kernel, problems, .. } = run;
    println!("{done} cases in a process; on the model alone {model} of programs and {kernel} of the kernel");
    assert!(problems.is_empty(), "{} cases:\n{}", problems.len(), problems.join("\n"));
    assert!(done >= CASES, "{done} cases in a process are fewer than {CASES}");
}
