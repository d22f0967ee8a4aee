//! Where things are kept that can be found out again.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// `$XDG_CACHE_HOME/anyclave`, else `~/.cache/anyclave`; none where neither can be. A home that is not there is
/// not made.
pub(crate) fn directory() -> Option<PathBuf> {
    let home = env::var_os("HOME").filter(|home| Path::new(home).is_dir());
    place(env::var_os("XDG_CACHE_HOME").as_deref(), home.as_deref())
}

fn place(xdg: Option<&OsStr>, home: Option<&OsStr>) -> Option<PathBuf> {
    let absolute = |path: &&OsStr| Path::new(path).is_absolute();
    let base = match xdg.filter(absolute) {
        Some(xdg) => PathBuf::from(xdg),
        None => Path::new(home.filter(absolute)?).join(".cache"),
    };
    Some(base.join("anyclave"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xdg_goes_before_home_if_it_is_absolute() {
        let place = |xdg: &str, home: Option<&str>| place(Some(OsStr::new(xdg)), home.map(OsStr::new));
        assert_eq!(place("/c", Some("/h")), Some(PathBuf::from("/c/anyclave")));
        assert_eq!(place("c", Some("/h")), Some(PathBuf::from("/h/.cache/anyclave")));
        assert_eq!(place("", Some("/h")), Some(PathBuf::from("/h/.cache/anyclave")));
        assert_eq!(place("", None), None);
        assert_eq!(place("", Some("h")), None);
    }
}
