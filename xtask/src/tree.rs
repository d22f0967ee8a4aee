//! The files of the project.

use std::fs;
use std::io;
use std::path::Path;

use crate::Problem;

/// A file that the rules are about.
pub(crate) struct File {
    /// From the root, with slashes.
    pub(crate) path: String,
    /// Its contents.
    pub(crate) text: String,
}

/// Kinds of files that people write here.
const KINDS: [&str; 8] = ["rs", "md", "c", "h", "S", "sh", "toml", "py"];

/// Directories whose contents are made or fetched.
const LEFT_OUT: [&str; 2] = ["target", "work"];

/// All files of these kinds, hidden directories left out.
pub(crate) fn files(root: &Path) -> io::Result<Vec<File>> {
    let mut files = Vec::new();
    walk(root, "", &mut files)?;
    Ok(files)
}

fn walk(root: &Path, directory: &str, files: &mut Vec<File>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(directory))? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = if directory.is_empty() { name.clone() } else { format!("{directory}/{name}") };
        let kind = entry.file_type()?;
        if kind.is_dir() {
            if !name.starts_with('.') && !LEFT_OUT.contains(&name.as_str()) {
                walk(root, &path, files)?;
            }
        } else if kind.is_file() && name.rsplit_once('.').is_some_and(|(_, kind)| KINDS.contains(&kind)) {
            let text = fs::read_to_string(entry.path())?;
            files.push(File { path, text });
        }
    }
    Ok(())
}

/// The texts of both licences are there.
pub(crate) fn licences(root: &Path) -> Vec<Problem> {
    [("LICENSE-MIT", "MIT License"), ("LICENSE-APACHE", "Apache License")]
        .into_iter()
        .filter(|(name, title)| !fs::read_to_string(root.join(name)).is_ok_and(|text| text.contains(title)))
        .map(|(name, title)| Problem::new(name, format!("does not hold the text of the {title}")))
        .collect()
}
