//! Conformance scripts: a small language in which a case sets up a scene, executes a leaf and says what must come of
//! it. `conformance/README.md` is the language on one page.
//!
//! A [`Script`] is the text as data, the same for every venue. [`run`] performs it on the processor itself, without
//! processes: the venue where every state can be had and nothing is left to chance.

mod cursor;
mod declare;
mod execute;
mod expect;
mod index;
mod keys;
mod layout;
mod leaves;
mod lexer;
mod parse;
mod plan;
pub mod recording;
mod reference;
mod runner;
pub(crate) mod space;
pub mod syntax;
mod value;
mod world;

use std::fmt;
use std::path::Path;

pub use index::Index;
pub use parse::parse;
pub use runner::{Report, run};
pub use syntax::Script;

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Path of the script.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// What is wrong.
    pub text: String,
}

impl Problem {
    fn at(file: &str, line: usize, text: String) -> Self {
        Self { file: file.to_owned(), line, text }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.text)
    }
}

/// All scripts below a folder, by path.
///
/// # Errors
/// A file cannot be read, or says something that means nothing.
pub fn scripts(folder: &Path) -> Result<Vec<Script>, Problem> {
    let mut files = Vec::new();
    find(folder, "", &mut files)
        .map_err(|error| Problem::at(&folder.display().to_string(), 0, error.to_string()))?;
    files.sort();
    files.iter().map(|(file, text)| parse(file, text)).collect()
}

fn find(folder: &Path, below: &str, files: &mut Vec<(String, String)>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if below.is_empty() { name.clone() } else { format!("{below}/{name}") };
        if entry.file_type()?.is_dir() {
            find(&entry.path(), &path, files)?;
        } else if name.ends_with(".conf") {
            files.push((path, std::fs::read_to_string(entry.path())?));
        }
    }
    Ok(())
}
