//! What the supervisor keeps of each process: its address space, its memory, its signal dispositions.

pub(crate) mod dispositions;
pub(crate) mod known;
pub(crate) mod own_filters;
pub(crate) mod registry;
pub(crate) mod windows;

use std::collections::{BTreeSet, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use anyclave_sys::mem::ProcessMem;
use anyclave_sys::procfs::FdTable;
use anyclave_sys::{Pid, Result};

use crate::syscall::ioctl::Foresight;
use crate::tracer::Orders;
use dispositions::Dispositions;
use known::{Areas, Descriptors, ThreadCount};
use own_filters::OwnFilters;
use windows::Windows;

/// A process: one thread group running one program. An exec makes a new one.
#[derive(Debug)]
pub(crate) struct Process {
    /// Its thread-group id.
    pub(crate) tgid: Pid,
    /// Its memory, opened while it could not yet forbid that.
    pub(crate) mem: ProcessMem,
    /// Its address space, which a vfork child shares.
    pub(crate) mm: Arc<Mutex<Mm>>,
    /// Dispositions of the fault signals, which a child of CLONE_SIGHAND shares.
    pub(crate) dispositions: Arc<Mutex<Dispositions>>,
    /// Fault signals whose action we have set and not yet thought of the other threads.
    pub(crate) installed: AtomicU64,
    /// What PR_GET_DUMPABLE answers.
    pub(crate) dumpable: AtomicBool,
    /// The window filter is on it.
    pub(crate) window_filter: AtomicBool,
    /// It is on all its threads, for certain.
    pub(crate) watched: AtomicBool,
    /// It has opened a device.
    pub(crate) has_device: AtomicBool,
    /// Its tracer's ear.
    orders: Mutex<Option<Arc<Orders>>>,
    /// Filters that the program has put on itself.
    pub(crate) own_filters: OwnFilters,
    /// One of them is the strict mode.
    pub(crate) strict: AtomicBool,
    /// The window filter is on one thread and still to be put on the others.
    pub(crate) diverged: AtomicBool,
    /// It was said that it is hidden from us.
    pub(crate) hidden: AtomicBool,
    /// It is the first of its PID namespace, once that was asked.
    pub(crate) first: OnceLock<bool>,
    /// Where its loader is.
    pub(crate) foresight: Mutex<Foresight>,
    /// Its descriptors, from the first question about one on.
    fds: OnceLock<FdTable>,
    /// Those that are watched.
    pub(crate) descriptors: Descriptors,
    /// How many threads it has.
    threads: ThreadCount,
}

impl Process {
    /// A process with this address space.
    ///
    /// # Errors
    /// Its memory cannot be opened.
    pub(crate) fn new(tgid: Pid, mm: Arc<Mutex<Mm>>) -> Result<Self> {
        Ok(Self::with_memory(ProcessMem::open(tgid)?, tgid, mm))
    }

    /// A process whose memory is not ours to look at, and which therefore runs without SGX.
    pub(crate) fn closed(tgid: Pid, mm: Arc<Mutex<Mm>>) -> Self {
        Self::with_memory(ProcessMem::closed(tgid), tgid, mm)
    }

    fn with_memory(mem: ProcessMem, tgid: Pid, mm: Arc<Mutex<Mm>>) -> Self {
        Self {
            tgid,
            mem,
            mm,
            dispositions: Arc::default(),
            installed: AtomicU64::new(0),
            dumpable: AtomicBool::new(true),
            window_filter: AtomicBool::new(false),
            watched: AtomicBool::new(false),
            has_device: AtomicBool::new(false),
            orders: Mutex::default(),
            own_filters: OwnFilters::default(),
            strict: AtomicBool::new(false),
            diverged: AtomicBool::new(false),
            hidden: AtomicBool::new(false),
            first: OnceLock::new(),
            foresight: Mutex::default(),
            fds: OnceLock::new(),
            descriptors: Descriptors::default(),
            threads: ThreadCount::default(),
        }
    }

    /// Device and inode of what a descriptor stands for. None where there is no such descriptor, or it is not ours
    /// to look at.
    pub(crate) fn fd_identity(&self, fd: i32) -> Option<(u64, u64)> {
        let table = match self.fds.get() {
            Some(table) => table,
            None => {
                let table = FdTable::open(self.tgid).ok()?;
                self.fds.get_or_init(|| table)
            }
        };
        table.dev_ino(fd).ok()
    }

    /// The same for a thread of it that waits for the answer.
    pub(crate) fn waiting_fd_identity(&self, fd: i32) -> Option<(u64, u64)> {
        if let Some(identity) = self.known_descriptor(fd) {
            return Some(identity);
        }
        // Had there been others, they might have changed it meanwhile.
        let keeps = self.keeps_descriptors();
        let identity = self.fd_identity(fd)?;
        if keeps {
            self.learn_descriptor(fd, identity);
        }
        Some(identity)
    }

    /// A filter is to watch a descriptor for which a thread of it, which waits for an answer, asks all the time.
    pub(crate) fn watch_descriptor(&self, tid: Pid, fd: i32) {
        self.want_watch(fd);
        let orders = lock(&self.orders).clone();
        if !orders.is_some_and(|orders| orders.stop(tid)) {
            self.refuse_watch(fd);
        }
    }

    /// It belongs to this tracer from now on.
    pub(crate) fn follow_orders_of(&self, orders: &Arc<Orders>) {
        *lock(&self.orders) = Some(Arc::clone(orders));
    }

    /// A thread of it, which waits for an answer, is about to get its first device: the filter that such a process
    /// needs goes on before the thread runs on.
    pub(crate) fn gets_device(&self, tid: Pid) {
        self.has_device.store(true, Ordering::Relaxed);
        if self.window_filter.load(Ordering::Relaxed) {
            return;
        }
        let orders = lock(&self.orders).clone();
        // Without it the filter comes with the first mapping, and until then the descriptor looks like what it is.
        let _ = orders.is_some_and(|orders| orders.stop(tid));
    }

    /// Its address space.
    pub(crate) fn mm(&self) -> MutexGuard<'_, Mm> {
        lock(&self.mm)
    }

    /// Its dispositions.
    pub(crate) fn dispositions(&self) -> MutexGuard<'_, Dispositions> {
        lock(&self.dispositions)
    }
}

/// An address space.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mm {
    /// Windows on enclaves.
    pub(crate) windows: Windows,
    /// What is known of it.
    pub(crate) areas: Areas,
    /// Where our code lies in it; None in a program of 32 bits.
    pub(crate) stub: Option<Stub>,
    /// Its program executes others by reading their code, which is therefore left alone.
    pub(crate) emulates: bool,
    /// Addresses at which a CPUID was replaced.
    pub(crate) cpuid_sites: HashSet<u64>,
    /// Selector bytes that threads have.
    slots: BTreeSet<usize>,
}

impl Mm {
    /// That of a child, which has all that is in it and of which nothing is known yet.
    pub(crate) fn copy(&self) -> Self {
        Self { areas: Areas::default(), ..self.clone() }
    }

    /// A free selector byte, for the thread that asks.
    pub(crate) fn take_slot(&mut self) -> Option<usize> {
        let free = (0..SELECTORS).find(|slot| !self.slots.contains(slot))?;
        self.slots.insert(free);
        Some(free)
    }

    /// The thread with this byte is gone.
    pub(crate) fn free_slot(&mut self, slot: usize) {
        self.slots.remove(&slot);
    }
}

/// Where scratch memory begins behind the code, which is shorter than a page.
const SCRATCH_OFFSET: u64 = 4096;
const SCRATCH_PIECES: u64 = 16;
/// Bytes of all scratch memory.
const SCRATCH_BYTES: u64 = Stub::SCRATCH_PIECE * SCRATCH_PIECES;
/// Where the selector bytes of threads begin, and how many there are.
const SELECTOR_OFFSET: u64 = SCRATCH_OFFSET + SCRATCH_BYTES;
const SELECTORS: usize = 4096;
/// Where the tables of the vDSO begin.
pub(crate) const TABLES_OFFSET: u64 = SELECTOR_OFFSET + SELECTORS as u64;

/// Our code in an address space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stub {
    /// Its first byte.
    pub(crate) code: u64,
    /// `__vdso_sgx_enter_enclave`: a copy of its own in the vDSO, or the one in the code.
    pub(crate) enter: u64,
}

impl Stub {
    /// Bytes of scratch memory a thread has: enough for a seccomp filter of ours.
    pub(crate) const SCRATCH_PIECE: u64 = 1024;

    /// A `syscall` instruction.
    pub(crate) fn syscall(self) -> u64 {
        self.at(anyclave_stub::offset::syscall())
    }

    /// The ENCLU of `__vdso_sgx_enter_enclave`.
    pub(crate) fn enclu(self) -> u64 {
        self.in_enter(anyclave_stub::offset::enclu())
    }

    /// Where an exception at that ENCLU goes on.
    pub(crate) fn fixup(self) -> u64 {
        self.in_enter(anyclave_stub::offset::fixup())
    }

    /// The loop of a thread without a tracer.
    pub(crate) fn park(self) -> u64 {
        self.at(anyclave_stub::offset::park())
    }

    /// The handler that never runs.
    pub(crate) fn sentinel(self) -> u64 {
        self.at(anyclave_stub::offset::sentinel())
    }

    /// The restorer of that handler.
    pub(crate) fn restorer(self) -> u64 {
        self.at(anyclave_stub::offset::restorer())
    }

    /// Memory for the arguments of a thread's system call on our behalf. Threads with different tracers may
    /// share an address space, so each has a piece.
    pub(crate) fn scratch(self, tid: Pid) -> u64 {
        let piece = u64::from(tid.as_raw().unsigned_abs()) % SCRATCH_PIECES;
        self.code + SCRATCH_OFFSET + piece * Self::SCRATCH_PIECE
    }

    /// The selector byte of a slot.
    pub(crate) fn selector(self, slot: usize) -> u64 {
        self.code + SELECTOR_OFFSET + slot as u64
    }

    fn in_enter(self, offset: usize) -> u64 {
        self.enter + (offset - anyclave_stub::offset::enter_enclave()) as u64
    }

    fn at(self, offset: usize) -> u64 {
        // A usize is 64 bits on the one architecture there is.
        self.code + offset as u64
    }
}

/// Locks; a panic elsewhere has already ended what it was about.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
