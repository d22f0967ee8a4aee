//! How fast this host does it: a machine of its own with the demo's enclave, timed.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Speed {
    /// From the start of `anyclave run` to the end of a program that does nothing, less the same without us.
    start: Duration,
    /// A call of an enclave: EENTER, EEXIT.
    call: Duration,
}

/// Runs that the start is the best of.
const STARTS: usize = 5;

impl Speed {
    /// Measures; none where a run fails.
    pub(super) fn measure() -> Option<Self> {
        // Without a program that does nothing there is no figure, which is no reason to fail.
        let plain = best(|| Command::new("true"))?;
        let start = best(|| run(&["true"]))?.saturating_sub(plain);
        let output = run(&["/proc/self/exe", "demo", "--measure"]).output().ok()?;
        let call = String::from_utf8(output.stdout).ok()?.trim().parse().ok()?;
        output.status.success().then_some(Self { start, call: Duration::from_nanos(call) })
    }

    /// A line.
    pub(super) fn text(self) -> String {
        let (start, call) = (self.start.as_micros(), self.call.as_nanos());
        format!(
            "speed    a run starts in {}.{} ms; EENTER and EEXIT take {}.{} \u{b5}s\n",
            start / 1000,
            start / 100 % 10,
            call / 1000,
            call / 100 % 10
        )
    }

    /// For `--json`.
    pub(super) fn json(self) -> Value {
        let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        json!({ "start_ns": nanoseconds(self.start), "call_ns": nanoseconds(self.call) })
    }
}

/// `anyclave run` on a machine whose keys nobody keeps.
fn run(program: &[&str]) -> Command {
    let mut run = Command::new("/proc/self/exe");
    run.args(["run", "-q", "--seed", "speed", "--"]).args(program);
    run
}

/// The shortest time of a few that a command takes.
fn best(command: impl Fn() -> Command) -> Option<Duration> {
    (0..STARTS)
        .map(|_| {
            let begin = Instant::now();
            let status = command().stdin(Stdio::null()).stdout(Stdio::null()).status().ok()?;
            status.success().then(|| begin.elapsed())
        })
        .collect::<Option<Vec<_>>>()?
        .into_iter()
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_told_in_words_and_in_json() {
        let speed = Speed { start: Duration::from_micros(12_340), call: Duration::from_nanos(41_990) };
        assert_eq!(speed.text(), "speed    a run starts in 12.3 ms; EENTER and EEXIT take 41.9 \u{b5}s\n");
        assert_eq!(speed.json()["call_ns"], 41_990);
        assert_eq!(speed.json()["start_ns"], 12_340_000);
    }
}
