//! Runs what is measured, bare and on a machine in turns.

use std::collections::BTreeMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::BenchError;
use super::figure::Figure;
use crate::machine::Machine;

/// Turns that the best is taken of. What else a host does makes things slower, never faster.
const TURNS: usize = 5;

/// A folder of our own and the options of the machine.
pub(super) struct Lab {
    folder: PathBuf,
    machine: Vec<OsString>,
}

/// Figures of a part, by name, in nanoseconds.
type Times = BTreeMap<String, f64>;

impl Lab {
    /// Makes the folder.
    pub(super) fn new(machine: &Machine) -> io::Result<Self> {
        let mut words = machine.words();
        if !machine.has_keys() {
            // Nobody keeps what is made with these keys, and a home need not be there.
            words.extend(["--seed", "bench"].map(Into::into));
        }
        let folder = env::temp_dir().join(format!("anyclave-bench-{}", std::process::id()));
        DirBuilder::new().mode(0o700).create(&folder)?;
        Ok(Self { folder, machine: words })
    }

    /// Where files may be put.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Runs a part of this program in turns: the figures that it gives under these names.
    pub(super) fn compare(
        &self,
        part: &'static str,
        names: &[&'static str],
    ) -> Result<Vec<Figure>, BenchError> {
        let (mut bare, mut inside) = (Times::new(), Times::new());
        for _ in 0..TURNS {
            keep_best(&mut bare, self.times(self.part(part))?);
            keep_best(&mut inside, self.times(self.on_machine(self.part(part)))?);
        }
        names
            .iter()
            .map(|&name| match (inside.get(name), bare.get(name)) {
                (Some(&value), Some(&baseline)) => Ok(Figure { name, value, baseline, comparable: true }),
                _ => Err(BenchError::Missing { part, name }),
            })
            .collect()
    }

    /// Runs two parts in turns, the second on a machine: what each says of `figure`, told under `name`. They are not
    /// the same thing, so there is no difference and no ratio.
    pub(super) fn beside(
        &self,
        bare: &'static str,
        inside: &'static str,
        figure: &'static str,
        name: &'static str,
    ) -> Result<Figure, BenchError> {
        let (mut value, mut baseline) = (Times::new(), Times::new());
        for _ in 0..TURNS {
            keep_best(&mut baseline, self.times(self.part(bare))?);
            keep_best(&mut value, self.times(self.on_machine(self.part(inside)))?);
        }
        match (value.get(figure), baseline.get(figure)) {
            (Some(&value), Some(&baseline)) => Ok(Figure { name, value, baseline, comparable: false }),
            _ => Err(BenchError::Missing { part: inside, name: figure }),
        }
    }

    /// Runs a part that measures both sides itself: what it says under the first name of each pair beside what it
    /// says under the second.
    pub(super) fn alone(
        &self,
        part: &'static str,
        pairs: &[(&'static str, &str)],
    ) -> Result<Vec<Figure>, BenchError> {
        let mut times = Times::new();
        for _ in 0..TURNS {
            keep_best(&mut times, self.times(self.part(part))?);
        }
        pairs
            .iter()
            .map(|&(name, bare)| match (times.get(name), times.get(bare)) {
                (Some(&value), Some(&baseline)) => Ok(Figure { name, value, baseline, comparable: true }),
                _ => Err(BenchError::Missing { part, name }),
            })
            .collect()
    }

    /// Runs a program in turns: how long a whole run takes.
    pub(super) fn compare_runs(&self, name: &'static str, program: &str) -> Result<Figure, BenchError> {
        /// A run is short, so there can be more of them.
        const RUNS: usize = 4 * TURNS;
        let mut figure = Figure { name, value: f64::MAX, baseline: f64::MAX, comparable: true };
        for _ in 0..RUNS {
            figure.baseline = figure.baseline.min(self.duration(Command::new(program))?);
            figure.value = figure.value.min(self.duration(self.on_machine(Command::new(program)))?);
        }
        Ok(figure)
    }

    /// This program as a part of a benchmark.
    fn part(&self, part: &str) -> Command {
        // The path by which the kernel knows this program, whatever has become of the one it was started by.
        let mut command = Command::new("/proc/self/exe");
        command.args(["bench", "--part", part, "--folder"]).arg(&self.folder);
        command
    }

    /// The same, on a machine.
    fn on_machine(&self, command: Command) -> Command {
        let mut run = Command::new("/proc/self/exe");
        run.args(["run", "-q"]).args(&self.machine).arg("--").arg(command.get_program());
        run.args(command.get_args());
        run
    }

    fn times(&self, mut command: Command) -> Result<Times, BenchError> {
        let output = command.current_dir(&self.folder).stdin(Stdio::null()).output()?;
        if !output.status.success() {
            let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(BenchError::Failed { command: shown(&command), words });
        }
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        Ok(said
            .lines()
            .filter_map(|line| {
                let (name, time) = line.split_once(' ')?;
                Some((name.to_owned(), time.parse().ok()?))
            })
            .collect())
    }

    fn duration(&self, mut command: Command) -> Result<f64, BenchError> {
        command.current_dir(&self.folder).stdin(Stdio::null()).stdout(Stdio::null());
        let begin = Instant::now();
        let status = command.status()?;
        let took = begin.elapsed();
        if status.success() {
            Ok(nanoseconds(took))
        } else {
            Err(BenchError::Failed { command: shown(&command), words: status.to_string() })
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // What cannot be removed stays in the folder for temporary files.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn keep_best(best: &mut Times, times: Times) {
    for (name, time) in times {
        let kept = best.entry(name).or_insert(time);
        *kept = kept.min(time);
    }
}

fn shown(command: &Command) -> String {
    let words: Vec<_> = std::iter::once(command.get_program()).chain(command.get_args()).collect();
    words.join(OsStr::new(" ")).to_string_lossy().into_owned()
}

/// As a number.
pub(super) fn nanoseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_turns_the_best_is_kept() {
        let times =
            |pairs: &[(&str, f64)]| pairs.iter().map(|(name, time)| ((*name).to_owned(), *time)).collect();
        let mut best: Times = times(&[("a", 2.0)]);
        keep_best(&mut best, times(&[("a", 3.0), ("b", 5.0)]));
        keep_best(&mut best, times(&[("a", 1.0), ("b", 6.0)]));
        assert_eq!(best, times(&[("a", 1.0), ("b", 5.0)]));
    }

    #[test]
    fn the_folder_goes_with_the_lab() {
        let lab = Lab::new(&Machine::default()).unwrap();
        let folder = lab.folder().to_path_buf();
        fs::write(folder.join("file"), b"").unwrap();
        drop(lab);
        assert!(!folder.exists());
    }
}
