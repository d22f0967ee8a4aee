//! kill -9 at random moments: of programs and their children, of the supervisor, of its monitor. Afterwards
//! everything is gone, and who had no part in it ends as ever.

use std::fs;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::thread::sleep;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};

use super::chance::Chance;
use super::kit::Kit;
use super::lanes::lanes;
use super::marked::{End, Marked, Process};
use super::{Count, Scale};

/// Programs of the suite with much going on inside enclaves, threads and children.
const PROGRAMS: [&str; 7] = ["storm", "threads", "fork_child", "many", "nested", "egetkey", "exec_thread"];

/// Most of them take a few milliseconds, so a shell starts its arguments again and again.
const REPEAT: &str = "i=0; while [ $i -lt 4 ]; do \"$@\" || exit; i=$((i + 1)); done";

const LIMIT: Duration = Duration::from_secs(60);

/// How many run at once.
const LANES: u32 = 4;

/// The latest moments. A run starts in some 15 ms, in which much happens that happens only once.
const LATEST_MS: [u64; 2] = [30, 150];

/// Who is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Victim {
    Program,
    Child,
    Supervisor,
    Monitor,
}

const VICTIMS: [Victim; 4] = [Victim::Program, Victim::Child, Victim::Supervisor, Victim::Monitor];

/// What a lane did.
#[derive(Debug, Default)]
struct Lane {
    killed: [u32; VICTIMS.len()],
    /// Whoever was to be killed was not there, or no longer.
    missed: u32,
    failures: Vec<String>,
}

pub(super) fn step(kit: &Kit, scale: Scale, seed: u64) -> io::Result<Count> {
    prepare(kit)?;
    let mut total = Lane::default();
    for lane in lanes(LANES, |number| lane(kit, scale.kills / LANES, seed, number))? {
        total.killed.iter_mut().zip(lane.killed).for_each(|(total, killed)| *total += killed);
        total.missed += lane.missed;
        total.failures.extend(lane.failures);
    }
    let [programs, children, supervisors, monitors] = total.killed;
    let done = format!(
        "killed {programs} programs, {children} children, {supervisors} supervisors, {monitors} monitors; {} times \
         nobody was there",
        total.missed
    );
    Ok(Count { done, failures: total.failures })
}

/// Has the suite make its programs. Whether their tests pass is another step's affair.
fn prepare(kit: &Kit) -> io::Result<()> {
    let log = kit.folder.join("kills.log");
    let mut suite = kit.suite();
    suite.args(PROGRAMS.map(|name| format!("programs::{name}"))).arg("--exact");
    Marked::start(&mut suite, &log)?.finish(LIMIT)?;
    let missing = PROGRAMS.iter().flat_map(|name| kit.program(name)).find(|path| !path.exists());
    match missing {
        None => Ok(()),
        Some(path) => Err(io::Error::other(format!(
            "the suite does not make {}: see {}",
            path.display(),
            log.display()
        ))),
    }
}

fn lane(kit: &Kit, kills: u32, seed: u64, number: u32) -> io::Result<Lane> {
    let mut lane = Lane::default();
    let mut chance = Chance::new(seed, number);
    let log = kit.folder.join(format!("kills.{number}.log"));
    for _ in 0..kills {
        let (Some(program), Some(victim)) = (chance.one_of(&PROGRAMS), chance.one_of(&VICTIMS)) else {
            continue;
        };
        let mut run = kit.run(["sh", "-c", REPEAT, "sh"]);
        let started = Marked::start(run.args(kit.program(program)), &log)?;
        let latest = chance.one_of(&LATEST_MS).copied().unwrap_or(1);
        let moment = chance.below(latest);
        sleep(Duration::from_millis(moment));
        let hit = find(&started, *victim).filter(|process| kill(process.pid, Signal::SIGKILL).is_ok());
        match (hit, VICTIMS.iter().position(|one| one == victim)) {
            (Some(_), Some(place)) => lane.killed[place] += 1,
            _ => lane.missed += 1,
        }
        let end = started.finish(LIMIT)?;
        let complaint = end.complaint().or_else(|| unexpected(*victim, &end));
        if let Some(complaint) = complaint {
            let said = fs::read_to_string(&log)?;
            lane.failures.push(format!("{program}, {victim:?} killed after {moment} ms: {complaint} {said}"));
        }
    }
    Ok(lane)
}

/// The process that is to be killed.
fn find(started: &Marked, victim: Victim) -> Option<Process> {
    let processes = started.processes();
    // Between its start and the exec the program bears our name as well.
    let monitor = processes.iter().find(|process| process.name.starts_with("anyclave-mon"));
    let supervisor =
        monitor.and_then(|monitor| processes.iter().find(|process| process.parent == monitor.pid));
    match victim {
        Victim::Program => processes.iter().find(|process| process.pid == started.pid()),
        Victim::Child => processes.iter().find(|process| process.parent == started.pid()),
        Victim::Supervisor => supervisor,
        Victim::Monitor => monitor,
    }
    .cloned()
}

/// Ends that this victim does not explain. A run that was still starting says 125.
fn unexpected(victim: Victim, end: &End) -> Option<String> {
    let status = end.status?;
    let killed = status.signal() == Some(Signal::SIGKILL as i32);
    let (well, ours) = (status.success(), status.code() == Some(125));
    let expected = match victim {
        Victim::Program => killed || well,
        // The parent of a killed child checks how it ended.
        Victim::Child => status.code().is_some(),
        Victim::Supervisor => killed || well || ours,
        Victim::Monitor => well || ours,
    };
    (!expected).then(|| status.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::ExitStatus;

    fn is_expected(victim: Victim, raw: i32) -> bool {
        unexpected(victim, &End { status: Some(ExitStatus::from_raw(raw)), left: Vec::new() }).is_none()
    }

    #[test]
    fn the_program_dies_with_its_supervisor_and_not_with_the_monitor() {
        assert!(is_expected(Victim::Supervisor, 9) && is_expected(Victim::Program, 9));
        assert!(!is_expected(Victim::Monitor, 9));
        assert!(is_expected(Victim::Monitor, 125 << 8));
        assert!(!is_expected(Victim::Supervisor, 1 << 8));
        assert!(!is_expected(Victim::Program, 11));
    }
}
