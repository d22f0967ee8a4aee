//! The index of leaves, checks, outcomes and cases: CONFORMANCE.md.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use anyclave_arch::Leaf;
use anyclave_trace::Cause;

use super::reference;
use super::runner::{Reached, Report};

/// What all scripts together reach.
#[derive(Clone, Debug, Default)]
pub struct Index {
    reached: Vec<Reached>,
    cases: usize,
}

/// A check of a leaf, by its place among all.
type Rows<'a> = Vec<(Cause, Vec<&'a Reached>)>;

impl Index {
    /// Adds what came of a script.
    pub fn add(&mut self, report: Report) {
        self.reached.extend(report.reached);
        self.cases += report.cases;
    }

    /// Cases that were performed.
    #[must_use]
    pub const fn cases(&self) -> usize {
        self.cases
    }

    /// Leaves that there are: the instructions before they have chosen one are none.
    #[must_use]
    pub fn leaves(&self) -> usize {
        leaves().into_iter().filter(|leaf| is_leaf(*leaf)).count()
    }

    /// Checks that there are.
    #[must_use]
    pub fn causes(&self) -> usize {
        Cause::all().count()
    }

    /// Checks that no case has reached and asserted.
    #[must_use]
    pub fn unreached(&self) -> Vec<Cause> {
        let asserted = |cause: Cause, reached: &Reached| {
            // the case says the outcome in its own words, the table of causes in others
            reached.cause == cause && reached.outcome == cause.outcome().to_string()
        };
        Cause::all().filter(|cause| !self.reached.iter().any(|reached| asserted(*cause, reached))).collect()
    }

    /// For each leaf, how many failing outcomes the manual lists and how many checks we have; and what is wrong with
    /// that.
    #[must_use]
    pub fn counts(&self) -> (String, Vec<String>) {
        let (mut text, mut wrong) = (String::new(), Vec::new());
        for leaf in leaves().into_iter().filter(|leaf| is_leaf(*leaf)) {
            let ours = Cause::all().filter(|cause| cause.leaf() == leaf).count();
            let Some(listed) = reference::of(leaf) else {
                wrong.push(format!("{leaf}: the outcomes that the manual lists are not counted"));
                continue;
            };
            _ = writeln!(text, "{:<22} {:>3} listed, {ours:>3} checks", leaf.to_string(), listed.outcomes);
            if ours < listed.outcomes {
                wrong.push(format!(
                    "{leaf}: {ours} checks for {} outcomes that the manual lists",
                    listed.outcomes
                ));
            }
        }
        (text, wrong)
    }

    /// CONFORMANCE.md.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = String::from(
            "# Conformance\n\n\
             Every failing check of every leaf, in the order in which the leaf checks, its outcome, and the cases of\n\
             [conformance](conformance/README.md) that reach it and assert that outcome. Made by `cargo xtask\n\
             conformance`; do not edit.\n",
        );
        for leaf in leaves() {
            let rows: Rows<'_> = Cause::all()
                .filter(|cause| cause.leaf() == leaf)
                .map(|cause| (cause, self.reached.iter().filter(|reached| reached.cause == cause).collect()))
                .collect();
            _ = write!(text, "\n## {leaf}\n\n| check | outcome | what fails | cases |\n|---|---|---|---|\n");
            for (cause, reached) in rows {
                let (name, what, outcome) = (cause.name(), cause.text(), cause.outcome());
                _ = writeln!(text, "| {name} | {outcome} | {what} | {} |", cases(&reached));
            }
        }
        text
    }
}

/// Cases by file: `encls/eadd: unaligned, outside`.
fn cases(reached: &[&Reached]) -> String {
    let mut files: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for reached in reached {
        let file = reached.file.trim_end_matches(".conf");
        files.entry(file).or_default().insert(&reached.case);
    }
    if files.is_empty() {
        return "none".to_owned();
    }
    let list = |(file, cases): (&str, BTreeSet<&str>)| {
        format!("[{file}](conformance/{file}.conf): {}", cases.into_iter().collect::<Vec<_>>().join("; "))
    };
    files.into_iter().map(list).collect::<Vec<_>>().join("; ")
}

/// Leaves in the order of their causes.
fn leaves() -> Vec<Leaf> {
    let mut leaves: Vec<Leaf> = Vec::new();
    for cause in Cause::all() {
        if !leaves.contains(&cause.leaf()) {
            leaves.push(cause.leaf());
        }
    }
    leaves
}

fn is_leaf(leaf: Leaf) -> bool {
    reference::of(leaf).is_some() || leaf.to_string().contains('[')
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyclave_trace::cause::EpaCause;

    fn index(outcome: &str) -> Index {
        let cause = EpaCause::RcxUnaligned.into();
        let reached = |case: &str| Reached {
            cause,
            outcome: outcome.to_owned(),
            file: "encls/epa.conf".to_owned(),
            case: case.to_owned(),
        };
        let mut index = Index::default();
        index.add(Report { cases: 2, reached: vec![reached("b"), reached("a")], ..Report::default() });
        index
    }

    #[test]
    fn a_check_counts_where_its_outcome_was_asserted() {
        let unaligned = EpaCause::RcxUnaligned.into();
        assert!(!index("#GP(0)").unreached().contains(&unaligned));
        assert!(index("#UD").unreached().contains(&unaligned));
        assert_eq!(index("#GP(0)").unreached().len() + 1, index("#GP(0)").causes());
    }

    #[test]
    fn a_check_stands_with_its_cases_by_name() {
        let markdown = index("#GP(0)").markdown();
        let line = markdown.lines().find(|line| line.contains("(conformance/encls/epa.conf)")).unwrap();
        let what = "the destination (RCX) is not page-aligned";
        assert_eq!(
            line,
            format!("| RcxUnaligned | #GP(0) | {what} | [encls/epa](conformance/encls/epa.conf): a; b |")
        );
    }

    #[test]
    fn every_leaf_is_counted_in_the_manual() {
        let (text, wrong) = Index::default().counts();
        assert_eq!(wrong, Vec::<String>::new());
        assert_eq!(text.lines().count(), Index::default().leaves());
    }
}
