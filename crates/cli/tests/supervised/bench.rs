//! `anyclave bench`, by its contract; what it measures is nobody's to assert here.

use crate::compile::scratch;
use crate::run::{anyclave, run, supervised};
use serde_json::Value;
use std::process::Command;

#[test]
fn figures_stand_beside_their_baselines() {
    let folder = scratch("bench");
    let mut command = Command::new(anyclave());
    let outcome = run(command.args(["bench", "--json", "syscalls", "addpages"]), &folder);
    outcome.assert_code(0);
    let json: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(json["schema"], 1);
    let figures = json["figures"].as_array().unwrap();
    let names: Vec<_> = figures.iter().map(|figure| figure["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["getppid", "one_cpu", "unmeasured", "any_cpu"]);
    for figure in figures {
        assert!(figure["value_ns"].as_f64().unwrap() > 0.0, "{figure}");
        assert!(figure["baseline_ns"].as_f64().unwrap() > 0.0, "{figure}");
    }
    assert!(figures[0]["ratio"].is_number() && figures[1]["ratio"].is_null(), "{json:#}");
    assert_eq!(json["left_out"], Value::Array(Vec::new()));
}

#[test]
fn inside_a_run_it_is_refused() {
    let folder = scratch("bench_inside");
    let outcome = run(&mut supervised([anyclave().as_os_str(), "bench".as_ref()]), &folder);
    outcome.assert_code(1);
    assert_eq!(outcome.stdout, "");
    assert!(outcome.stderr.starts_with("anyclave: this is a machine already"), "{outcome:?}");
}
