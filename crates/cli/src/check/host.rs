//! Probes of the host's settings, beside those of its system calls.

use std::fs::read_to_string;

use anyclave_sys::fork::getpid;
use anyclave_sys::procfs::{self, Status};
use anyclave_sys::{Errno, cpuid, host, probe};

use super::probes::Outcome;
use crate::machine::Machine;
use crate::state::Source;

/// Fewer descriptors than this do for small process trees only: each process takes two or three, each enclave
/// as many.
const DESCRIPTORS: u64 = 1024;
/// Linux's own default of vm.max_map_count.
const MAPPINGS: u64 = 65_530;

/// The kernel is new enough.
pub(super) fn release() -> Outcome {
    match read_to_string("/proc/sys/kernel/osrelease") {
        Ok(text) => Outcome { found: version(&text) >= Some((5, 14)), detail: text.trim().to_owned() },
        Err(error) => Err(error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)).into(),
    }
}

/// The first two numbers of a kernel's release.
fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|character: char| !character.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// Tracing; where it fails, who traces us already or what Yama says.
pub(super) fn tracing() -> Outcome {
    let tracer = Status::read(getpid()).map(|status| status.tracer);
    if let Some(tracer) = tracer.ok().filter(|tracer| tracer.as_raw() != 0) {
        // The children of such a process may be free of it; a run in its place is not.
        let name = procfs::name(tracer).unwrap_or_default();
        return Outcome { found: false, detail: format!("{name} traces this process") };
    }
    let mut outcome = Outcome::from(probe::tracing());
    if outcome.found {
        return outcome;
    }
    if let Ok(scope) = read_to_string("/proc/sys/kernel/yama/ptrace_scope") {
        outcome.detail += &format!("; kernel.yama.ptrace_scope is {}", scope.trim());
    }
    outcome
}

/// CPUID can be made to fault.
pub(super) fn cpuid_faulting() -> Outcome {
    match cpuid::has_cpuid_faulting() {
        Ok(found) => found.into(),
        Err(error) => Err(error).into(),
    }
}

/// The keys of a machine outlast a run: does what a run without options does, so the first one makes them.
pub(super) fn lasting_keys() -> Outcome {
    let source = Machine::default().config().map(|(_, source)| source);
    match source {
        Ok(Source::File(path)) => Outcome { found: true, detail: path.display().to_string() },
        Ok(Source::Seed) => true.into(),
        Ok(Source::ThisRun(why)) => Outcome { found: false, detail: why },
        Err(error) => Outcome { found: false, detail: error.to_string() },
    }
}

/// A supervisor may have as many descriptors as it takes.
pub(super) fn descriptors() -> Outcome {
    match host::descriptors() {
        Ok(count) => enough(count, DESCRIPTORS),
        Err(error) => Err(error).into(),
    }
}

/// A program may have as many mappings as enclaves of many rights take. Where it cannot be read there is no
/// reason to doubt it.
pub(super) fn mappings() -> Outcome {
    let text = read_to_string("/proc/sys/vm/max_map_count").unwrap_or_default();
    text.trim().parse().map_or_else(|_| true.into(), |count| enough(count, MAPPINGS))
}

fn enough(count: u64, least: u64) -> Outcome {
    Outcome { found: count >= least, detail: count.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_compared_by_number() {
        assert_eq!(version("6.18.44-fc\n"), Some((6, 18)));
        assert_eq!(version("5.4"), Some((5, 4)));
        assert!(version("5.4.0") < Some((5, 19)));
        assert_eq!(version("six"), None);
        assert_eq!(version(""), None);
    }

    #[test]
    fn limits_are_compared_and_told() {
        assert_eq!(enough(MAPPINGS, MAPPINGS), Outcome { found: true, detail: "65530".to_owned() });
        assert!(!enough(DESCRIPTORS - 1, DESCRIPTORS).found);
        assert!(mappings().detail.parse::<u64>().is_ok());
    }
}
