//! `anyclave bench`: what a machine costs, each figure beside that of the bare program.
//!
//! What is measured is this very program, run bare and run on a machine in turns: one [`part`] of a benchmark
//! says how long its steps take, the [`lab`] runs it and keeps the best.

mod addpages;
mod exec;
mod figure;
mod lab;
mod leaves;
mod part;
mod paths;
mod promise;
mod startup;
mod syscalls;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::PossibleValuesParser;
use serde_json::{Value, json};
use thiserror::Error;

use crate::machine::{self, Machine};
use crate::say;
use figure::Figure;
use lab::Lab;
use promise::promised;

/// Measure what a machine costs, beside the bare program in the same run
#[derive(clap::Args)]
pub(crate) struct Bench {
    /// The benchmarks [default: all]
    #[arg(value_name = "NAME", value_parser = PossibleValuesParser::new(BENCHMARKS.map(|known| known.name)))]
    names: Vec<String>,
    /// Say which benchmarks there are, and what is promised of them
    #[arg(long)]
    list: bool,
    /// As one JSON object
    #[arg(long)]
    json: bool,
    /// Exit status 1 if a figure breaks its promise
    #[arg(long)]
    gate: bool,
    /// Be the program that is measured
    #[arg(long, hide = true, value_name = "PART", requires = "folder")]
    part: Option<String>,
    /// Where its files are
    #[arg(long, hide = true, value_name = "DIR")]
    folder: Option<PathBuf>,
    #[command(flatten)]
    machine: Machine,
}

/// One benchmark.
struct Benchmark {
    name: &'static str,
    /// What it measures.
    about: &'static str,
    measure: fn(&Lab) -> Result<Vec<Entry>, BenchError>,
}

const BENCHMARKS: [Benchmark; 6] = [
    Benchmark { name: startup::NAME, about: "run of a program that does nothing", measure: startup::measure },
    Benchmark {
        name: exec::NAME,
        about: "200 programs that do nothing, started by one",
        measure: exec::measure,
    },
    Benchmark {
        name: syscalls::NAME,
        about: "a system call that is let through",
        measure: syscalls::measure,
    },
    Benchmark {
        name: paths::NAME,
        about: "open, stat, access; a compiler; a walk over 10,000 files",
        measure: paths::measure,
    },
    Benchmark { name: addpages::NAME, about: "ADD_PAGES, one page a call", measure: addpages::measure },
    Benchmark {
        name: leaves::NAME,
        about: "leaves for each page, beside the cryptography in them",
        measure: leaves::measure,
    },
];

/// What a benchmark says.
enum Entry {
    /// This.
    Figure(Figure),
    /// Nothing, for this host lacks something.
    Left { name: &'static str, reason: String },
}

impl Entry {
    /// Takes over what is shorter in a second measurement of the same.
    fn keep_best(&mut self, again: &Self) {
        if let (Self::Figure(figure), Self::Figure(again)) = (self, again) {
            figure.value = figure.value.min(again.value);
            figure.baseline = figure.baseline.min(again.baseline);
        }
    }
}

/// Why a benchmark came to no end.
#[derive(Debug, Error)]
enum BenchError {
    /// Files, or starting a program.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// A program that ought to succeed did not.
    #[error("{command} fails: {words}")]
    Failed {
        /// Which.
        command: String,
        /// What it said.
        words: String,
    },
    /// A part did not say what it should.
    #[error("the part {part} gives no figure {name}")]
    Missing {
        /// Which.
        part: &'static str,
        /// What.
        name: &'static str,
    },
    /// The host does not let us choose where to run.
    #[error("a CPU cannot be chosen: {0}")]
    Affinity(#[from] anyclave_sys::Errno),
}

impl Bench {
    /// Measures.
    pub(crate) fn execute(self) -> ExitCode {
        if let (Some(part), Some(folder)) = (&self.part, &self.folder) {
            return part::execute(part, folder);
        }
        if self.list {
            return say::data(&list());
        }
        if machine::is_around() {
            say::error("this is a machine already; what it costs shows outside of it");
            return ExitCode::FAILURE;
        }
        let lab = match Lab::new(&self.machine) {
            Ok(lab) => lab,
            Err(error) => {
                say::error(format_args!("no folder to work in: {error}"));
                return ExitCode::FAILURE;
            }
        };
        let (mut entries, mut failed) = (Vec::new(), false);
        for benchmark in BENCHMARKS.iter().filter(|benchmark| self.wants(benchmark)) {
            match measured(benchmark, &lab) {
                Ok(made) => {
                    if !self.json {
                        let _ = say::data(&text(benchmark.name, &made));
                    }
                    entries.extend(made.into_iter().map(|entry| (benchmark.name, entry)));
                }
                Err(error) => {
                    say::error(format_args!("{}: {error}", benchmark.name));
                    failed = true;
                }
            }
        }
        let shown = if self.json { say::data(&format!("{:#}\n", json(&entries))) } else { ExitCode::SUCCESS };
        let broken = entries.iter().filter(|(bench, entry)| is_broken(bench, entry)).count();
        if failed || self.gate && broken > 0 { ExitCode::FAILURE } else { shown }
    }

    fn wants(&self, benchmark: &Benchmark) -> bool {
        self.names.is_empty() || self.names.iter().any(|name| name == benchmark.name)
    }
}

/// Measures, and again where a promise seems to be broken: a host that does something else is slower at times.
fn measured(benchmark: &Benchmark, lab: &Lab) -> Result<Vec<Entry>, BenchError> {
    const TIMES: u32 = 3;
    let mut made = (benchmark.measure)(lab)?;
    for _ in 1..TIMES {
        if !made.iter().any(|entry| is_broken(benchmark.name, entry)) {
            break;
        }
        for (entry, again) in made.iter_mut().zip((benchmark.measure)(lab)?) {
            entry.keep_best(&again);
        }
    }
    Ok(made)
}

fn is_broken(bench: &str, entry: &Entry) -> bool {
    match entry {
        Entry::Figure(figure) => promised(bench, figure.name).is_some_and(|bound| !bound.is_kept(figure)),
        Entry::Left { .. } => false,
    }
}

fn list() -> String {
    let mut text = String::new();
    for benchmark in &BENCHMARKS {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{:<9} {}", benchmark.name, benchmark.about);
        for (figure, bound) in promise::of(benchmark.name) {
            let _ = writeln!(text, "          {figure} {bound}");
        }
    }
    text
}

fn text(bench: &str, entries: &[Entry]) -> String {
    let mut text = String::new();
    for entry in entries {
        // Writing to a string cannot fail.
        let _ = match entry {
            Entry::Figure(figure) => {
                writeln!(text, "{bench:<9} {}", figure.text(promised(bench, figure.name)))
            }
            Entry::Left { name, reason } => writeln!(text, "{bench:<9} {name:<12} not measured: {reason}"),
        };
    }
    text
}

fn json(entries: &[(&str, Entry)]) -> Value {
    let figures: Vec<_> = entries
        .iter()
        .filter_map(|(bench, entry)| match entry {
            Entry::Figure(figure) => Some(figure.json(bench, promised(bench, figure.name))),
            Entry::Left { .. } => None,
        })
        .collect();
    let left: Vec<_> = entries
        .iter()
        .filter_map(|(bench, entry)| match entry {
            Entry::Figure(_) => None,
            Entry::Left { name, reason } => Some(json!({ "bench": bench, "name": name, "reason": reason })),
        })
        .collect();
    json!({ "schema": 1, "figures": figures, "left_out": left })
}

#[cfg(test)]
mod tests;
