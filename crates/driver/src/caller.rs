//! The thread that calls the driver.

use anyclave_cpu::PAGE_BYTES;

/// Why an access to the memory of the caller did not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessError {
    /// It cannot be accessed as asked: Linux's EFAULT.
    Efault,
    /// Not yet: the access was noted. The operation answers [`Wait::Memory`](anyclave_epc::Wait), and asks again
    /// when it is resumed.
    Later,
}

/// Why a page is not there as the source of an enclave page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceError {
    /// Not yet, as [`AccessError::Later`]. This comes before all other answers.
    Later,
    /// No mapping holds the address, and none lies above it.
    NoMapping,
    /// The mapping that holds the address, or if none does the next one above it, may never become executable:
    /// it lies on a file system mounted noexec.
    NoExec,
    /// The page cannot be read: unmapped, without read permission, or enclave or device memory.
    Unreadable,
}

/// What the driver needs of the calling thread: its memory, its signals, its files.
///
/// Addresses are as the program gave them. Memory has hostile writers: the driver copies a structure once
/// and looks only at the copy.
///
/// Memory may take its time: a page may come from a file system or a userfaultfd handler of the program's own. So
/// each access may be put off until after a wait, when the operation asks for it again in the same words. The
/// caller makes it once, and gives the same bytes however often the same operation asks.
pub trait Caller {
    /// Copies memory out of the process: `copy_from_user`.
    ///
    /// # Errors
    /// Any of the bytes cannot be read, or not yet.
    fn read(&mut self, address: u64, into: &mut [u8]) -> Result<(), AccessError>;

    /// Copies memory into the process: `copy_to_user`.
    ///
    /// # Errors
    /// Any of the bytes cannot be written, or not yet.
    fn write(&mut self, address: u64, from: &[u8]) -> Result<(), AccessError>;

    /// Whether [`Self::source_page`] has its answer, whichever. Otherwise it is noted that it will be asked for.
    fn source_is_ready(&mut self, address: u64) -> bool;

    /// A copy of the page at `address`, which is page-aligned, as contents of an enclave page. The checks are
    /// made in the order of the variants of [`SourceError`]. A page is given once.
    ///
    /// # Errors
    /// The page is no source, or not yet.
    fn source_page(&mut self, address: u64) -> Result<&[u8; PAGE_BYTES], SourceError>;

    /// A signal waits for the thread, so that a long call should end: `signal_pending`. A thread that has been
    /// killed has one for ever.
    fn signal_pending(&mut self) -> bool;

    /// Whether a file descriptor is an open file of this machine's provision node.
    fn is_provision_file(&mut self, fd: u32) -> bool;
}
