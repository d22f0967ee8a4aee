//! The memory, signals and files of a thread that does not exist.

use std::collections::{BTreeMap, HashSet};

use anyclave_cpu::PAGE_BYTES;
use anyclave_driver::{AccessError, Caller, SourceError};

/// Rights of a page of [`UserBuffer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRights {
    /// It can be read, and written where `write` is set.
    pub read: bool,
    /// It can be written.
    pub write: bool,
    /// Its mapping may become executable.
    pub may_exec: bool,
}

impl PageRights {
    /// Ordinary memory.
    pub const ALL: Self = Self { read: true, write: true, may_exec: true };
}

#[derive(Clone, Debug)]
struct Page {
    bytes: Box<[u8; PAGE_BYTES]>,
    rights: PageRights,
}

/// A scripted calling thread.
#[derive(Clone, Debug, Default)]
pub struct UserBuffer {
    pages: BTreeMap<u64, Page>,
    /// Descriptors of the provision node.
    pub provision_files: HashSet<u32>,
    /// A signal is pending.
    pub signal: bool,
    /// The signal comes after this many more looks for it.
    pub signal_after: Option<u32>,
    /// Accesses that were put off already: which, where, how long. None: nothing is ever put off.
    put_off: Option<HashSet<(Kind, u64, usize)>>,
}

/// Which access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Read,
    Write,
    Source,
}

impl UserBuffer {
    /// Nothing mapped, nothing open, no signal.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Maps the page that holds `address`, zero; or changes the rights of a mapped one.
    pub fn map(&mut self, address: u64, rights: PageRights) {
        let zero = || Page { bytes: Box::new([0; PAGE_BYTES]), rights };
        self.pages.entry(address / 4096).or_insert_with(zero).rights = rights;
    }

    /// Unmaps the page that holds `address`.
    pub fn unmap(&mut self, address: u64) {
        self.pages.remove(&(address / 4096));
    }

    /// Puts bytes at `address`, mapping what is not mapped.
    pub fn put(&mut self, address: u64, bytes: &[u8]) {
        for (at, byte) in (address..).zip(bytes) {
            if !self.pages.contains_key(&(at / 4096)) {
                self.map(at, PageRights::ALL);
            }
            if let Some(page) = self.pages.get_mut(&(at / 4096)) {
                page.bytes[offset(at)] = *byte;
            }
        }
    }

    /// The bytes at `address`, which are mapped.
    #[must_use]
    pub fn get<const N: usize>(&self, address: u64) -> [u8; N] {
        let mut bytes = [0; N];
        for (at, byte) in (address..).zip(&mut bytes) {
            *byte = self
                .pages
                .get(&(at / 4096))
                .map_or_else(|| panic!("{at:#x} unmapped"), |page| page.bytes[offset(at)]);
        }
        bytes
    }

    /// From now on every access is put off once.
    pub fn be_slow(&mut self) {
        self.put_off = Some(HashSet::new());
    }

    /// Whether an access is to be made now.
    fn is_time(&mut self, kind: Kind, address: u64, length: usize) -> bool {
        self.put_off.as_mut().is_none_or(|put_off| !put_off.insert((kind, address, length)))
    }

    fn allowed(
        &self,
        address: u64,
        length: usize,
        may: impl Fn(&PageRights) -> bool,
    ) -> Result<(), AccessError> {
        let length = u64::try_from(length).map_err(|_error| AccessError::Efault)?;
        let end = address.checked_add(length).ok_or(AccessError::Efault)?;
        let mut pages = address / 4096..end.div_ceil(4096);
        let all = pages.all(|page| self.pages.get(&page).is_some_and(|page| may(&page.rights)));
        if all { Ok(()) } else { Err(AccessError::Efault) }
    }
}

impl Caller for UserBuffer {
    fn read(&mut self, address: u64, into: &mut [u8]) -> Result<(), AccessError> {
        if !self.is_time(Kind::Read, address, into.len()) {
            return Err(AccessError::Later);
        }
        self.allowed(address, into.len(), |rights| rights.read)?;
        for (at, byte) in (address..).zip(into) {
            *byte = self.pages[&(at / 4096)].bytes[offset(at)];
        }
        Ok(())
    }

    fn write(&mut self, address: u64, from: &[u8]) -> Result<(), AccessError> {
        if !self.is_time(Kind::Write, address, from.len()) {
            return Err(AccessError::Later);
        }
        self.allowed(address, from.len(), |rights| rights.write)?;
        self.put(address, from);
        Ok(())
    }

    fn source_is_ready(&mut self, address: u64) -> bool {
        self.is_time(Kind::Source, address, PAGE_BYTES)
    }

    fn source_page(&mut self, address: u64) -> Result<&[u8; PAGE_BYTES], SourceError> {
        let (number, page) = self.pages.range(address / 4096..).next().ok_or(SourceError::NoMapping)?;
        if !page.rights.may_exec {
            return Err(SourceError::NoExec);
        }
        if *number != address / 4096 || !page.rights.read {
            return Err(SourceError::Unreadable);
        }
        Ok(&page.bytes)
    }

    fn signal_pending(&mut self) -> bool {
        match &mut self.signal_after {
            Some(0) => self.signal = true,
            Some(looks) => *looks -= 1,
            None => {}
        }
        self.signal
    }

    fn is_provision_file(&mut self, fd: u32) -> bool {
        self.provision_files.contains(&fd)
    }
}

fn offset(at: u64) -> usize {
    usize::try_from(at % 4096).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_judged_by_the_mapping_at_or_above() {
        let mut user = UserBuffer::new();
        assert_eq!(user.source_page(0x1000), Err(SourceError::NoMapping));
        user.map(0x5000, PageRights::ALL);
        assert_eq!(user.source_page(0x1000), Err(SourceError::Unreadable));
        user.map(0x3000, PageRights { may_exec: false, ..PageRights::ALL });
        assert_eq!(user.source_page(0x1000), Err(SourceError::NoExec));
        user.put(0x5000, &[7]);
        assert_eq!(user.source_page(0x5000).map(|page| page[0]), Ok(7));
    }

    #[test]
    fn copies_across_pages_need_both() {
        let mut user = UserBuffer::new();
        user.map(0x1000, PageRights::ALL);
        assert_eq!(user.write(0x1ffe, &[1, 2, 3]), Err(AccessError::Efault));
        user.map(0x2000, PageRights { write: false, ..PageRights::ALL });
        assert_eq!(user.write(0x1ffe, &[1, 2, 3]), Err(AccessError::Efault));
        assert_eq!(user.read(0x1ffe, &mut [0; 3]), Ok(()));
        assert_eq!(user.read(u64::MAX, &mut [0; 3]), Err(AccessError::Efault));
    }
}
