//! Schedules for people to read.

use std::fmt;

/// One step of a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Who takes it: an index into the actors.
    pub actor: usize,
    /// What it does, and what comes of it.
    pub text: String,
}

impl Line {
    /// A line.
    pub fn new(actor: usize, text: impl Into<String>) -> Self {
        Self { actor, text: text.into() }
    }
}

/// A schedule that leads to what must not be. It is displayed with a column for each actor, so that reading down a
/// column tells what one actor does, and reading down the page tells when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counterexample {
    /// Names of the actors.
    pub actors: Vec<String>,
    /// The steps.
    pub lines: Vec<Line>,
    /// What is wrong after the last of them.
    pub violation: String,
}

impl fmt::Display for Counterexample {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths: Vec<usize> = (0..self.actors.len()).map(|actor| self.width(actor)).collect();
        writeln!(out, "      {}", row(&widths, |actor| &self.actors[actor]))?;
        for (number, line) in (1..).zip(&self.lines) {
            let cells = row(&widths, |actor| if actor == line.actor { &line.text } else { "" });
            writeln!(out, "{number:>4}  {cells}")?;
        }
        writeln!(out, "      => {}", self.violation)
    }
}

impl Counterexample {
    /// Characters of the widest cell of an actor's column.
    fn width(&self, actor: usize) -> usize {
        let texts = self.lines.iter().filter(|line| line.actor == actor).map(|line| &line.text);
        texts.chain([&self.actors[actor]]).map(|text| text.chars().count()).max().unwrap_or(0)
    }
}

/// Cells in columns of these widths.
fn row<'a>(widths: &[usize], text: impl Fn(usize) -> &'a str) -> String {
    let cells = widths.iter().enumerate().map(|(actor, width)| format!("{:<width$}  ", text(actor)));
    cells.collect::<String>().trim_end().to_owned()
}
