//! The device root: the secret from which all keys of a machine derive, and where it comes from.
//!
//! It is kept in a file of the state directory, 32 random bytes that only the owner may read, so that what an
//! enclave seals today it can unseal tomorrow.

use std::env;
use std::ffi::OsStr;
use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyclave_platform::Keys;
use thiserror::Error;

/// Bytes of a device root.
const ROOT_BYTES: usize = 32;

/// The file in the state directory.
const FILE: &str = "device-root";

/// The secrets of a machine and their origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DeviceKeys {
    /// The secrets.
    pub(crate) keys: Keys,
    /// Where they come from.
    pub(crate) source: Source,
}

/// Where keys come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// This file; the next machine has the same keys.
    File(PathBuf),
    /// `--seed`: whoever gives the same one has the same keys.
    Seed,
    /// Chance; nothing sealed in this run can be unsealed in another. Holds the reason why there is no file.
    ThisRun(String),
}

impl Source {
    /// The kind in one word, for `--json`.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::File(_) => "state",
            Self::Seed => "seed",
            Self::ThisRun(_) => "run",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "from {}", path.display()),
            Self::Seed => f.write_str("from --seed"),
            Self::ThisRun(why) => write!(f, "for this run only ({why})"),
        }
    }
}

/// Why there is no device root.
#[derive(Debug, Error)]
pub(crate) enum StateError {
    /// The file is there, but it is none of ours.
    #[error("{} does not hold {ROOT_BYTES} bytes; move it away to get new keys", .0.display())]
    Damaged(PathBuf),
    /// Others may read it.
    #[error("{} can be read by others than its owner (mode {mode:o}); chmod 600 it", .path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The directory was asked for by name and does not serve.
    #[error("cannot keep the device root in {}: {error}", .directory.display())]
    Unusable {
        /// The directory.
        directory: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// The kernel has no random numbers.
    #[error("cannot read random numbers: {0}")]
    Random(io::Error),
}

/// The secrets: of `seed`, else of the state directory, made there on first use; where nothing is writable, by
/// chance. A directory that was asked for by name must serve.
pub(crate) fn device_keys(seed: Option<&str>, directory: Option<&Path>) -> Result<DeviceKeys, StateError> {
    if let Some(seed) = seed {
        return Ok(DeviceKeys { keys: Keys::from_seed(seed), source: Source::Seed });
    }
    let (root, source) = match directory {
        Some(directory) => in_directory(directory)?,
        None => by_default()?,
    };
    Ok(DeviceKeys { keys: Keys::from_root(&root), source })
}

fn by_default() -> Result<([u8; ROOT_BYTES], Source), StateError> {
    // A home that is not there is not ours to make.
    let home = env::var_os("HOME").filter(|home| Path::new(home).is_dir());
    let directory = default_directory(env::var_os("XDG_STATE_HOME").as_deref(), home.as_deref());
    let why = match directory.map(|directory| in_directory(&directory)) {
        None => "no home directory".to_owned(),
        Some(Err(StateError::Unusable { directory, error })) => format!("{}: {error}", directory.display()),
        Some(other) => return other,
    };
    Ok((random().map_err(StateError::Random)?, Source::ThisRun(why)))
}

/// `$XDG_STATE_HOME/anyclave`; where that is not set, or not absolute, in `~/.local/state`.
fn default_directory(xdg: Option<&OsStr>, home: Option<&OsStr>) -> Option<PathBuf> {
    let absolute = |path: &&OsStr| Path::new(path).is_absolute();
    let base = match xdg.filter(absolute) {
        Some(xdg) => PathBuf::from(xdg),
        None => Path::new(home.filter(absolute)?).join(".local/state"),
    };
    Some(base.join("anyclave"))
}

fn in_directory(directory: &Path) -> Result<([u8; ROOT_BYTES], Source), StateError> {
    let unusable = |error| StateError::Unusable { directory: directory.to_owned(), error };
    let path = directory.join(FILE);
    let mut file = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make(directory, &path).map_err(unusable)?;
            // What another run made at the same moment counts, too.
            File::open(&path).map_err(unusable)?
        }
        other => other.map_err(unusable)?,
    };
    let metadata = file.metadata().map_err(unusable)?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(StateError::Exposed { path, mode });
    }
    if !metadata.is_file() || metadata.len() != ROOT_BYTES as u64 {
        return Err(StateError::Damaged(path));
    }
    let mut bytes = [0; ROOT_BYTES];
    file.read_exact(&mut bytes).map_err(unusable)?;
    Ok((bytes, Source::File(path)))
}

/// Makes the file appear with all its bytes at once, unless another run was faster.
fn make(directory: &Path, path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let draft = directory.join(format!("{FILE}.{}", std::process::id()));
    let written = write_draft(&draft).and_then(|()| match fs::hard_link(&draft, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    });
    let removed = fs::remove_file(&draft);
    written.and(removed)
}

fn write_draft(draft: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft)?;
    file.write_all(&random()?)?;
    file.sync_all()
}

fn random() -> io::Result<[u8; ROOT_BYTES]> {
    let mut bytes = [0; ROOT_BYTES];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory of one test, removed at its end.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let path = env::temp_dir().join(format!("anyclave-state-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn the_file_is_made_once_and_private() {
        let scratch = Scratch::new("once");
        let directory = scratch.0.join("a/b");
        let first = device_keys(None, Some(&directory)).unwrap();
        assert_eq!(first.source, Source::File(directory.join(FILE)));
        assert_eq!(device_keys(None, Some(&directory)).unwrap(), first);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&directory.join(FILE)), 0o600);
        assert_eq!(mode(&directory), 0o700);
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 1);
    }

    #[test]
    fn a_seed_gives_the_same_keys_everywhere() {
        let one = device_keys(Some("one"), None).unwrap();
        assert_eq!(one.source, Source::Seed);
        assert_eq!(device_keys(Some("one"), None).unwrap().keys, one.keys);
        assert_ne!(device_keys(Some("two"), None).unwrap().keys, one.keys);
    }

    #[test]
    fn damaged_and_exposed_files_are_refused() {
        let scratch = Scratch::new("damaged");
        let path = scratch.0.join(FILE);
        let write = |bytes: &[u8], mode| {
            fs::write(&path, bytes).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        };
        write(&[1; 31], 0o600);
        assert!(matches!(device_keys(None, Some(&scratch.0)), Err(StateError::Damaged(_))));
        write(&[1; 33], 0o600);
        assert!(matches!(device_keys(None, Some(&scratch.0)), Err(StateError::Damaged(_))));
        write(&[1; 32], 0o640);
        assert!(matches!(device_keys(None, Some(&scratch.0)), Err(StateError::Exposed { mode: 0o640, .. })));
        write(&[1; 32], 0o400);
        let keys = device_keys(None, Some(&scratch.0)).unwrap().keys;
        assert_eq!(keys, Keys::from_root(&[1; 32]));
    }

    #[test]
    fn a_directory_asked_for_by_name_must_serve() {
        let scratch = Scratch::new("unusable");
        let file = scratch.0.join("file");
        fs::write(&file, b"").unwrap();
        assert!(matches!(device_keys(None, Some(&file.join("x"))), Err(StateError::Unusable { .. })));
    }

    #[test]
    fn the_default_directory_follows_the_xdg_rules() {
        let os = |text: &'static str| Some(OsStr::new(text));
        assert_eq!(default_directory(os("/x"), os("/home/a")), Some("/x/anyclave".into()));
        assert_eq!(default_directory(os("x"), os("/home/a")), Some("/home/a/.local/state/anyclave".into()));
        assert_eq!(default_directory(None, os("/home/a")), Some("/home/a/.local/state/anyclave".into()));
        assert_eq!(default_directory(None, os("")), None);
        assert_eq!(default_directory(None, None), None);
    }

    #[test]
    fn a_slower_maker_leaves_the_file_alone() {
        let scratch = Scratch::new("race");
        let first = device_keys(None, Some(&scratch.0)).unwrap();
        make(&scratch.0, &scratch.0.join(FILE)).unwrap();
        assert_eq!(device_keys(None, Some(&scratch.0)).unwrap(), first);
    }
}
