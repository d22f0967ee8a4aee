use super::*;

use clap::Parser;
use promise::Bound;

#[derive(Parser)]
struct Options {
    #[command(flatten)]
    bench: Bench,
}

fn parse(words: &[&str]) -> Result<Bench, clap::Error> {
    Options::try_parse_from([&["bench"], words].concat()).map(|options| options.bench)
}

fn entries() -> Vec<(&'static str, Entry)> {
    let figure = |name, value, baseline| Entry::Figure(Figure { name, value, baseline, comparable: true });
    let reason = "no cc".to_owned();
    vec![
        (syscalls::NAME, figure(syscalls::GETPPID, 157.0, 117.0)),
        (startup::NAME, figure(startup::TRUE, 31e6, 1e6)),
        (paths::NAME, Entry::Left { name: paths::COMPILE, reason }),
    ]
}

#[test]
fn benchmarks_are_all_or_those_named() {
    let wanted = |bench: &Bench| BENCHMARKS.iter().filter(|known| bench.wants(known)).count();
    assert_eq!(wanted(&parse(&[]).unwrap()), BENCHMARKS.len());
    assert_eq!(wanted(&parse(&["exec", "paths", "--json"]).unwrap()), 2);
}

#[test]
fn unknown_benchmarks_are_usage_errors() {
    for words in [&["execs"][..], &["--part", "exec"], &["--unknown"]] {
        assert!(parse(words).is_err(), "{words:?}");
    }
}

#[test]
fn only_figures_beyond_their_bound_are_broken() {
    let broken: Vec<_> = entries().iter().map(|(bench, entry)| is_broken(bench, entry)).collect();
    assert_eq!(broken, [false, true, false]);
}

#[test]
fn of_two_measurements_the_shorter_is_kept_on_both_sides() {
    let mut entries = entries();
    let (_, entry) = &mut entries[0];
    let again = Figure { name: syscalls::GETPPID, value: 150.0, baseline: 120.0, comparable: true };
    entry.keep_best(&Entry::Figure(again));
    let Entry::Figure(figure) = entry else { panic!("a figure became none") };
    assert_eq!((figure.value, figure.baseline), (150.0, 117.0));
}

#[test]
fn json_has_figures_and_what_was_left_out() {
    let json = json(&entries());
    assert_eq!(json["schema"], 1);
    let figures = json["figures"].as_array().unwrap();
    assert_eq!(figures.len(), 2);
    assert_eq!((&figures[0]["bench"], &figures[0]["name"]), (&json!("syscalls"), &json!("getppid")));
    assert_eq!((&figures[0]["value_ns"], &figures[0]["baseline_ns"]), (&json!(157.0), &json!(117.0)));
    assert_eq!(figures[1]["promise"]["kept"], false);
    assert_eq!(json["left_out"], json!([{ "bench": "paths", "name": "compile", "reason": "no cc" }]));
}

#[test]
fn what_is_left_out_is_said() {
    let (_, left) = entries().pop().unwrap();
    assert_eq!(text(paths::NAME, &[left]), "paths     compile      not measured: no cc\n");
}

#[test]
fn the_list_has_every_benchmark_and_its_promises() {
    let list = list();
    assert!(BENCHMARKS.iter().all(|benchmark| list.contains(benchmark.about)));
    assert!(list.contains("compile <= 1.20x") && list.contains("getppid <= +60 ns"), "{list}");
    assert_eq!(promised(exec::NAME, exec::TRUE), Some(Bound::Difference(2e6)));
    assert_eq!(promised(paths::NAME, paths::TREE), None);
}
