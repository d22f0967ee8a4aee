//! `anyclave run`: a program, and all it starts, with SGX.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use anyclave_platform::{Config, inject_text};
use anyclave_supervisor::{RunOptions, Verbosity};

use crate::cache;
use crate::machine::{self, Machine};
use crate::say;

/// Exit status of anything that is ours and not the program's.
pub(crate) const OURS: u8 = 125;
/// The program is there and cannot be executed.
pub(crate) const NOT_EXECUTABLE: u8 = 126;
/// There is no such program.
pub(crate) const NOT_FOUND: u8 = 127;

/// Run a program, and all it starts, with SGX
///
/// The exit status is the program's own, or its death by a signal; 125: anything of ours; 126: not executable;
/// 127: not found. Words behind PROGRAM are its own; -- ends our options.
#[derive(clap::Args)]
pub(crate) struct Run {
    #[command(flatten)]
    loudness: Loudness,
    /// The program, found along PATH, and its arguments [default: $SHELL, else /bin/sh]
    #[arg(trailing_var_arg = true, value_name = "PROGRAM [ARG]")]
    program: Vec<OsString>,
    #[command(flatten)]
    machine: Machine,
}

/// How much is said on standard error.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub(crate) struct Loudness {
    /// Say nothing but errors [env: ANYCLAVE_QUIET, if not empty]
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,
    /// Say why each refused leaf and ioctl was refused; `explain` knows the names of the checks
    #[arg(short, long)]
    verbose: bool,
}

impl Loudness {
    fn verbosity(self) -> Verbosity {
        let by_environment = || std::env::var_os("ANYCLAVE_QUIET").is_some_and(|text| !text.is_empty());
        if self.verbose {
            Verbosity::Verbose
        } else if self.quiet || by_environment() {
            Verbosity::Quiet
        } else {
            Verbosity::Normal
        }
    }
}

impl Run {
    /// Becomes the program; returns only when that fails.
    pub(crate) fn execute(self) -> ExitCode {
        let shell = || std::env::var_os("SHELL").filter(|shell| !shell.is_empty());
        let mut words = self.program.into_iter();
        let program = words.next().or_else(shell).unwrap_or_else(|| "/bin/sh".into());
        let arguments: Vec<_> = words.collect();
        start(&self.machine, self.loudness, &program, &arguments)
    }
}

/// Runs a program on a machine of its own, or on the one around.
pub(crate) fn start(
    machine: &Machine,
    loudness: Loudness,
    program: &OsStr,
    arguments: &[OsString],
) -> ExitCode {
    if machine::is_around() {
        if machine.is_given() {
            say::error("this is a machine already, and machines do not nest: leave its options out");
            return ExitCode::from(OURS);
        }
        return on_machine_around(program, arguments);
    }
    let (config, keys) = match machine.config() {
        Ok(made) => made,
        Err(error) => {
            say::error(error);
            return ExitCode::from(OURS);
        }
    };
    let verbosity = loudness.verbosity();
    if verbosity > Verbosity::Quiet {
        let rare = match inject_text(&config.inject) {
            none if none.is_empty() => String::new(),
            events => format!("; with rare events on purpose: {events}"),
        };
        say::error(format_args!("simulated SGX, which protects nothing; keys {keys}{rare}"));
    }
    on_new_machine(config, verbosity, program, arguments)
}

fn on_new_machine(
    machine: Config,
    verbosity: Verbosity,
    program: &OsStr,
    arguments: &[OsString],
) -> ExitCode {
    let options = RunOptions { machine, verbosity, cache: cache::directory() };
    let Err(error) = anyclave_supervisor::run(&options, program, arguments);
    say::error(&error);
    ExitCode::from(error.exit_code())
}

fn on_machine_around(program: &OsStr, arguments: &[OsString]) -> ExitCode {
    let error = Command::new(program).args(arguments).exec();
    let (why, code) = match error.kind() {
        io::ErrorKind::NotFound => ("not found".to_owned(), NOT_FOUND),
        _ => (error.to_string(), NOT_EXECUTABLE),
    };
    say::error(format_args!("{}: {why}", program.display()));
    ExitCode::from(code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Options {
        #[command(flatten)]
        run: Run,
    }

    fn parse(words: &[&str]) -> Result<Run, clap::Error> {
        Options::try_parse_from([&["run"], words].concat()).map(|options| options.run)
    }

    #[test]
    fn options_behind_the_program_are_its_own() {
        let run = parse(&["-q", "ls", "-l", "--epc", "x", "-v"]).unwrap();
        assert!(run.loudness.quiet && !run.loudness.verbose);
        assert_eq!(run.program, ["ls", "-l", "--epc", "x", "-v"]);
        assert!(!run.machine.is_given());
    }

    #[test]
    fn two_dashes_end_our_options() {
        assert_eq!(parse(&["--", "-x", "--", "y"]).unwrap().program, ["-x", "--", "y"]);
        assert_eq!(parse(&["--epc", "64M", "--", "ls"]).unwrap().program, ["ls"]);
        assert!(parse(&[]).unwrap().program.is_empty());
    }

    #[test]
    fn unknown_options_are_no_programs() {
        for words in [&["--epz", "1G", "ls"], &["-x", "ls", "y"], &["-q", "-v", "ls"]] {
            assert!(parse(words).is_err(), "{words:?}");
        }
    }
}
