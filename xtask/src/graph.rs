//! Rules about crates: who may depend on whom, and under which licence.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::Problem;

/// The house from the bottom to the top: a crate depends on crates above it in this list only. Those without
/// a line here do not exist yet.
const ORDER: [&str; 19] = [
    "anyclave-arch",
    "anyclave-crypto",
    "anyclave-sign",
    "anyclave-trace",
    "anyclave-cpu",
    "anyclave-epc",
    "anyclave-launch",
    "anyclave-driver",
    "anyclave-vepc",
    "anyclave-platform",
    "anyclave-attest",
    "anyclave-control",
    "anyclave-stub",
    "anyclave-sys",
    "anyclave-supervisor",
    "anyclave-hello",
    "anyclave",
    "anyclave-testkit",
    "xtask",
];

/// The licence of all crates here.
const OURS: &str = "MIT OR Apache-2.0";

/// Licences that crates of others may have.
const THEIRS: [&str; 9] = [
    "MIT",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Checks the graph of crates.
pub(crate) fn check(root: &Path) -> Vec<Problem> {
    match metadata(root) {
        Ok(metadata) => packages(&metadata).flat_map(package).collect(),
        Err(error) => vec![Problem::new("cargo metadata", error)],
    }
}

/// What cargo knows, without a network.
fn metadata(root: &Path) -> Result<Value, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version=1", "--offline", "--filter-platform=x86_64-unknown-linux-gnu"])
        .current_dir(root)
        .output()
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())
}

fn packages(metadata: &Value) -> impl Iterator<Item = &Value> {
    metadata["packages"].as_array().into_iter().flatten()
}

fn package(package: &Value) -> Vec<Problem> {
    let name = package["name"].as_str().unwrap_or_default();
    let licence = package["license"].as_str().unwrap_or("none");
    // Crates of the workspace come from nowhere.
    if !package["source"].is_null() {
        if is_acceptable(licence) {
            return Vec::new();
        }
        return vec![Problem::new(name, format!("has the licence {licence}"))];
    }
    let mut problems = Vec::new();
    if licence != OURS {
        problems.push(Problem::new(name, format!("has the licence {licence}, not {OURS}")));
    }
    let Some(place) = place(name) else {
        problems.push(Problem::new(name, "has no place in the order of crates"));
        return problems;
    };
    let dependencies = package["dependencies"].as_array().into_iter().flatten();
    for dependency in dependencies.filter(|dependency| dependency["kind"] != "dev") {
        let on = dependency["name"].as_str().unwrap_or_default();
        if self::place(on).is_some_and(|on| on >= place) {
            problems.push(Problem::new(name, format!("depends on {on}, which is not below it")));
        }
    }
    problems
}

fn place(name: &str) -> Option<usize> {
    ORDER.iter().position(|crate_| *crate_ == name)
}

/// One of the alternatives of a licence expression is acceptable as a whole.
fn is_acceptable(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ").replace(['(', ')'], " ");
    // In the expressions that occur OR binds the alternatives of one part that AND adds to.
    expression.split(" AND ").all(|part| part.split(" OR ").any(|licence| THEIRS.contains(&licence.trim())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn problems(name: &str, dependencies: &Value) -> Vec<String> {
        let value = json!({ "name": name, "license": OURS, "source": null, "dependencies": dependencies });
        package(&value).into_iter().map(|problem| problem.what).collect()
    }

    #[test]
    fn edges_point_down_the_house() {
        let on = |name: &str, kind: Value| json!([{ "name": name, "kind": kind }]);
        assert!(problems("anyclave-cpu", &on("anyclave-arch", Value::Null)).is_empty());
        assert!(problems("anyclave-cpu", &on("sha2", Value::Null)).is_empty());
        assert!(problems("anyclave-cpu", &on("anyclave-testkit", json!("dev"))).is_empty());
        let expected = ["depends on anyclave-epc, which is not below it"];
        assert_eq!(problems("anyclave-cpu", &on("anyclave-epc", Value::Null)), expected);
        assert_eq!(problems("anyclave-cpu", &on("anyclave-epc", json!("build"))), expected);
        assert_eq!(problems("stranger", &json!([])), ["has no place in the order of crates"]);
    }

    #[test]
    fn licences_are_of_the_known_ones() {
        for good in [
            "MIT",
            "MIT OR Apache-2.0",
            "MIT/Apache-2.0",
            "Unlicense OR MIT",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
        ] {
            assert!(is_acceptable(good), "{good}");
        }
        for bad in ["GPL-3.0", "MPL-2.0", "none", "MIT AND GPL-2.0", ""] {
            assert!(!is_acceptable(bad), "{bad}");
        }
    }
}
