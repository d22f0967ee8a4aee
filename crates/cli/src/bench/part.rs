//! The program that is measured: a part of a benchmark, run bare or on a machine, which says how long its steps
//! take, a line `NAME NANOSECONDS` for each.

use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use super::lab::nanoseconds;
use super::{addpages, exec, leaves, paths, syscalls};
use crate::say;

/// What a part says: figures by name, in nanoseconds.
pub(super) type Said = io::Result<Vec<(&'static str, f64)>>;

/// A part by name; it is given the folder of the lab.
type Part = (&'static str, fn(&Path) -> Said);

/// All of them.
const PARTS: [Part; 8] = [
    (exec::NAME, exec::part),
    (syscalls::NAME, syscalls::part),
    (paths::NAME, paths::calls::part),
    (paths::COMPILE, paths::compile::part),
    (paths::TREE, paths::tree::part),
    (addpages::NAME, addpages::part),
    (addpages::COPY, addpages::copy),
    (leaves::NAME, leaves::part),
];

/// Does it and says it.
pub(super) fn execute(name: &str, folder: &Path) -> ExitCode {
    let said = match PARTS.iter().find(|(known, _)| *known == name) {
        Some((_, part)) => part(folder),
        None => Err(io::Error::other("no such part")),
    };
    match said {
        Ok(times) => say::data(&times.iter().fold(String::new(), |mut text, (name, time)| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name} {time}");
            text
        })),
        Err(error) => {
            say::error(format_args!("{name}: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// How long a step takes: the best of so many batches of so many steps, in nanoseconds. `step` is told which one
/// it is.
pub(super) fn best(batches: u32, steps: u32, mut step: impl FnMut(u32) -> io::Result<()>) -> io::Result<f64> {
    let mut best = f64::MAX;
    for batch in 0..batches {
        let begin = Instant::now();
        for index in batch * steps..(batch + 1) * steps {
            step(index)?;
        }
        best = best.min(nanoseconds(begin.elapsed()) / f64::from(steps));
    }
    Ok(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_is_made_once_and_in_order() {
        let mut seen = Vec::new();
        best(3, 2, |index| {
            seen.push(index);
            Ok(())
        })
        .unwrap();
        assert_eq!(seen, [0, 1, 2, 3, 4, 5]);
        assert!(best(1, 1, |_| Err(io::Error::other("no"))).is_err());
    }

    #[test]
    fn an_unknown_part_fails() {
        assert_eq!(execute("no such part", Path::new("/")), ExitCode::FAILURE);
    }
}
