//! A figure beside its baseline.

use serde_json::{Value, json};

use super::promise::Bound;

/// What something takes on a machine and what it takes bare, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Figure {
    /// Its name within its benchmark.
    pub(super) name: &'static str,
    /// On a machine.
    pub(super) value: f64,
    /// Bare.
    pub(super) baseline: f64,
    /// The baseline is the same thing, so that the two can be compared.
    pub(super) comparable: bool,
}

impl Figure {
    /// How much longer it takes.
    pub(super) fn difference(&self) -> f64 {
        self.value - self.baseline
    }

    /// How many times as long it takes.
    pub(super) fn ratio(&self) -> f64 {
        self.value / self.baseline
    }

    /// A line.
    pub(super) fn text(&self, bound: Option<Bound>) -> String {
        let compared = if self.comparable {
            format!("{:>11} {:>6.2}x", format!("+{}", time(self.difference())), self.ratio())
        } else {
            format!("{:>11} {:>7}", "", "")
        };
        let promise = bound.map_or_else(String::new, |bound| {
            format!("  promised {bound}: {}", if bound.is_kept(self) { "kept" } else { "BROKEN" })
        });
        let line = format!(
            "{:<12} {:>10}   bare {:>10} {compared}{promise}",
            self.name,
            time(self.value),
            time(self.baseline)
        );
        line.trim_end().replace("+-", "-")
    }

    /// For `--json`.
    pub(super) fn json(&self, bench: &str, bound: Option<Bound>) -> Value {
        json!({
            "bench": bench,
            "name": self.name,
            "value_ns": self.value,
            "baseline_ns": self.baseline,
            "ratio": self.comparable.then(|| self.ratio()),
            "promise": bound.map(|bound| json!({
                "of": bound.of(),
                "most": bound.most(),
                "kept": bound.is_kept(self),
            })),
        })
    }
}

/// Nanoseconds in the unit that suits them.
pub(super) fn time(nanoseconds: f64) -> String {
    let size = nanoseconds.abs();
    if size < 1e3 {
        format!("{nanoseconds:.0} ns")
    } else if size < 1e6 {
        format!("{:.2} \u{b5}s", nanoseconds / 1e3)
    } else {
        format!("{:.2} ms", nanoseconds / 1e6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIGURE: Figure = Figure { name: "open_hit", value: 9_500.0, baseline: 2_500.0, comparable: true };

    #[test]
    fn times_have_the_unit_that_suits_them() {
        assert_eq!(time(40.4), "40 ns");
        assert_eq!(time(9_876.0), "9.88 \u{b5}s");
        assert_eq!(time(23_456_789.0), "23.46 ms");
        assert_eq!(time(-1_500.0), "-1.50 \u{b5}s");
    }

    #[test]
    fn a_line_has_value_baseline_difference_and_ratio() {
        let line = FIGURE.text(None);
        assert_eq!(line, "open_hit        9.50 \u{b5}s   bare    2.50 \u{b5}s    +7.00 \u{b5}s   3.80x");
        let faster = Figure { value: 2_400.0, ..FIGURE }.text(None);
        assert!(faster.contains(" -100 ns ") && faster.ends_with("0.96x"), "{faster}");
    }

    #[test]
    fn a_promise_stands_behind_its_figure() {
        let kept = FIGURE.text(Some(Bound::Difference(9e3)));
        assert!(kept.ends_with("promised <= +9.00 \u{b5}s: kept"), "{kept}");
        let broken = FIGURE.text(Some(Bound::Ratio(1.2)));
        assert!(broken.ends_with("promised <= 1.20x: BROKEN"), "{broken}");
    }

    #[test]
    fn what_cannot_be_compared_is_not() {
        let figure = Figure { comparable: false, ..FIGURE };
        assert_eq!(figure.text(None), "open_hit        9.50 \u{b5}s   bare    2.50 \u{b5}s");
        let json = figure.json("paths", Some(Bound::Total(1e4)));
        assert_eq!(json["ratio"], Value::Null);
        assert_eq!(json["promise"], json!({ "of": "value_ns", "most": 1e4, "kept": true }));
        assert_eq!(FIGURE.json("paths", None)["ratio"], 3.8);
        assert_eq!(FIGURE.json("paths", None)["promise"], Value::Null);
    }
}
