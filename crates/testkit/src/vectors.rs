//! Enclaves and signatures that others made. The files are not part of the repository: they are read from the
//! folder named by ANYCLAVE_VECTORS, or from `shared/vectors` beside the workspace.

use std::io::Write;
use std::path::{Path, PathBuf};

/// The file, or None where the folder of vectors is absent, which is said aloud. A folder without the file
/// fails the test.
#[must_use]
pub fn vector(test: &str, name: &str) -> Option<Vec<u8>> {
    let folder = std::env::var_os("ANYCLAVE_VECTORS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors"), PathBuf::from);
    if !folder.is_dir() {
        // past the capture of the test harness, which hides what a passing test prints
        let _written = writeln!(std::io::stderr(), "skipped: {test}: {} is absent", folder.display());
        return None;
    }
    let path = folder.join(name);
    Some(std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}
