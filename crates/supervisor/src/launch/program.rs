//! Finding the program, and saying early what would go wrong.

use std::env;
use std::ffi::{CString, OsStr, OsString};
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyclave_sys::Errno;

use super::LaunchError;
use crate::log::say;

/// Where programs are looked for when there is no PATH.
const DEFAULT_PATH: &str = "/bin:/usr/bin";
/// How many scripts may interpret one another.
const INTERPRETERS: u32 = 4;
/// S_ISUID and S_ISGID.
const SET_ID: u32 = 0o6000;

/// A program that exists.
#[derive(Debug)]
pub(super) struct Program {
    /// What the user called it: its argv[0].
    pub(super) name: OsString,
    /// Where it lies.
    pub(super) path: CString,
}

impl Program {
    /// Looks for a program along PATH, or where its name says if it has a slash.
    ///
    /// # Errors
    /// 127 if it is not there, 126 if it cannot be run, 125 for a program of 32 bits.
    pub(super) fn find(name: &OsStr) -> Result<Self, LaunchError> {
        let shown = || name.to_string_lossy().into_owned();
        let not_executable = |why: &str| LaunchError::NotExecutable(shown(), why.into());
        let path = if name.as_bytes().contains(&b'/') { Some(PathBuf::from(name)) } else { along_path(name) };
        let path = path.filter(|path| path.exists()).ok_or_else(|| LaunchError::NotFound(shown()))?;
        let metadata = fs::metadata(&path).map_err(|error| not_executable(&error.to_string()))?;
        if metadata.is_dir() {
            return Err(not_executable("is a directory"));
        }
        let mode = metadata.permissions().mode();
        if mode & 0o111 == 0 {
            return Err(not_executable("permission denied"));
        }
        // Memory of a program that its user may not read cannot be traced.
        File::open(&path).map_err(|_denied| not_executable("not readable, so it cannot be traced"))?;
        if has_32_bits(&path, INTERPRETERS) {
            return Err(LaunchError::ThirtyTwoBits(shown()));
        }
        if mode & SET_ID != 0 {
            say(format_args!("{}: is set-uid or set-gid; it runs without that privilege", shown()));
        }
        let path =
            CString::new(path.as_os_str().as_bytes()).map_err(|_nul| LaunchError::NotFound(shown()))?;
        Ok(Self { name: name.to_owned(), path })
    }

    /// What a failed exec means.
    pub(super) fn exec_failed(&self, error: Errno) -> LaunchError {
        let shown = self.name.to_string_lossy().into_owned();
        match error {
            Errno::ENOENT => LaunchError::NotFound(shown),
            _ => LaunchError::NotExecutable(shown, error.desc().into()),
        }
    }
}

/// Whether a program, or what interprets it as a script, is an ELF file of 32 bits.
fn has_32_bits(path: &Path, depth: u32) -> bool {
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(256).read_to_end(&mut start));
    if read.is_err() || start.starts_with(b"\x7fELF") {
        return start.get(4) == Some(&1);
    }
    let Some(line) = start.strip_prefix(b"#!").and_then(|line| line.split(|&byte| byte == b'\n').next())
    else {
        return false;
    };
    let words = line.trim_ascii().split(|byte| byte.is_ascii_whitespace());
    words.take(1).any(|word| depth > 0 && has_32_bits(Path::new(OsStr::from_bytes(word)), depth - 1))
}

/// The first executable file of that name, or else the first file at all, for a better error.
fn along_path(name: &OsStr) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_else(|| DEFAULT_PATH.into());
    let candidates: Vec<PathBuf> = env::split_paths(&path)
        .map(|directory| if directory.as_os_str().is_empty() { PathBuf::from(".") } else { directory })
        .map(|directory| directory.join(name))
        .filter(|candidate| is_file(candidate))
        .collect();
    let executable = |candidate: &&PathBuf| {
        fs::metadata(candidate).is_ok_and(|metadata| metadata.permissions().mode() & 0o111 != 0)
    };
    candidates.iter().find(executable).or_else(|| candidates.first()).cloned()
}

fn is_file(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(name: &str) -> u8 {
        Program::find(OsStr::new(name)).unwrap_err().exit_code()
    }

    #[test]
    fn what_cannot_run_is_told_as_shells_do() {
        assert_eq!(status("/no/such/program"), 127);
        assert_eq!(status("no-such-program-anywhere"), 127);
        assert_eq!(status("/"), 126);
        assert_eq!(status("/etc/passwd"), 126);
    }

    #[test]
    fn a_program_is_found_along_path() {
        let program = Program::find(OsStr::new("sh")).unwrap();
        assert_eq!(program.name, "sh");
        assert!(program.path.to_bytes().ends_with(b"/sh"));
    }
}
