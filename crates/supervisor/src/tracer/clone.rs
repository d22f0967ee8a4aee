//! New threads and processes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use anyclave_sys::procfs::Status;
use anyclave_sys::ptrace::Stop;
use anyclave_sys::{Errno, Pid, Result};

use super::{Next, Thread, Tracer};
use crate::process::Process;

/// What a new thread shares with its creator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shares {
    /// CLONE_VM.
    memory: bool,
    /// CLONE_THREAD.
    process: bool,
}

impl Tracer {
    /// The creator tells of a new thread, which is attached already and stops before it first runs.
    pub(super) fn on_new_thread(&mut self, creator: &mut Thread, child: Pid) -> Result<()> {
        if self.threads.contains_key(&child) {
            return Ok(());
        }
        let shares = shares(creator)?;
        let process = match new_process(&creator.process, child, shares) {
            Ok(process) => process,
            // Killed before it ran.
            Err(Errno::ESRCH | Errno::ENOENT) => return Ok(()),
            Err(error) => return Err(error),
        };
        self.adopt(Thread::new(child, process));
        self.first_stop_of(child)
    }

    /// If a thread that has just become known has stopped already, that stop is looked at now.
    fn first_stop_of(&mut self, tid: Pid) -> Result<()> {
        let Some(stop) = self.strangers.remove(&tid) else { return Ok(()) };
        let Some(mut thread) = self.threads.remove(&tid) else { return Ok(()) };
        let next = self.on_stop(&mut thread, stop);
        if !matches!(next, Ok(Next::HandedOver)) {
            self.threads.insert(tid, thread);
        }
        next.map(drop)
    }

    /// A new thread is about to run its first instruction.
    pub(super) fn on_first_stop(&mut self, thread: &mut Thread) -> Result<Next> {
        thread.started = true;
        Self::note_mask(thread)?;
        let leads = thread.process.tgid == thread.tracee.tid();
        if leads {
            Self::complete_actions(thread)?;
        }
        if leads && self.hand_over(thread)? {
            return Ok(Next::HandedOver);
        }
        thread.tracee.cont(0)?;
        Ok(Next::Ours)
    }
}

impl Tracer {
    /// Takes up new threads that have stopped and wait, where nobody is left to tell of them.
    pub(super) fn adopt_orphans(&mut self) {
        let waiting: Vec<Pid> = self.strangers.keys().copied().collect();
        for child in waiting {
            let Some((parent, shares)) = self.claim(child) else { continue };
            if let Ok(process) = new_process(&parent, child, shares) {
                self.adopt(Thread::new(child, process));
                // Should it be dead as well, its death is reported next.
                let _ = self.first_stop_of(child);
            }
        }
    }

    /// What a stopped thread belongs to that has not been announced and never will be. A thread of a process
    /// that is known says so itself. A new process waits for its creator's word as long as a thread of its
    /// parent lives that can give it; after that it is taken for a fork.
    fn claim(&self, tid: Pid) -> Option<(Arc<Process>, Shares)> {
        let status = Status::read(tid).ok()?;
        if status.tgid != tid {
            let process = self.shared.registry.process(status.tgid)?;
            return Some((process, Shares { memory: true, process: true }));
        }
        let alive = |thread: &Thread| thread.process.tgid == status.ppid && !thread.exiting;
        if self.threads.values().any(alive) {
            return None;
        }
        // Its parent of record may be one that takes in orphans.
        let parent = self.last_process.clone().or_else(|| self.shared.registry.process(status.ppid))?;
        Some((parent, Shares { memory: false, process: false }))
    }

    /// A stop that came before its thread was known may never be asked for again.
    pub(super) fn forget_stranger(&mut self, tid: Pid) -> Option<Stop> {
        self.strangers.remove(&tid)
    }
}

fn new_process(creator: &Arc<Process>, child: Pid, shares: Shares) -> Result<Arc<Process>> {
    if shares.process {
        return Ok(Arc::clone(creator));
    }
    let mm = if shares.memory { Arc::clone(&creator.mm) } else { Arc::new(Mutex::new(creator.mm().clone())) };
    let process = match Process::new(child, Arc::clone(&mm)) {
        // The creator is not ours to look at either.
        Err(Errno::EACCES | Errno::EPERM) => Process::closed(child, mm),
        process => process?,
    };
    *process.dispositions() = *creator.dispositions();
    let inherit =
        |to: &AtomicBool, from: &AtomicBool| to.store(from.load(Ordering::Relaxed), Ordering::Relaxed);
    inherit(&process.dumpable, &creator.dumpable);
    inherit(&process.window_filter, &creator.window_filter);
    inherit(&process.strict, &creator.strict);
    process.own_filters.inherit(&creator.own_filters);
    Ok(Arc::new(process))
}

/// Reads from the creator's system call what its child shares.
fn shares(creator: &Thread) -> Result<Shares> {
    let regs = creator.tracee.regs()?;
    let flags = match regs.orig_rax.cast_signed() {
        libc::SYS_clone => regs.rdi,
        libc::SYS_clone3 => {
            let mut flags = [0; 8];
            creator.process.mem.read(regs.rdi, &mut flags).unwrap_or_default();
            u64::from_le_bytes(flags)
        }
        libc::SYS_vfork => flag(libc::CLONE_VM),
        // fork, or a program of 32 bits, which shares nothing that matters here.
        _ => 0,
    };
    Ok(Shares { memory: flags & flag(libc::CLONE_VM) != 0, process: flags & flag(libc::CLONE_THREAD) != 0 })
}

const fn flag(value: i32) -> u64 {
    value.cast_unsigned() as u64
}
