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

use super::copied::Copied;
use super::foresight::Guess;
use crate::process::dispositions::DEFAULT_IGNORED;
use crate::process::{Process, lock};
use crate::syscall::Notified;

const PAGE: usize = 4096;
const ARGUMENT: usize = size_of::<AddPages>();
const SECINFO: usize = size_of::<SecInfo>();

thread_local! {
    /// Memory for a page, between two calls.
    static SPARE: Cell<Option<Box<[u8; PAGE]>>> = const { Cell::new(None) };
}

/// The thread that called ioctl and waits for its answer.
pub(super) struct CallingThread<'a> {
    call: &'a Notified<'a>,
    /// Times that it was asked for signals.
    asked: u32,
    /// When it was last looked whether it has any.
    looked: Option<Instant>,
    /// What the driver asked for and does not have yet.
    wanted: Option<Wanted>,
    /// A source page that it asked for.
    wanted_source: Option<u64>,
    /// What was read: what the driver has copied once it does not copy again.
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

impl<'a> CallingThread<'a> {
    pub(super) fn new(call: &'a Notified<'a>) -> Self {
        Self {
            call,
            asked: 0,
            looked: None,
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
        let mut copied = Copied::new(address, length);
        copied.outcome = self.copy_in(address, copied.bytes_mut());
        self.read.push(copied);
    }

    /// Reads what ADD_PAGES needs, as far as it can be foreseen. True for a loader that has done so for long.
    pub(super) fn expect_add_pages(&mut self, argument: u64) -> bool {
        let guess = lock(&self.call.process.foresight).guess(argument);
        let (mut bytes, mut secinfo) = ([0; ARGUMENT], [0; SECINFO]);
        let foreseen = guess.filter(|guess| self.read_foreseen(argument, guess, &mut bytes, &mut secinfo));
        let outcome = if foreseen.is_some() { Ok(()) } else { self.copy_in(argument, &mut bytes) };
        if outcome.is_ok() {
            let request = AddPages::from_bytes(bytes);
            lock(&self.call.process.foresight).learn(argument, &request);
            if let Some(guess) = foreseen {
                if guess.secinfo == request.secinfo.get() {
                    self.read.push(Copied::of(guess.secinfo, &secinfo, outcome));
                }
                if guess.source == request.src.get() {
                    self.source = Some((guess.source, self.check_source(guess.source)));
                }
            }
        }
        self.read.push(Copied::of(argument, &bytes, outcome));
        foreseen.is_some() && lock(&self.call.process.foresight).is_long()
    }

    /// Argument, SECINFO and source page in one call of the host. An argument and a SECINFO that lie side by side in one
    /// page, as in the frame of a function, are read as one.
    fn read_foreseen(
        &mut self,
        argument: u64,
        guess: &Guess,
        bytes: &mut [u8; ARGUMENT],
        secinfo: &mut [u8; SECINFO],
    ) -> bool {
        /// Bytes that are worth reading along.
        const NEAR: usize = 256;
        let memory = &self.call.process.mem;
        let first = argument.min(guess.secinfo);
        let [bytes_at, secinfo_at] =
            [argument, guess.secinfo].map(|at| usize::try_from(at - first).unwrap_or(PAGE));
        let length = bytes_at.saturating_add(ARGUMENT).max(secinfo_at.saturating_add(SECINFO));
        if length > NEAR || first % PAGE as u64 + length as u64 > PAGE as u64 {
            let addresses = [argument, guess.secinfo, guess.source];
            return memory.copy_all_from_user(addresses, [bytes, secinfo, buffer(&mut self.page)]).is_ok();
        }
        let mut both = [0; NEAR];
        let into: [&mut [u8]; 2] = [&mut both[..length], buffer(&mut self.page)];
        if memory.copy_all_from_user([first, guess.source], into).is_err() {
            return false;
        }
        bytes.copy_from_slice(&both[bytes_at..bytes_at + ARGUMENT]);
        secinfo.copy_from_slice(&both[secinfo_at..secinfo_at + SECINFO]);
        true
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
                let written = self.copy_out(address, &bytes);
                self.written = Some(written);
            }
            (None, None) => {}
        }
    }

    /// Reads a structure and the source page, in one call if nothing is wrong with either.
    fn access_both(&mut self, address: u64, length: usize, source: u64) {
        let mut copied = Copied::new(address, length);
        let checked = self.check_source(source);
        if checked.is_ok() {
            let memory = &self.call.process.mem;
            let into: [&mut [u8]; 2] = [copied.bytes_mut(), buffer(&mut self.page)];
            if memory.copy_all_from_user([address, source], into).is_ok() {
                copied.outcome = Ok(());
                self.read.push(copied);
                self.source = Some((source, Ok(())));
                return;
            }
        }
        copied.outcome = self.copy_in(address, copied.bytes_mut());
        self.read.push(copied);
        self.source = Some((source, self.fetch(source)));
    }

    fn copy_in(&self, address: u64, into: &mut [u8]) -> Result<(), AccessError> {
        self.call.process.mem.copy_from_user(address, into).map_err(|_any| AccessError::Efault)
    }

    fn copy_out(&self, address: u64, bytes: &[u8]) -> Result<(), AccessError> {
        let process = &self.call.process;
        let end = address.saturating_add(bytes.len() as u64);
        let keeps = self.keeps_areas();
        let known = if keeps { process.mm().areas.writable.clone() } else { None };
        if known.as_ref().is_some_and(|area| area.start <= address && end <= area.end)
            // The memory of the program that made the call, whatever runs now. This way waits for no handler of faults.
            && process.mem.write(address, bytes).is_ok()
        {
            return Ok(());
        }
        // A thread killed by another's exec has left its memory to a new program.
        if !self.call.listener.id_valid(self.call.call.id).unwrap_or(false) {
            return Err(AccessError::Efault);
        }
        process.mem.copy_to_user(address, bytes).map_err(|_any| AccessError::Efault)?;
        if keeps && known.is_none() {
            let vma = process.mem.maps().find_at_or_above(address).ok().flatten();
            let area = vma.filter(stays_writable).map_or(0..0, |vma| vma.start..vma.end);
            process.mm().areas.writable = Some(area);
        }
        Ok(())
    }

    /// Reads a source page.
    fn fetch(&mut self, address: u64) -> Result<(), SourceError> {
        self.check_source(address)?;
        let memory = &self.call.process.mem;
        memory.copy_from_user(address, buffer(&mut self.page)).map_err(|_any| SourceError::Unreadable)
    }

    /// Whether what is learned of its address space holds until it changes it.
    fn keeps_areas(&self) -> bool {
        self.call.shared.killable && self.call.process.keeps_areas()
    }

    /// Whether a page may be a source.
    fn check_source(&self, address: u64) -> Result<(), SourceError> {
        let process = &self.call.process;
        let keeps = self.keeps_areas();
        if keeps && process.mm().areas.source.contains(&address) {
            return Ok(());
        }
        let vma = process.mem.maps().find_file_at_or_above(address).ok().flatten();
        let vma = vma.ok_or(SourceError::NoMapping)?;
        if never_executable(process, &vma) {
            return Err(SourceError::NoExec);
        }
        // Enclave memory cannot be pinned.
        let mut mm = process.mm();
        if !vma.contains(address) || mm.windows.find(address).is_some() {
            return Err(SourceError::Unreadable);
        }
        if keeps && !mm.windows.touches(vma.start, vma.end) {
            mm.areas.source = vma.start..vma.end;
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
        let Some(copied) = self.read.iter().find(|copied| copied.is(address, into.len())) else {
            self.wanted = Some(Wanted::Read { address, length: into.len() });
            return Err(AccessError::Later);
        };
        into.copy_from_slice(copied.bytes());
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
        /// Pages before the clock is looked at.
        const FIRST_LOOK: u32 = 8;
        self.asked = self.asked.saturating_add(1);
        if self.asked < FIRST_LOOK {
            return false;
        }
        let looked = *self.looked.get_or_insert_with(Instant::now);
        if looked.elapsed() < BETWEEN_LOOKS {
            return false;
        }
        self.looked = Some(Instant::now());
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

/// Whether memory that could be written can be written until a call of the window filter changes it.
fn stays_writable(vma: &Vma) -> bool {
    let name = vma.path.as_bytes();
    vma.write && name != b"[heap]" && !name.starts_with(b"/SYSV")
}
