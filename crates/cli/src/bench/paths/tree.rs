//! A walk over a tree, as `find` and `git status` do it.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use super::TREE;
use crate::bench::part::{Said, best};

const ROOT: &str = "tree";
const FOLDERS: u32 = 100;
const FILES: u32 = 100;

pub(super) fn prepare(folder: &Path) -> io::Result<()> {
    for index in 0..FOLDERS {
        let folder = folder.join(ROOT).join(format!("folder-{index}"));
        fs::create_dir_all(&folder)?;
        for index in 0..FILES {
            File::create(folder.join(format!("file-{index}")))?;
        }
    }
    Ok(())
}

pub(in crate::bench) fn part(folder: &Path) -> Said {
    let root = folder.join(ROOT);
    let walk = |_| match walk(&root)? {
        files if files == u64::from(FOLDERS * FILES) => Ok(()),
        files => Err(io::Error::other(format!("{files} files are not as many as were made"))),
    };
    Ok(vec![(TREE, best(3, 1, walk)?)])
}

/// How many files there are; each entry is looked at.
fn walk(folder: &Path) -> io::Result<u64> {
    let mut files = 0;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        files += if fs::symlink_metadata(&path)?.is_dir() { walk(&path)? } else { 1 };
    }
    Ok(files)
}
