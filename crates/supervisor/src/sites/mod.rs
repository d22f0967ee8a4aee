//! Where files have CPUID instructions that must be replaced, looked up once a file and run, and kept on disk
//! from run to run.

mod disk;
mod key;

use std::collections::HashMap;
use std::fs::{self, File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use anyclave_platform::CpuidModel;

use crate::patch::cpuid::{Site, find_sites};
use crate::process::lock;
use disk::Disk;
use key::Key;

/// Files below this size are searched faster than looked up on disk.
const WORTH_KEEPING: u64 = 128 << 10;

/// What a file was when it was read: device, inode, size, and time of the last change.
type Version = (u64, u64, u64, i64, i64);

fn version(metadata: &Metadata) -> Version {
    (metadata.dev(), metadata.ino(), metadata.size(), metadata.mtime(), metadata.mtime_nsec())
}

/// Offsets, by file, of the CPUID instructions that cannot stay.
#[derive(Debug)]
pub(crate) struct SiteCache {
    files: Mutex<HashMap<Version, Arc<[u64]>>>,
    disk: Option<Disk>,
    model: CpuidModel,
}

impl SiteCache {
    /// A cache for a machine that answers CPUID like this. `directory` is where it is kept on disk.
    pub(crate) fn new(model: CpuidModel, directory: Option<PathBuf>) -> Self {
        Self { files: Mutex::default(), disk: directory.map(Disk::new), model }
    }

    /// Whether it is known already that nothing is to be replaced in the file with this metadata.
    pub(crate) fn is_clean(&self, metadata: &Metadata) -> bool {
        lock(&self.files).get(&version(metadata)).is_some_and(|sites| sites.is_empty())
    }

    /// Offsets of CPUID instructions in a file that is mapped with this inode number. A file that cannot be
    /// read, or is another one by now, has none.
    pub(crate) fn of(&self, path: &Path, inode: u64) -> Arc<[u64]> {
        let none = || Arc::from([]);
        let Ok(metadata) = fs::metadata(path) else { return none() };
        if metadata.ino() != inode || !metadata.is_file() {
            return none();
        }
        let version = version(&metadata);
        if let Some(sites) = lock(&self.files).get(&version) {
            return Arc::clone(sites);
        }
        let must_go = |site: &Site| site.leaf.is_none_or(|leaf| self.model.amends(leaf));
        let sites = self.search(path, metadata.size());
        let sites: Arc<[u64]> =
            sites.iter().filter(|site| must_go(site)).map(|site| site.file_offset).collect();
        lock(&self.files).insert(version, Arc::clone(&sites));
        sites
    }

    /// All CPUID instructions of a file, from the disk if it is known there.
    fn search(&self, path: &Path, size: u64) -> Vec<Site> {
        let key = self.disk.as_ref().filter(|_| size >= WORTH_KEEPING).and_then(|disk| {
            let file = File::open(path).ok()?;
            Some((disk, Key::of(&file, size)?))
        });
        if let Some(sites) = key.as_ref().and_then(|(disk, key)| disk.load(key)) {
            return sites;
        }
        let Ok(bytes) = fs::read(path) else { return Vec::new() };
        let sites = find_sites(&bytes);
        if let Some((disk, key)) = key {
            disk.store(&key, &sites);
        }
        sites
    }
}

#[cfg(test)]
mod tests;
