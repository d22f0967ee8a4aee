//! `anyclave check`: can this host do it, how fast, and what to mend.

mod container;
mod host;
mod probes;
mod speed;

use std::fmt::Write as _;
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::{machine, say};
use container::Container;
use probes::{Need, Outcome, PROBES, Probe};
use speed::Speed;

/// Try what a machine needs of this host, and how fast it is; exit status 0: it can, 1: it cannot
#[derive(clap::Args)]
pub(crate) struct Check {
    /// As one JSON object
    #[arg(long)]
    json: bool,
}

impl Check {
    /// Tries everything.
    pub(crate) fn execute(self) -> ExitCode {
        if machine::is_around() {
            say::error("this is a machine already; what its host can do shows outside of it");
            return ExitCode::FAILURE;
        }
        let results: Vec<_> = PROBES.iter().map(|probe| (probe, (probe.attempt)())).collect();
        let speed = is_able(&results).then(Speed::measure).flatten();
        let container = Container::around();
        let shown = if self.json {
            format!("{:#}\n", json(&results, speed, container))
        } else {
            text(&results, speed, container)
        };
        let shown = say::data(&shown);
        if is_able(&results) { shown } else { ExitCode::FAILURE }
    }
}

type Results<'a> = [(&'a Probe, Outcome)];

/// Nothing that is required is missing.
fn is_able(results: &Results<'_>) -> bool {
    results.iter().all(|(probe, outcome)| outcome.found || probe.need != Need::Required)
}

fn text(results: &Results<'_>, speed: Option<Speed>, container: Option<Container>) -> String {
    let mut text = container.map_or_else(String::new, |container| {
        format!("inside   a container, it seems ({})\n", container.name())
    });
    for (probe, Outcome { found, detail }) in results {
        let state = match (found, probe.need) {
            (true, _) => "found",
            (false, Need::Required) => "MISSING",
            (false, Need::Useful | Need::Later) => "missing",
        };
        let detail = if detail.is_empty() { String::new() } else { format!(" ({detail})") };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{state:<8} {}{detail}: {}", probe.name, probe.purpose);
        if !found {
            let _ = writeln!(text, "         without it: {}", probe.cost);
            let _ = writeln!(text, "         to mend: {}", probe.mend(container));
        }
    }
    text += &speed.map(Speed::text).unwrap_or_default();
    let verdict = if is_able(results) { "This host can do it." } else { "This host cannot do it." };
    text + verdict + "\n"
}

fn json(results: &Results<'_>, speed: Option<Speed>, container: Option<Container>) -> Value {
    let probes: Vec<_> = results
        .iter()
        .map(|(probe, Outcome { found, detail })| {
            json!({
                "name": probe.name,
                "purpose": probe.purpose,
                "need": probe.need.word(),
                "found": found,
                "detail": detail,
                "cost": probe.cost,
                "mend": probe.mend(container),
            })
        })
        .collect();
    json!({
        "schema": 1,
        "able": is_able(results),
        "container": container.map(Container::name),
        "speed": speed.map(Speed::json),
        "probes": probes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results(missing: Need) -> Vec<(&'static Probe, Outcome)> {
        PROBES
            .iter()
            .map(|probe| (probe, Outcome { found: probe.need != missing, detail: "x".to_owned() }))
            .collect()
    }

    #[test]
    fn only_what_is_required_decides() {
        assert!(is_able(&results(Need::Useful)));
        assert!(is_able(&results(Need::Later)));
        assert!(!is_able(&results(Need::Required)));
    }

    #[test]
    fn what_is_missing_is_explained() {
        let text = text(&results(Need::Required), None, None);
        assert!(text.contains("MISSING"));
        assert!(text.ends_with("This host cannot do it.\n"));
        assert_eq!(text.matches("to mend:").count(), text.matches("MISSING").count());
    }

    #[test]
    fn json_has_an_entry_for_each_probe() {
        let json = json(&results(Need::Useful), None, None);
        assert_eq!(json["schema"], 1);
        assert_eq!(json["able"], true);
        assert_eq!(json["probes"].as_array().unwrap().len(), PROBES.len());
        assert_eq!(json["probes"][0]["need"], "required");
    }

    #[test]
    fn in_a_container_its_owner_is_told_how() {
        let results = results(Need::Required);
        let text = text(&results, None, Some(Container::Docker));
        assert!(text.starts_with("inside   a container, it seems (docker)\n"));
        assert!(text.contains("to mend: docker run --cap-add SYS_PTRACE; else kernel.yama"), "{text}");
        assert_eq!(json(&results, None, Some(Container::Podman))["container"], "podman");
    }

    #[test]
    fn this_host_is_able() {
        let results: Vec<_> = PROBES.iter().map(|probe| (probe, (probe.attempt)())).collect();
        assert!(is_able(&results), "{}", text(&results, None, None));
    }
}
