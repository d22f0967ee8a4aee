//! ptrace: PTRACE_TRACEME, PTRACE_ATTACH and PTRACE_SEIZE.
//!
//! A thread has one tracer, and within a run that is one of ours, also in the moment in which a process goes
//! from one to another. So the requests fail as the kernel's do on a thread that is traced, with `EPERM`.
//! What debuggers make of that is obscure; each is explained once by name.

use std::collections::BTreeSet;

use anyclave_sys::notify::Notification;
use anyclave_sys::procfs::{self, Status};
use anyclave_sys::{Errno, Pid};

use super::Answer;
use super::open::low;
use crate::process::lock;
use crate::shared::Shared;

/// Names that are remembered: a program may make up any number of them.
const NAMES: usize = 64;

/// The caller need not be registered: LeakSanitizer's tracer is a thread that no tracer follows
/// (CLONE_UNTRACED).
pub(crate) fn ptrace(shared: &Shared, call: &Notification) -> Answer {
    let [request, target, ..] = call.args;
    if !matches!(
        low(request).cast_unsigned(),
        libc::PTRACE_TRACEME | libc::PTRACE_ATTACH | libc::PTRACE_SEIZE
    ) {
        return Answer::CONTINUE;
    }
    // It may be dying, and then nobody waits for a word.
    let name = procfs::name(call.pid).unwrap_or_default();
    if is_new(&mut lock(&shared.refused_tracers), &name) {
        let about_itself = low(request).cast_unsigned() != libc::PTRACE_TRACEME
            && looks_at_itself(call.pid, Pid::from_raw(low(target)));
        shared.log.warn(explanation(&name, call.pid, about_itself));
    }
    Answer::error(Errno::EPERM)
}

/// Whether a name has not been explained to, and is now.
fn is_new(told: &mut BTreeSet<String>, name: &str) -> bool {
    told.len() < NAMES && told.insert(name.to_owned())
}

/// Whether the caller is a child that stops its own program in its parent, as LeakSanitizer does.
fn looks_at_itself(caller: Pid, target: Pid) -> bool {
    let parent = Status::read(caller).map(|status| status.ppid);
    parent.is_ok_and(|parent| procfs::tgid_of(target) == Ok(parent))
        && procfs::exe(caller).is_ok_and(|exe| procfs::exe(target) == Ok(exe))
}

fn explanation(name: &str, pid: Pid, about_itself: bool) -> String {
    // A name is any bytes that the program likes, and goes to a terminal.
    let name: String =
        name.chars().map(|character| if character.is_control() { '?' } else { character }).collect();
    let what = if about_itself {
        "wants to trace itself (ptrace), as LeakSanitizer does at the end; it gets EPERM, since a thread has one \
         tracer, and within a run that is anyclave: leave leaks out with ASAN_OPTIONS=detect_leaks=0 or \
         LSAN_OPTIONS=detect_leaks=0"
    } else {
        "wants to trace (ptrace) and gets EPERM: a thread has one tracer, and within a run that is anyclave, so \
         gdb, strace and their like work only outside of one"
    };
    format!("{name} ({pid}) {what}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_told_once_and_not_without_end() {
        let mut told = BTreeSet::new();
        assert!(is_new(&mut told, "gdb"));
        assert!(!is_new(&mut told, "gdb"));
        assert!(is_new(&mut told, "strace"));
        let more = (0..1000).filter(|number| is_new(&mut told, &number.to_string())).count();
        assert_eq!(more, NAMES - 2);
    }

    #[test]
    fn names_cannot_play_with_the_terminal() {
        let text = explanation("a\x1b[2J\n", Pid::from_raw(7), false);
        assert!(text.starts_with("a?[2J? (7) wants to trace"));
    }

    #[test]
    fn only_a_child_looks_at_its_own_program_in_its_parent() {
        use anyclave_sys::fork::{getpid, getppid};
        assert!(!looks_at_itself(getpid(), getpid()));
        // Whoever has started the tests is another program.
        assert!(!looks_at_itself(getpid(), getppid()));
        assert!(!looks_at_itself(getpid(), Pid::from_raw(0)));
    }
}
