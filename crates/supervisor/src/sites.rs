//! Where files have CPUID instructions, looked up once a file and run.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use crate::patch::cpuid::find_sites;
use crate::process::lock;

/// What a file was when it was read: device, inode, size, and time of the last change.
type Identity = (u64, u64, u64, i64, i64);

/// Sites by file.
#[derive(Debug, Default)]
pub(crate) struct SiteCache {
    files: Mutex<HashMap<Identity, Arc<[u64]>>>,
}

impl SiteCache {
    /// Offsets of CPUID instructions in a file that is mapped with this inode number. A file that cannot be
    /// read, or is another one by now, has none.
    pub(crate) fn of(&self, path: &Path, inode: u64) -> Arc<[u64]> {
        let none = || Arc::from([]);
        let Ok(metadata) = fs::metadata(path) else { return none() };
        if metadata.ino() != inode || !metadata.is_file() {
            return none();
        }
        let identity =
            (metadata.dev(), metadata.ino(), metadata.size(), metadata.mtime(), metadata.mtime_nsec());
        if let Some(sites) = lock(&self.files).get(&identity) {
            return Arc::clone(sites);
        }
        let sites: Arc<[u64]> = fs::read(path)
            .map(|bytes| find_sites(&bytes).iter().map(|site| site.file_offset).collect())
            .unwrap_or_else(|_unreadable| none());
        lock(&self.files).insert(identity, Arc::clone(&sites));
        sites
    }
}
