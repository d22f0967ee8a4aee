//! What a file's sites are kept under: its build-id, with everything else that decides where they lie.

use std::fs::File;
use std::os::unix::fs::FileExt;

use anyclave_crypto::sha256_parts;

use crate::patch::elf::{self, Segment};

/// Changes when the search finds other sites in the same file.
const SEARCH: u32 = 1;
/// Bytes from the start of a file in which its program headers must lie.
const HEADERS: usize = 4096;
/// Bytes of a segment of notes that are looked at.
const NOTES: usize = 4096;
/// `n_type` of a build-id.
const NT_GNU_BUILD_ID: u32 = 3;

/// A name that only files with the same code at the same places share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key(pub(super) [u8; 32]);

impl Key {
    /// The key of an ELF file of `size` bytes. A file without build-id has none.
    pub(super) fn of(file: &File, size: u64) -> Option<Self> {
        let headers = read(file, 0, HEADERS);
        if !elf::is_x86_64(&headers) {
            return None;
        }
        let segments: Vec<Segment> = elf::segments(&headers)?.collect();
        let id = segments
            .iter()
            .filter(|segment| segment.kind == elf::PT_NOTE)
            .find_map(|segment| build_id(&read(file, segment.offset, NOTES)))?;
        // A stripped file keeps its build-id, but its segments may lie elsewhere.
        let layout: Vec<u8> = segments
            .iter()
            .flat_map(|it| [it.offset, it.vaddr, it.filesz, u64::from(it.kind) << 32 | u64::from(it.flags)])
            .flat_map(u64::to_le_bytes)
            .collect();
        let parts = [&SEARCH.to_le_bytes()[..], &size.to_le_bytes(), &layout, &id];
        Some(Self(sha256_parts(&parts)))
    }
}

/// Up to `length` bytes at `offset`; fewer where the file ends or cannot be read.
fn read(file: &File, offset: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    let read = file.read_at(&mut bytes, offset).unwrap_or(0);
    bytes.truncate(read);
    bytes
}

/// The build-id among the notes at the start of `notes`.
fn build_id(mut notes: &[u8]) -> Option<Vec<u8>> {
    const HEADER: usize = 12;
    loop {
        let word = |at| elf::u32_at(notes, at).and_then(|word| usize::try_from(word).ok());
        let (name, length) = (word(0)?, word(4)?);
        let kind = elf::u32_at(notes, 8)?;
        let text = HEADER.checked_add(name.checked_next_multiple_of(4)?)?;
        let end = text.checked_add(length)?;
        if kind == NT_GNU_BUILD_ID && notes.get(HEADER..HEADER + name) == Some(b"GNU\0") {
            return notes.get(text..end).filter(|id| !id.is_empty()).map(<[u8]>::to_vec);
        }
        notes = notes.get(text.checked_add(length.checked_next_multiple_of(4)?)?..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(name: &[u8], kind: u32, text: &[u8]) -> Vec<u8> {
        let word = |length: usize| u32::try_from(length).unwrap().to_le_bytes();
        let mut note = [&word(name.len())[..], &word(text.len()), &kind.to_le_bytes(), name, text].concat();
        note.resize(note.len().next_multiple_of(4), 0);
        note
    }

    #[test]
    fn the_build_id_is_found_behind_other_notes() {
        let notes = [note(b"GNU\0", 5, b"property"), note(b"GNU\0", 3, b"12345678"), vec![1; 3]].concat();
        assert_eq!(build_id(&notes).as_deref(), Some(&b"12345678"[..]));
        assert_eq!(build_id(&note(b"Go\0\0", 3, b"12345678")), None);
        assert_eq!(build_id(&note(b"GNU\0", 3, b"")), None);
    }

    #[test]
    fn notes_that_end_early_have_none() {
        let notes = note(b"GNU\0", 3, b"12345678");
        for length in 0..notes.len() {
            assert_eq!(build_id(&notes[..length]), None, "{length}");
        }
        assert_eq!(build_id(&[0xff; 64]), None);
    }

    #[test]
    fn the_size_is_part_of_the_key() {
        let file = File::open("/proc/self/exe").unwrap();
        let size = file.metadata().unwrap().len();
        // Only where the linker gives build-ids.
        if let Some(key) = Key::of(&file, size) {
            assert_eq!(Key::of(&file, size), Some(key));
            assert_ne!(Key::of(&file, size + 1), Some(key));
        }
    }
}
