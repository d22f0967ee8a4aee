//! Performs scripts on the processor itself.

use std::panic::{AssertUnwindSafe, catch_unwind};

use anyclave_trace::Cause;

use super::Problem;
use super::declare::is_declaration;
use super::syntax::{Case, Kind, Run, Script, Section, Statement};
use super::world::World;

/// What came of a script.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Cases that were performed, pairs not counted.
    pub cases: usize,
    /// What was not as expected.
    pub problems: Vec<Problem>,
    /// Checks that cases reached, with the outcome that they asserted.
    pub reached: Vec<Reached>,
}

/// A check that a case reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// The check.
    pub cause: Cause,
    /// The outcome that the case wanted and saw.
    pub outcome: String,
    /// The script.
    pub file: String,
    /// The case.
    pub case: String,
}

/// Performs every case of a script, and consecutive ones of ordered sections at once.
#[must_use]
pub fn run(script: &Script) -> Report {
    let mut report = Report::default();
    for section in &script.sections {
        for case in &section.cases {
            report.cases += 1;
            perform(script, section, case, &mut report);
        }
        if section.ordered {
            order(script, section, &mut report);
        }
    }
    report
}

fn perform(script: &Script, section: &Section, case: &Case, report: &mut Report) {
    let statements: Vec<_> = section.setup.iter().chain(&case.statements).cloned().collect();
    let mut reached = Vec::new();
    let result = guarded(case.line, || statements_of(script, &statements, case.line, &mut reached).map(drop));
    if let Err((line, text)) = result {
        report.problems.push(Problem::at(&script.file, line, format!("{}: {text}", case.name)));
        return;
    }
    report.reached.extend(reached.into_iter().map(|(cause, outcome)| Reached {
        cause,
        outcome,
        file: script.file.clone(),
        case: case.name.clone(),
    }));
}

type Wrong = (usize, String);

/// Performs all statements in a new world.
fn statements_of(
    script: &Script,
    statements: &[Statement],
    line: usize,
    reached: &mut Vec<(Cause, String)>,
) -> Result<World, Wrong> {
    let mut world = World::new();
    // what is wrong with an enclave as a whole has no line of its own
    world.declare(statements).map_err(|(at, text)| (if at == 0 { line } else { at }, text))?;
    perform_all(&mut world, script, statements, line, reached)?;
    Ok(world)
}

/// Performs all statements but the declarations, in the world that these have made.
pub(super) fn perform_all(
    world: &mut World,
    script: &Script,
    statements: &[Statement],
    line: usize,
    reached: &mut Vec<(Cause, String)>,
) -> Result<(), Wrong> {
    let mut expects = 0;
    for Statement { line, kind } in statements.iter().filter(|statement| !is_declaration(&statement.kind)) {
        let wrong = |text| (*line, text);
        let Kind::Expect(expect) = kind else {
            world.finish().map_err(wrong)?;
            world.perform(*line, kind, script.leaf).map_err(wrong)?;
            continue;
        };
        if world.ran.is_none() {
            world.run(*line, &OWN, script.leaf).map_err(wrong)?;
        }
        expects += 1;
        reached.extend(world.expect(expect).map_err(wrong)?);
    }
    world.finish().map_err(|text| (line, text))?;
    if expects == 0 {
        return Err((line, "the case expects nothing".to_owned()));
    }
    Ok(())
}

/// The leaf of the file on the registers as they are.
const OWN: Run = Run { leaf: None, operands: Vec::new(), named: Vec::new(), step: false };

/// A panic of the processor is a problem of the case.
fn guarded<R>(line: usize, work: impl FnOnce() -> Result<R, Wrong>) -> Result<R, Wrong> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason");
        Err((line, format!("panic: {text}")))
    })
}

/// Of two consecutive cases at once, the earlier one shows, or one that stands before it.
fn order(script: &Script, section: &Section, report: &mut Report) {
    for (index, pair) in section.cases.windows(2).enumerate() {
        let [first, second] = pair else { continue };
        if first.alone || refused(first).is_none() || refused(second).is_none() {
            continue;
        }
        let both = [&section.setup[..], before_expect(second), before_expect(first)].concat();
        let allowed: Vec<_> = section.cases[..=index].iter().filter_map(refused).collect();
        let result = guarded(first.line, || {
            let mut world = World::new();
            world.declare(&both)?;
            for Statement { line, kind } in both.iter().filter(|statement| !is_declaration(&statement.kind)) {
                world.finish().map_err(|text| (*line, text))?;
                world.perform(*line, kind, script.leaf).map_err(|text| (*line, text))?;
            }
            if world.ran.is_none() {
                world.run(first.line, &OWN, script.leaf).map_err(|text| (first.line, text))?;
            }
            Ok(world.cause())
        });
        let text = match result {
            Ok(Some(cause)) if allowed.contains(&cause.name()) => continue,
            Ok(cause) => format!("{:?} shows", cause.map_or("no check", Cause::name)),
            Err((line, text)) => format!("line {line}: {text}"),
        };
        let text = format!("`{}` and `{}` at once: {text}", first.name, second.name);
        report.problems.push(Problem::at(&script.file, first.line, text));
    }
}

/// The check that a case says its leaf fails at, if its first expectation is such.
fn refused(case: &Case) -> Option<&str> {
    use super::syntax::Expect;
    case.statements.iter().find_map(|statement| match &statement.kind {
        Kind::Expect(Expect::Fault { cause: Some(cause), .. } | Expect::Code { cause, .. }) => {
            Some(Some(&**cause))
        }
        Kind::Expect(_) => Some(None),
        _ => None,
    })?
}

/// What a case does before it expects anything.
fn before_expect(case: &Case) -> &[Statement] {
    let expects = |statement: &Statement| matches!(statement.kind, Kind::Expect(_));
    let end = case.statements.iter().position(expects).unwrap_or(case.statements.len());
    &case.statements[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::parse;

    const EPA: &str = "leaf EPA\nsetup\n page new\n rbx = 3, rcx = new\n";

    /// What is wrong with a script.
    fn problems(text: &str) -> Vec<String> {
        let script = parse("a.conf", text).unwrap();
        run(&script).problems.iter().map(ToString::to_string).collect()
    }

    #[track_caller]
    fn assert_problem(case: &str, wanted: &str) {
        let problems = problems(&format!("{EPA}case it\n{case}"));
        assert!(problems.len() == 1 && problems[0].contains(wanted), "{problems:?}");
    }

    #[test]
    fn a_right_case_reaches_its_check() {
        let script =
            parse("a.conf", &format!("{EPA}case it\n rcx += 8\n expect #GP RcxUnaligned\n")).unwrap();
        let report = run(&script);
        assert_eq!((report.cases, report.problems.len()), (1, 0));
        let [reached] = &report.reached[..] else { panic!("{:?}", report.reached) };
        assert_eq!((reached.cause.name(), &*reached.outcome), ("RcxUnaligned", "#GP(0)"));
        assert_eq!((&*reached.file, &*reached.case), ("a.conf", "it"));
    }

    #[test]
    fn another_outcome_or_check_is_noticed() {
        assert_problem("rcx += 8\n expect #PF rcx write RcxUnaligned", "a.conf:7: it: ENCLS[EPA]: #GP(0)");
        assert_problem("rcx += 8\n expect #GP PageValid", "the check is RcxUnaligned, not PageValid");
        assert_problem("rcx += 8\n expect done", "RcxUnaligned");
        assert_problem("expect #GP RcxUnaligned", "succeeded");
        assert_problem("rcx = source\n expect #PF source read RcxNotEpc", "not Pf");
        assert_problem("rcx = source\n expect #PF secinfo write RcxNotEpc", "not Pf");
        assert_problem("run EBLOCK new\n expect code 6 CF PageInvalid", "RAX is 0x6");
        assert_problem("run EBLOCK new\n expect code 7 ZF PageInvalid", "RAX is 0x6");
    }

    #[test]
    fn a_change_that_nobody_named_is_noticed() {
        assert_problem("expect done", "the EPCM entry of new has changed");
        assert_problem("expect done, epcm new va r at=0 of=0", "the EPCM has");
        let edbgrd = "enclave E debug\n run EDBGRD E.data\n expect done";
        assert_problem(edbgrd, "rbx has changed");
    }

    #[test]
    fn a_step_that_fails_and_a_case_without_expectation_are_noticed() {
        assert_problem("EPA source\n expect done", "RcxNotEpc");
        assert_problem("rcx += 8", "expects nothing");
        assert_problem("run", "expects nothing");
    }

    #[test]
    fn the_order_of_cases_is_the_order_of_checks() {
        let text = "case b\n rcx += 8\n expect #GP RcxUnaligned\ncase a\n rbx = 2\n expect #GP RbxNotVa\n";
        assert_eq!(problems(&format!("{EPA}{text}")), Vec::<String>::new());
        let ordered = EPA.replace("setup", "setup ordered");
        let problems = problems(&format!("{ordered}{text}"));
        assert_eq!(problems, ["a.conf:5: `b` and `a` at once: \"RbxNotVa\" shows"]);
    }

    #[test]
    fn lines_that_mean_nothing_are_named() {
        for (line, wanted) in [
            ("frobnicate", "a.conf:2: no statement begins with `frobnicate`"),
            ("expect code 3 PF Blocked", "a.conf:2: PF is neither ZF nor CF"),
            ("rax = ", "a.conf:2: an expression is wanted"),
            ("page", "a.conf:2: a name is wanted"),
            ("release now", "a.conf:2: `now` is too much"),
        ] {
            let problem = parse("a.conf", &format!("leaf EPA\n{line}\n")).unwrap_err();
            assert_eq!(problem.to_string(), wanted);
        }
        assert!(parse("a.conf", "page new\n").is_err(), "no leaf");
    }
}
