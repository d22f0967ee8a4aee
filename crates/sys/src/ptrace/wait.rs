//! Waiting for the tracees of this thread.

use super::{Event, Stop, WaitEvent};
use crate::{Errno, Pid, Result};
use std::cell::RefCell;
use std::collections::VecDeque;

thread_local! {
    /// Reports that were taken from the kernel by someone who waited for something else. Per thread, as the
    /// tracer is a thread and the waits below take its own tracees only.
    static PUT_BACK: RefCell<VecDeque<(Pid, WaitEvent)>> = const { RefCell::new(VecDeque::new()) };
}

/// Waits for any child or tracee of this thread. `None`: there is none.
///
/// # Errors
/// `EINTR`: a signal handler ran.
pub fn wait_any() -> Result<Option<(Pid, WaitEvent)>> {
    if let Some(event) = take_back(None) {
        return Ok(Some(event));
    }
    match wait(-1, libc::__WALL | libc::__WNOTHREAD) {
        Err(Errno::ECHILD) => Ok(None),
        other => other,
    }
}

/// What is ready to be reported by any child or tracee of this thread; `None`: nothing now.
///
/// # Errors
/// `ECHILD`: there is none at all.
pub fn wait_any_nohang() -> Result<Option<(Pid, WaitEvent)>> {
    if let Some(event) = take_back(None) {
        return Ok(Some(event));
    }
    wait(-1, libc::__WALL | libc::__WNOTHREAD | libc::WNOHANG)
}

/// Waits for this one child or tracee.
///
/// # Errors
/// `ECHILD`: it is none of ours. `EINTR`: a signal handler ran.
pub fn wait_one(tid: Pid) -> Result<WaitEvent> {
    if let Some((_, event)) = take_back(Some(tid)) {
        return Ok(event);
    }
    let (_, event) = wait(tid.as_raw(), libc::__WALL)?.ok_or(Errno::ECHILD)?;
    Ok(event)
}

/// Makes the next wait of this thread report `event` again: for whoever met a death, an exec or an exit
/// while waiting for something else, and leaves it to the one that looks after the tracee.
pub fn put_back(tid: Pid, event: WaitEvent) {
    PUT_BACK.with_borrow_mut(|queue| queue.push_back((tid, event)));
}

/// The oldest report put back (of `tid`). A stop of a thread that a SIGKILL has carried away since is
/// still told: the first request on it says ESRCH, like for any stop.
fn take_back(tid: Option<Pid>) -> Option<(Pid, WaitEvent)> {
    PUT_BACK.with_borrow_mut(|queue| {
        let at = queue.iter().position(|(of, _)| tid.is_none_or(|tid| *of == tid))?;
        queue.remove(at)
    })
}

fn wait(pid: libc::pid_t, flags: libc::c_int) -> Result<Option<(Pid, WaitEvent)>> {
    loop {
        let mut status = 0;
        // SAFETY: `status` is a live int, which is all waitpid writes.
        let pid = Errno::result(unsafe { libc::waitpid(pid, &raw mut status, flags) })?;
        if pid == 0 {
            return Ok(None);
        }
        let tid = Pid::from_raw(pid);
        match WaitEvent::from_status(tid, status) {
            Ok(event) => return Ok(Some((tid, event))),
            // Killed between the stop and the reading of its message: the death is the next report.
            Err(Errno::ESRCH) => {}
            Err(error) => return Err(error),
        }
    }
}

impl WaitEvent {
    /// The report belongs to whoever looks after the life of the tracee: nothing may be asked of the tracee
    /// that it did before.
    pub(crate) fn ends_the_story(&self) -> bool {
        self.is_death() || matches!(self, Self::Stopped(Stop::Event(Event::Exit { .. } | Event::Exec { .. })))
    }
}
