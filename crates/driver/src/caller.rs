//! The thread that calls the driver.

use anyclave_cpu::PAGE_BYTES;

/// User memory cannot be accessed as asked: Linux's EFAULT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Efault;

/// Why a page cannot be the source of an enclave page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceError {
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
pub trait Caller {
    /// Copies memory out of the process: `copy_from_user`.
    ///
    /// # Errors
    /// Any of the bytes cannot be read.
    fn read(&mut self, address: u64, into: &mut [u8]) -> Result<(), Efault>;

    /// Copies memory into the process: `copy_to_user`.
    ///
    /// # Errors
    /// Any of the bytes cannot be written.
    fn write(&mut self, address: u64, from: &[u8]) -> Result<(), Efault>;

    /// Copies the page at `address`, which is page-aligned, as contents of an enclave page. The checks are
    /// made in the order of the variants of [`SourceError`].
    ///
    /// # Errors
    /// The page is no source.
    fn source_page(&mut self, address: u64, into: &mut [u8; PAGE_BYTES]) -> Result<(), SourceError>;

    /// A signal waits for the thread, so that a long call should end: `signal_pending`. A thread that has been
    /// killed has one for ever.
    fn signal_pending(&mut self) -> bool;

    /// Whether a file descriptor is an open file of this machine's provision node.
    fn is_provision_file(&mut self, fd: u32) -> bool;
}
