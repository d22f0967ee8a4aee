//! The cache on real files and directories.

use std::os::unix::fs::PermissionsExt;

use anyclave_cpu::xsave::XsaveLayout;
use anyclave_platform::{Config, Host, Keys};

use super::*;

/// A machine on a host whose last basic leaf is 10H.
fn model() -> CpuidModel {
    let host = Host { xcr0: 7, xsave: XsaveLayout::avx(), last_basic_leaf: 0x10, caches: Vec::new() };
    CpuidModel::new(&Config::new(host, Keys::from_seed("")))
}

/// A directory of this test's own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("anyclave-sites-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }

    fn files(&self) -> Vec<PathBuf> {
        fs::read_dir(&self.0).map(|dir| dir.flatten().map(|it| it.path()).collect()).unwrap_or_default()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A library of this machine with CPUID and a build-id in it.
fn loader() -> PathBuf {
    fs::canonicalize("/lib64/ld-linux-x86-64.so.2").unwrap()
}

fn sites(cache: &SiteCache) -> Arc<[u64]> {
    let path = loader();
    cache.of(&path, fs::metadata(&path).unwrap().ino())
}

#[test]
fn constant_leaves_that_the_host_answers_stay() {
    let all = find_sites(&fs::read(loader()).unwrap());
    let must_go = sites(&SiteCache::new(model(), None));
    assert!(!must_go.is_empty());
    assert!(must_go.len() * 2 < all.len(), "{} of {}", must_go.len(), all.len());
    let stays = |site: &&Site| site.leaf.is_some_and(|leaf| leaf >= 0x8000_0000);
    assert!(all.iter().filter(stays).count() > 0);
    for site in &all {
        let stays = site.leaf.is_some_and(|leaf| !model().amends(leaf));
        assert_eq!(must_go.contains(&site.file_offset), !stays, "{site:x?}");
    }
}

#[test]
fn the_second_run_finds_on_disk_what_the_first_found() {
    let folder = Folder::new("twice");
    let first = SiteCache::new(model(), Some(folder.0.clone()));
    let found = sites(&first);
    assert_eq!(folder.files().len(), 1);
    let key = Key::of(&File::open(loader()).unwrap(), fs::metadata(loader()).unwrap().len()).unwrap();
    // What is on disk is believed.
    Disk::new(folder.0.clone()).store(&key, &[]);
    assert!(sites(&SiteCache::new(model(), Some(folder.0.clone()))).is_empty());
    // What others could have written is not.
    fs::set_permissions(&folder.files()[0], fs::Permissions::from_mode(0o666)).unwrap();
    assert_eq!(sites(&SiteCache::new(model(), Some(folder.0.clone()))), found);
}

#[test]
fn a_directory_that_cannot_be_made_costs_nothing_but_time() {
    let cache = SiteCache::new(model(), Some(PathBuf::from("/proc/no/such/place")));
    assert_eq!(sites(&cache), sites(&SiteCache::new(model(), None)));
}

#[test]
fn a_file_without_cpuid_is_known_to_be_clean_after_a_look() {
    let cache = SiteCache::new(model(), None);
    let metadata = fs::metadata("/etc/passwd").unwrap();
    assert!(!cache.is_clean(&metadata));
    assert!(cache.of(Path::new("/etc/passwd"), metadata.ino()).is_empty());
    assert!(cache.is_clean(&metadata));
    // Another file by that name.
    assert!(cache.of(Path::new("/etc/passwd"), metadata.ino() + 1).is_empty());
}
