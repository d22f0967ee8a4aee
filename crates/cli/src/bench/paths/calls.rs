//! Single calls.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use anyclave_sys::path::access;

use super::{ACCESS_HIT, ACCESS_MISS, OPEN_HIT, OPEN_MISS, STAT_HIT, STAT_MISS};
use crate::bench::part::{Said, best};

const THERE: &str = "there";
const NOT_THERE: &str = "not-there";
const BATCHES: u32 = 40;
const STEPS: u32 = 50;

pub(super) fn prepare(folder: &Path) -> io::Result<()> {
    fs::write(folder.join(THERE), b"")
}

pub(in crate::bench) fn part(folder: &Path) -> Said {
    let (there, not_there) = (folder.join(THERE), folder.join(NOT_THERE));
    let hit = |step: &dyn Fn(&Path) -> bool| best(BATCHES, STEPS, |_| expect(step(&there)));
    let miss = |step: &dyn Fn(&Path) -> bool| best(BATCHES, STEPS, |_| expect(!step(&not_there)));
    let open = |path: &Path| File::open(path).is_ok();
    let stat = |path: &Path| fs::metadata(path).is_ok();
    let access = |path: &Path| access(path).is_ok();
    Ok(vec![
        (OPEN_HIT, hit(&open)?),
        (OPEN_MISS, miss(&open)?),
        (STAT_HIT, hit(&stat)?),
        (STAT_MISS, miss(&stat)?),
        (ACCESS_HIT, hit(&access)?),
        (ACCESS_MISS, miss(&access)?),
    ])
}

fn expect(right: bool) -> io::Result<()> {
    if right { Ok(()) } else { Err(io::Error::other("a file is not as it was made")) }
}
