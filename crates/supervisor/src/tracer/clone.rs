//! New threads and processes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use anyclave_sys::procfs::Status;
use anyclave_sys::ptrace::Stop;
use anyclave_sys::remote::RemoteCall;
use anyclave_sys::{Errno, Pid, Result};

use super::{Next, Thread, Tracer, guard};
use crate::process::Process;

/// What a new thread shares with its creator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shares {
    /// CLONE_VM.
    memory: bool,
    /// CLONE_FILES.
    files: bool,
    /// CLONE_THREAD.
    process: bool,
    /// CLONE_SIGHAND, or CLONE_CLEAR_SIGHAND and then nobody's.
    handlers: Handlers,
    /// CLONE_VFORK: its creator waits, and it will hardly do anything but execute.
    vfork: bool,
}

/// Where the signal handlers of a new process come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Handlers {
    Copied,
    Shared,
    Cleared,
}

impl Shares {
    const THREAD: Self =
        Self { memory: true, files: true, process: true, handlers: Handlers::Shared, vfork: false };
    const FORK: Self =
        Self { memory: false, files: false, process: false, handlers: Handlers::Copied, vfork: false };
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
        let mut thread = Thread::new(child, process);
        thread.unfiltered = creator.unfiltered;
        thread.unguarded = shares.handlers == Handlers::Cleared && !shares.vfork;
        self.adopt(thread);
        self.first_stop_of(child)
    }

    /// If a thread that has just become known has stopped already, that stop is looked at now.
    fn first_stop_of(&mut self, tid: Pid) -> Result<()> {
        let Some(stop) = self.strangers.remove(&tid) else { return Ok(()) };
        let Some(mut thread) = self.threads.remove(&tid) else { return Ok(()) };
        let next = self.on_stop(&mut thread, stop);
        self.put_away(thread, &next);
        next.map(drop)
    }

    /// A new thread is about to run its first instruction.
    pub(super) fn on_first_stop(&mut self, thread: &mut Thread) -> Result<Next> {
        thread.started = true;
        Self::note_mask(thread)?;
        self.filter_late(thread)?;
        if std::mem::take(&mut thread.unguarded) {
            self.guard_anew(thread)?;
        }
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
    /// A process that has inherited windows, but not the handlers that stand on the fault signals where windows are.
    fn guard_anew(&self, thread: &Thread) -> Result<()> {
        let process = &thread.process;
        let stub = {
            let mm = process.mm();
            mm.stub.filter(|_| mm.windows.touches(0, u64::MAX))
        };
        let Some(stub) = stub else { return Ok(()) };
        let mut call = RemoteCall::begin(thread.tracee, stub.syscall())?;
        guard(&self.shared, process, stub, &mut call)?;
        call.finish()
    }

    /// Takes up new threads that have stopped and wait, where nobody is left to tell of them.
    pub(super) fn adopt_orphans(&mut self) {
        let waiting: Vec<Pid> = self.strangers.keys().copied().collect();
        for child in waiting {
            let Some((parent, shares)) = self.claim(child) else { continue };
            if let Ok(process) = new_process(&parent, child, shares) {
                if !shares.process {
                    // What it shares with its parent is a guess.
                    parent.trust_nothing();
                    process.trust_nothing();
                }
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
            return Some((process, Shares::THREAD));
        }
        let alive = |thread: &Thread| thread.process.tgid == status.ppid && !thread.exiting;
        if self.threads.values().any(alive) {
            return None;
        }
        // Its parent of record may be one that takes in orphans.
        let parent = self.last_process.clone().or_else(|| self.shared.registry.process(status.ppid))?;
        Some((parent, Shares::FORK))
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
    let mm = if shares.memory { Arc::clone(&creator.mm) } else { Arc::new(Mutex::new(creator.mm().copy())) };
    let mut process = match Process::new(child, Arc::clone(&mm)) {
        // The creator is not ours to look at either.
        Err(Errno::EACCES | Errno::EPERM) => Process::closed(child, mm),
        process => process?,
    };
    match shares.handlers {
        Handlers::Shared => process.dispositions = Arc::clone(&creator.dispositions),
        Handlers::Copied => *process.dispositions() = *creator.dispositions(),
        // The sentinels are gone with them.
        Handlers::Cleared => {}
    }
    let inherit =
        |to: &AtomicBool, from: &AtomicBool| to.store(from.load(Ordering::Relaxed), Ordering::Relaxed);
    inherit(&process.dumpable, &creator.dumpable);
    inherit(&process.window_filter, &creator.window_filter);
    inherit(&process.watched, &creator.watched);
    if shares.files {
        creator.descriptors.fickle.store(true, Ordering::Relaxed);
    }
    process.descriptors.inherit(&creator.descriptors);
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
        libc::SYS_vfork => flag(libc::CLONE_VM | libc::CLONE_VFORK),
        // fork, or a program of 32 bits, which shares nothing that matters here.
        _ => 0,
    };
    let has = |flag| flags & flag != 0;
    let handlers = match (has(flag(libc::CLONE_SIGHAND)), has(CLONE_CLEAR_SIGHAND)) {
        (true, _) => Handlers::Shared,
        (false, true) => Handlers::Cleared,
        (false, false) => Handlers::Copied,
    };
    Ok(Shares {
        memory: has(flag(libc::CLONE_VM)),
        files: has(flag(libc::CLONE_FILES)),
        process: has(flag(libc::CLONE_THREAD)),
        handlers,
        vfork: has(flag(libc::CLONE_VFORK)),
    })
}

/// Of clone3 alone.
const CLONE_CLEAR_SIGHAND: u64 = 0x1_0000_0000;

const fn flag(value: i32) -> u64 {
    value.cast_unsigned() as u64
}
