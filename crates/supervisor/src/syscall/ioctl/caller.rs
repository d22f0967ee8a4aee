//! The calling thread, as the driver sees it.
//!
//! The driver works while the machine is locked. Memory of a program may take its time, or never come: it may be a file
//! system's or a userfaultfd handler's, which is a program as well. So the driver is told "later", the lock is given
//! back, and [`CallingThread::access`] does what was asked for; then the driver asks again.

use std::cell::Cell;
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, Instant};

use anyclave_arch::SecInfo;
use anyclave_driver::abi::AddPages;
use anyclave_driver::{AccessError, Caller, SourceError};
use anyclave_sys::host;
use anyclave_sys::maps::Vma;
use anyclave_sys::procfs::{self, Status};

use crate::process::dispositions::DEFAULT_IGNORED;
use crate::process::{Process, lock};
use crate::syscall::Notified;

const PAGE: usize = 4096;

thread_local! {
    /// Memory for a page, between two calls.
    static SPARE: Cell<Option<Box<[u8; PAGE]>>> = const { Cell::new(None) };
}

/// The thread that called ioctl and waits for its answer.
pub(super) struct CallingThread<'a> {
    call: &'a Notified<'a>,
    /// When it was last looked whether it has signals.
    looked: Instant,
    /// What the driver asked for and does not have yet.
    wanted: Option<Wanted>,
    /// A source page that it asked for.
    wanted_source: Option<u64>,
    /// What was read, by address and length: what the driver has copied once it does not copy again.
    read: Vec<Copied>,
    /// The source page that was read last, or why it was not.
    source: Option<(u64, Result<(), SourceError>)>,
    page: Option<Box<[u8; PAGE]>>,
    /// Whether the answer could be written.
    written: Option<Result<(), AccessError>>,
}

/// Memory for a page, once it is needed.
fn buffer(page: &mut Option<Box<[u8; PAGE]>>) -> &mut [u8] {
    page.get_or_insert_with(|| SPARE.take().unwrap_or_else(|| Box::new([0; PAGE]))).as_mut_slice()
}

/// An access to memory.
enum Wanted {
    Read { address: u64, length: usize },
    Write { address: u64, bytes: Vec<u8> },
}

/// An answer to [`Wanted::Read`].
struct Copied {
    address: u64,
    bytes: Vec<u8>,
    outcome: Result<(), AccessError>,
}

impl<'a> CallingThread<'a> {
    pub(super) fn new(call: &'a Notified<'a>) -> Self {
        Self {
            call,
            looked: Instant::now(),
            wanted: None,
            wanted_source: None,
            read: Vec::with_capacity(2),
            source: None,
            page: None,
            written: None,
        }
    }

    /// Reads a structure that the driver is about to ask for.
    pub(super) fn expect(&mut self, address: u64, length: usize) {
        let mut bytes = vec![0; length];
        let outcome = self.copy_in(address, &mut bytes);
        self.read.push(Copied { address, bytes, outcome });
    }

    /// Reads what ADD_PAGES needs, as far as it can be foreseen.
    pub(super) fn expect_add_pages(&mut self, argument: u64) {
        let mut bytes = [0; size_of::<AddPages>()];
        let guess = lock(&self.call.process.foresight).guess(argument);
        let mut secinfo = [0; size_of::<SecInfo>()];
        let memory = &self.call.process.mem;
        let foreseen = guess.filter(|guess| {
            let addresses = [argument, guess.secinfo, guess.source];
            let into: [&mut [u8]; 3] = [&mut bytes, &mut secinfo, buffer(&mut self.page)];
            memory.copy_all_from_user(addresses, into).is_ok()
        });
        let outcome = if foreseen.is_some() { Ok(()) } else { self.copy_in(argument, &mut bytes) };
        if outcome.is_ok() {
            let request = AddPages::from_bytes(bytes);
            lock(&self.call.process.foresight).learn(argument, &request);
            if let Some(guess) = foreseen {
                if guess.secinfo == request.secinfo.get() {
                    self.read.push(Copied { address: guess.secinfo, bytes: secinfo.to_vec(), outcome });
                }
                if guess.source == request.src.get() {
                    self.source = Some((guess.source, self.check_source(guess.source)));
                }
            }
        }
        self.read.push(Copied { address: argument, bytes: bytes.to_vec(), outcome });
    }

    /// Does what the driver waits for. The machine must not be locked.
    pub(super) fn access(&mut self) {
        match (self.wanted.take(), self.wanted_source.take()) {
            (Some(Wanted::Read { address, length }), Some(source)) => {
                self.access_both(address, length, source);
            }
            (Some(Wanted::Read { address, length }), None) => self.expect(address, length),
            (None, Some(source)) => self.source = Some((source, self.fetch(source))),
            (Some(Wanted::Write { address, bytes }), _) => {
                // A thread killed by another's exec has left its memory to a new program.
                let waits = self.call.listener.id_valid(self.call.call.id).unwrap_or(false);
                let memory = &self.call.process.mem;
                let outcome = if waits { memory.copy_to_user(address, &bytes).ok() } else { None };
                self.written = Some(outcome.ok_or(AccessError::Efault));
            }
            (None, None) => {}
        }
    }

    /// Reads a structure and the source page, in one call if nothing is wrong with either.
    fn access_both(&mut self, address: u64, length: usize, source: u64) {
        let mut bytes = vec![0; length];
        let checked = self.check_source(source);
        if checked.is_ok() {
            let memory = &self.call.process.mem;
            let into: [&mut [u8]; 2] = [&mut bytes, buffer(&mut self.page)];
            if memory.copy_all_from_user([address, source], into).is_ok() {
                self.read.push(Copied { address, bytes, outcome: Ok(()) });
                self.source = Some((source, Ok(())));
                return;
            }
        }
        let outcome = self.copy_in(address, &mut bytes);
        self.read.push(Copied { address, bytes, outcome });
        self.source = Some((source, self.fetch(source)));
    }

    fn copy_in(&self, address: u64, into: &mut [u8]) -> Result<(), AccessError> {
        self.call.process.mem.copy_from_user(address, into).map_err(|_any| AccessError::Efault)
    }

    /// Reads a source page.
    fn fetch(&mut self, address: u64) -> Result<(), SourceError> {
        self.check_source(address)?;
        let memory = &self.call.process.mem;
        memory.copy_from_user(address, buffer(&mut self.page)).map_err(|_any| SourceError::Unreadable)
    }

    /// Whether a page may be a source.
    fn check_source(&self, address: u64) -> Result<(), SourceError> {
        let process = &self.call.process;
        let vma = process.mem.maps().find_file_at_or_above(address).ok().flatten();
        let vma = vma.ok_or(SourceError::NoMapping)?;
        if never_executable(process, &vma) {
            return Err(SourceError::NoExec);
        }
        // Enclave memory cannot be pinned.
        if !vma.contains(address) || process.mm().windows.find(address).is_some() {
            return Err(SourceError::Unreadable);
        }
        Ok(())
    }
}

impl Drop for CallingThread<'_> {
    fn drop(&mut self) {
        if let Some(page) = self.page.take() {
            SPARE.set(Some(page));
        }
    }
}

impl Caller for CallingThread<'_> {
    fn read(&mut self, address: u64, into: &mut [u8]) -> Result<(), AccessError> {
        let is_it = |copied: &&Copied| copied.address == address && copied.bytes.len() == into.len();
        let Some(copied) = self.read.iter().find(is_it) else {
            self.wanted = Some(Wanted::Read { address, length: into.len() });
            return Err(AccessError::Later);
        };
        into.copy_from_slice(&copied.bytes);
        copied.outcome
    }

    fn write(&mut self, address: u64, from: &[u8]) -> Result<(), AccessError> {
        self.written.take().unwrap_or_else(|| {
            self.wanted = Some(Wanted::Write { address, bytes: from.to_vec() });
            Err(AccessError::Later)
        })
    }

    fn source_is_ready(&mut self, address: u64) -> bool {
        let ready = self.source.is_some_and(|(at, _)| at == address);
        if !ready {
            self.wanted_source = Some(address);
        }
        ready
    }

    fn source_page(&mut self, address: u64) -> Result<&[u8; PAGE], SourceError> {
        match self.source.take() {
            Some((at, outcome)) if at == address => {
                outcome.and_then(|()| self.page.as_deref().ok_or(SourceError::Unreadable))
            }
            _ => Err(SourceError::Later),
        }
    }

    /// A call of a few pages is over before a first look: its thread meets the signal right behind it.
    fn signal_pending(&mut self) -> bool {
        /// A look costs a file; a page is added in a few microseconds.
        const BETWEEN_LOOKS: Duration = Duration::from_micros(500);
        if self.looked.elapsed() < BETWEEN_LOOKS {
            return false;
        }
        self.looked = Instant::now();
        // A thread that cannot be looked at any more is dead.
        Status::read(self.call.call.pid).map_or(true, |status| {
            // A traced thread is told of ignored signals too, which would not wake it otherwise.
            let ignored = status.ignored | DEFAULT_IGNORED & !status.caught;
            (status.pending | status.shared_pending) & !status.blocked & !ignored != 0
        })
    }

    fn is_provision_file(&mut self, fd: u32) -> bool {
        let provision = self.call.releaser.provision_identity();
        self.call.process.fd_identity(fd.cast_signed()) == Some(provision)
    }
}

/// Whether a mapping lies on a file system that is mounted noexec.
fn never_executable(process: &Process, vma: &Vma) -> bool {
    vma.inode != 0
        && vma.path.as_bytes().starts_with(b"/")
        && host::mounted_noexec(&procfs::path_inside(process.tgid, vma.path.as_ref()))
}
