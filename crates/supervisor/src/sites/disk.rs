//! Sites on disk: a small file for each key.
//!
//! It is a cache. What is damaged, of another version, or in a directory that others can write counts as not
//! there, and where nothing can be written nothing is kept.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

use anyclave_crypto::sha256;

use super::key::Key;
use crate::patch::cpuid::Site;

/// The first bytes of a file; the last one is the version of the format.
const MAGIC: [u8; 8] = *b"cpuid\0\0\x01";
/// Bytes of a site: file offset, address, whether the leaf is known, leaf.
const SITE: usize = 24;
/// Bytes of the check sum at the end.
const SUM: usize = 32;
/// Files are no larger; more sites are not kept.
const MAX_SITES: usize = 4096;
/// When the directory holds more files, the oldest go.
const MAX_FILES: usize = 4096;

/// A directory of files.
#[derive(Debug)]
pub(super) struct Disk {
    directory: PathBuf,
    /// Makes names of files that are being written unique within this process.
    written: AtomicU32,
}

impl Disk {
    /// A cache in this directory, which is made when there is something to keep.
    pub(super) fn new(directory: PathBuf) -> Self {
        Self { directory, written: AtomicU32::new(0) }
    }

    /// What is kept under a key.
    pub(super) fn load(&self, key: &Key) -> Option<Vec<Site>> {
        let mut file = File::open(self.directory.join(name(key))).ok()?;
        let metadata = file.metadata().ok()?;
        let ours = metadata.uid() == anyclave_sys::host::effective_uid() && metadata.mode() & 0o022 == 0;
        if !ours || metadata.len() > (MAGIC.len() + MAX_SITES * SITE + SUM) as u64 {
            return None;
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).ok()?;
        decode(key, &bytes)
    }

    /// Keeps sites under a key, if that can be done.
    pub(super) fn store(&self, key: &Key, sites: &[Site]) {
        if sites.len() > MAX_SITES {
            return;
        }
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let unfinished = self.directory.join(format!("new-{}-{number}", std::process::id()));
        // A cache that cannot be written is no cache; nothing else depends on it.
        let kept = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.directory)
            .and_then(|()| OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished))
            .and_then(|mut file| file.write_all(&encode(key, sites)))
            .and_then(|()| fs::rename(&unfinished, self.directory.join(name(key))));
        if kept.is_err() {
            let _ = fs::remove_file(&unfinished);
        } else if number.is_multiple_of(64) {
            prune(&self.directory, MAX_FILES);
        }
    }
}

fn name(key: &Key) -> String {
    key.0.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn encode(key: &Key, sites: &[Site]) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    for site in sites {
        bytes.extend(site.file_offset.to_le_bytes());
        bytes.extend(site.vaddr.to_le_bytes());
        bytes.extend(u32::from(site.leaf.is_some()).to_le_bytes());
        bytes.extend(site.leaf.unwrap_or_default().to_le_bytes());
    }
    let sum = sum(key, &bytes);
    bytes.extend(sum);
    bytes
}

fn decode(key: &Key, bytes: &[u8]) -> Option<Vec<Site>> {
    let (bytes, sum_there) = bytes.split_last_chunk::<SUM>()?;
    let (sites, rest) = bytes.strip_prefix(&MAGIC)?.as_chunks::<SITE>();
    if sum(key, bytes) != *sum_there || !rest.is_empty() {
        return None;
    }
    let site = |bytes: &[u8; SITE]| {
        let [offset, vaddr, leaf] = *bytes.as_chunks::<8>().0 else { return None };
        let leaf = u64::from_le_bytes(leaf);
        let value = u32::try_from(leaf >> 32).ok()?;
        Some(Site {
            file_offset: u64::from_le_bytes(offset),
            vaddr: u64::from_le_bytes(vaddr),
            leaf: (leaf & 1 == 1).then_some(value),
        })
    };
    sites.iter().map(site).collect()
}

/// A file under the wrong name is as damaged as one with wrong bytes.
fn sum(key: &Key, bytes: &[u8]) -> [u8; SUM] {
    sha256(&[&key.0[..], bytes].concat())
}

/// Removes the oldest files where there are more than `most`, a quarter at a time.
fn prune(directory: &Path, most: usize) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    let age = |entry: &fs::DirEntry| entry.metadata().and_then(|metadata| metadata.modified());
    let mut files: Vec<(SystemTime, PathBuf)> =
        entries.flatten().filter_map(|entry| Some((age(&entry).ok()?, entry.path()))).collect();
    if files.len() > most {
        files.sort_unstable();
        for (_, path) in files.iter().take(most / 4) {
            // Another run may do the same at this moment.
            let _ = fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Key = Key([7; 32]);
    const SITES: [Site; 2] = [
        Site { file_offset: 0x1000, vaddr: 0x40_1000, leaf: Some(0x8000_0000) },
        Site { file_offset: 0x2000, vaddr: 0x40_2000, leaf: None },
    ];

    #[test]
    fn what_is_encoded_is_decoded() {
        assert_eq!(decode(&KEY, &encode(&KEY, &SITES)).as_deref(), Some(&SITES[..]));
        assert_eq!(decode(&KEY, &encode(&KEY, &[])).as_deref(), Some(&[][..]));
    }

    #[test]
    fn damage_is_seen() {
        let whole = encode(&KEY, &SITES);
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            assert_eq!(decode(&KEY, &bytes), None, "{at}");
            assert_eq!(decode(&KEY, &whole[..at]), None, "{at}");
        }
        assert_eq!(decode(&Key([8; 32]), &whole), None);
    }
}
