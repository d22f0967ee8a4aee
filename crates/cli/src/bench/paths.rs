//! What calls by path cost, alone and in programs that make many of them.

pub(super) mod calls;
pub(super) mod compile;
pub(super) mod tree;

use super::lab::Lab;
use super::{BenchError, Entry};

pub(super) const NAME: &str = "paths";
/// open and close of a file that is there.
pub(super) const OPEN_HIT: &str = "open_hit";
/// open of one that is not.
pub(super) const OPEN_MISS: &str = "open_miss";
/// statx of a file that is there.
pub(super) const STAT_HIT: &str = "stat_hit";
/// statx of one that is not.
pub(super) const STAT_MISS: &str = "stat_miss";
/// access to a file that is there.
pub(super) const ACCESS_HIT: &str = "access_hit";
/// access to one that is not.
pub(super) const ACCESS_MISS: &str = "access_miss";
/// `cc -c` of one file.
pub(super) const COMPILE: &str = "compile";
/// A walk over a tree of 10,000 files with a look at each.
pub(super) const TREE: &str = "tree";

pub(super) fn measure(lab: &Lab) -> Result<Vec<Entry>, BenchError> {
    let names = [OPEN_HIT, OPEN_MISS, STAT_HIT, STAT_MISS, ACCESS_HIT, ACCESS_MISS];
    calls::prepare(lab.folder())?;
    let mut entries: Vec<_> = lab.compare(NAME, &names)?.into_iter().map(Entry::Figure).collect();
    tree::prepare(lab.folder())?;
    entries.extend(lab.compare(TREE, &[TREE])?.into_iter().map(Entry::Figure));
    if compile::is_possible() {
        compile::prepare(lab.folder())?;
        entries.extend(lab.compare(COMPILE, &[COMPILE])?.into_iter().map(Entry::Figure));
    } else {
        entries.push(Entry::Left { name: COMPILE, reason: "this host has no C compiler (cc)".to_owned() });
    }
    Ok(entries)
}
