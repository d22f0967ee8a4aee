//! What is promised: the numbers of SPECIFICATION.md.

use std::fmt;

use super::figure::{Figure, time};
use super::{addpages, exec, leaves, paths, startup, syscalls};

/// The most that a figure may be; times in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Bound {
    /// The figure itself.
    Total(f64),
    /// What it is more than its baseline.
    Difference(f64),
    /// How many times its baseline it is.
    Ratio(f64),
}

/// Benchmark, figure, and the most that it may be.
const PROMISES: [(&str, &str, Bound); 16] = [
    (startup::NAME, startup::TRUE, Bound::Total(30e6)),
    (exec::NAME, exec::TRUE, Bound::Difference(2e6)),
    (syscalls::NAME, syscalls::GETPPID, Bound::Difference(60.0)),
    (paths::NAME, paths::OPEN_HIT, Bound::Difference(9e3)),
    (paths::NAME, paths::OPEN_MISS, Bound::Difference(9e3)),
    (paths::NAME, paths::STAT_HIT, Bound::Difference(9e3)),
    (paths::NAME, paths::STAT_MISS, Bound::Difference(9e3)),
    (paths::NAME, paths::ACCESS_HIT, Bound::Difference(9e3)),
    (paths::NAME, paths::ACCESS_MISS, Bound::Difference(9e3)),
    (paths::NAME, paths::COMPILE, Bound::Ratio(1.2)),
    (addpages::NAME, addpages::UNMEASURED, Bound::Total(15e3)),
    (addpages::NAME, addpages::ONE_CPU, Bound::Total(18e3)),
    (leaves::NAME, leaves::EADD, Bound::Ratio(2.0)),
    (leaves::NAME, leaves::MEASURED, Bound::Ratio(1.25)),
    (leaves::NAME, leaves::EWB, Bound::Ratio(1.3)),
    (leaves::NAME, leaves::ELDU, Bound::Ratio(1.3)),
];

/// What is promised of a figure.
pub(super) fn promised(bench: &str, figure: &str) -> Option<Bound> {
    of(bench).find(|(name, _)| *name == figure).map(|(_, bound)| bound)
}

/// What is promised of a benchmark.
pub(super) fn of(bench: &str) -> impl Iterator<Item = (&'static str, Bound)> {
    PROMISES.iter().filter(move |(of, ..)| *of == bench).map(|(_, figure, bound)| (*figure, *bound))
}

impl Bound {
    /// Whether a figure is not more than that.
    pub(super) fn is_kept(self, figure: &Figure) -> bool {
        match self {
            Self::Total(most) => figure.value <= most,
            Self::Difference(most) => figure.difference() <= most,
            Self::Ratio(most) => figure.ratio() <= most,
        }
    }

    /// The number.
    pub(super) const fn most(self) -> f64 {
        match self {
            Self::Total(most) | Self::Difference(most) | Self::Ratio(most) => most,
        }
    }

    /// What it bounds, for `--json`.
    pub(super) const fn of(self) -> &'static str {
        match self {
            Self::Total(_) => "value_ns",
            Self::Difference(_) => "difference_ns",
            Self::Ratio(_) => "ratio",
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Total(most) => write!(out, "<= {}", time(*most)),
            Self::Difference(most) => write!(out, "<= +{}", time(*most)),
            Self::Ratio(most) => write!(out, "<= {most:.2}x"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIGURE: Figure = Figure { name: "x", value: 120.0, baseline: 100.0, comparable: true };

    #[test]
    fn a_bound_is_on_the_value_the_difference_or_the_ratio() {
        assert!(Bound::Total(120.0).is_kept(&FIGURE) && !Bound::Total(119.0).is_kept(&FIGURE));
        assert!(Bound::Difference(20.0).is_kept(&FIGURE) && !Bound::Difference(19.0).is_kept(&FIGURE));
        assert!(Bound::Ratio(1.2).is_kept(&FIGURE) && !Bound::Ratio(1.19).is_kept(&FIGURE));
    }

    #[test]
    fn the_specification_has_every_promise_and_no_other() {
        let specification = include_str!("../../../../SPECIFICATION.md");
        for (bench, figure, bound) in PROMISES {
            let row = format!("| `{bench} {figure}` | {bound} |");
            assert!(specification.contains(&row), "{row}");
        }
        assert_eq!(specification.matches("| <= ").count(), PROMISES.len());
    }
}
