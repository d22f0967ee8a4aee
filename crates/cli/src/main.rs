//! The command line: one file per verb. docs/cli.md is the contract.

#![forbid(unsafe_code)]

mod bench;
mod cache;
mod check;
mod demo;
mod explain;
mod info;
mod machine;
mod run;
mod say;
mod state;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

/// A software SGX processor and Linux SGX driver in user space. It simulates; it protects nothing.
#[derive(Parser)]
#[command(name = "anyclave", version, arg_required_else_help = false)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    Run(run::Run),
    Demo(demo::Demo),
    Check(check::Check),
    Bench(bench::Bench),
    Info(info::Info),
    Explain(explain::Explain),
}

/// Usage errors of all verbs but `run`, whose every failure must be told apart from its program's.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    match Cli::try_parse_from(&arguments) {
        Ok(Cli { verb }) => match verb {
            Verb::Run(run) => run.execute(),
            Verb::Demo(demo) => demo.execute(),
            Verb::Check(check) => check.execute(),
            Verb::Bench(bench) => bench.execute(),
            Verb::Info(info) => info.execute(),
            Verb::Explain(explain) => explain.execute(),
        },
        Err(error) => misuse(&error, &arguments),
    }
}

/// Help and version go to standard output and are no error; what cannot be understood is.
fn misuse(error: &clap::Error, arguments: &[OsString]) -> ExitCode {
    let text = error.render().to_string();
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return say::data(&text);
    }
    say::error(text.strip_prefix("error: ").unwrap_or(&text).trim_end());
    let of_run = arguments.get(1).is_some_and(|verb| verb == "run");
    ExitCode::from(if of_run { run::OURS } else { USAGE })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_and_version_are_no_errors() {
        for words in [&["--help"][..], &["--version"], &["-h"], &["-V"], &["help"], &["help", "run"]] {
            let error = Cli::try_parse_from([&["anyclave"], words].concat()).err().unwrap();
            assert!(matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion), "{words:?}");
        }
    }
}
