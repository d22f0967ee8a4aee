//! Looks at paths that the standard library has no word for.

use crate::Result;
use nix::unistd::AccessFlags;
use std::path::Path;

/// There is something at `path` (access(2) with F_OK).
///
/// # Errors
/// `ENOENT`, `ENOTDIR`: nothing. `EACCES`: a directory on the way cannot be searched.
pub fn access(path: &Path) -> Result<()> {
    nix::unistd::access(path, AccessFlags::F_OK)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Errno;

    #[test]
    fn what_is_there_can_be_accessed() {
        assert_eq!(access(Path::new("/proc/self")), Ok(()));
        assert_eq!(access(Path::new("/proc/self/none")), Err(Errno::ENOENT));
    }
}
