//! Facts about the host that decide how it is to be treated.

use crate::{Pid, Result, identity};
use nix::sys::statvfs::{FsFlags, statvfs};
use std::fs::File;
use std::path::Path;

/// Yama lets a process be traced by its ancestors only, or by whom it has named
/// ([`crate::prctl::set_ptracer`]).
#[must_use]
pub fn ptrace_is_restricted() -> bool {
    std::fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").is_ok_and(|scope| scope.trim() != "0")
}

/// The user whose files this process makes.
#[must_use]
pub fn effective_uid() -> u32 {
    nix::unistd::geteuid().as_raw()
}

/// The file lies on a file system mounted noexec. False if there is no such file.
#[must_use]
pub fn mounted_noexec(path: &Path) -> bool {
    statvfs(path).is_ok_and(|status| status.flags().contains(FsFlags::ST_NOEXEC))
}

/// The logical processor runs. Where the host does not tell which do, that of number 0.
#[must_use]
pub fn is_online(cpu: u32) -> bool {
    match std::fs::read_to_string("/sys/devices/system/cpu/online") {
        Ok(list) => is_in_list(&list, cpu),
        Err(_) => cpu == 0,
    }
}

/// Whether a list such as `0-3,8` names a number.
fn is_in_list(list: &str, number: u32) -> bool {
    list.trim().split(',').any(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let bounds = (first.parse::<u32>(), last.parse::<u32>());
        matches!(bounds, (Ok(first), Ok(last)) if (first..=last).contains(&number))
    })
}

/// The process has the personality READ_IMPLIES_EXEC. False where that cannot be read.
#[must_use]
pub fn read_implies_exec(pid: Pid) -> bool {
    const READ_IMPLIES_EXEC: u64 = 0x0040_0000;
    identity::look(pid, || std::fs::read_to_string(format!("/proc/{pid}/personality")))
        .ok()
        .and_then(|(text, _)| u64::from_str_radix(text.trim(), 16).ok())
        .is_some_and(|bits| bits & READ_IMPLIES_EXEC != 0)
}

/// The file is a memory file, whatever its path says.
#[must_use]
pub fn is_memory_file(file: &File) -> bool {
    use nix::fcntl::{FcntlArg, fcntl};
    // Other file systems than those of memory do not know seals.
    fcntl(file, FcntlArg::F_GET_SEALS).is_ok()
}

/// How many descriptors this process may have open at most, after [`raise_limits`].
///
/// # Errors
/// None that is known.
pub fn descriptors() -> Result<u64> {
    use nix::sys::resource::{Resource, getrlimit};
    getrlimit(Resource::RLIMIT_NOFILE).map(|(_, hard)| hard)
}

/// Raises the soft limits of open descriptors and of file sizes of this process to the hard ones.
///
/// # Errors
/// None that is known.
pub fn raise_limits() -> Result<()> {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    for resource in [Resource::RLIMIT_NOFILE, Resource::RLIMIT_FSIZE] {
        let (_, hard) = getrlimit(resource)?;
        setrlimit(resource, hard, hard)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_is_no_place_for_programs_but_the_root_is() {
        assert!(!mounted_noexec(Path::new("/bin/sh")));
        assert!(!mounted_noexec(Path::new("/no/such/file")));
    }

    #[test]
    fn memory_files_are_told_apart_from_devices() {
        let null = File::open("/dev/null").unwrap();
        assert!(!is_memory_file(&null));
        let memfd = crate::memfd::Memfd::create(c"probe", 1).unwrap();
        let again = memfd.reopen(libc::O_RDONLY).unwrap();
        assert!(is_memory_file(&File::from(again)));
    }

    #[test]
    fn lists_of_numbers_have_ranges() {
        let in_list = |list| (0..10).filter(|number| is_in_list(list, *number)).collect::<Vec<_>>();
        assert_eq!(in_list("0\n"), [0]);
        assert_eq!(in_list("0-2,5,8-30\n"), [0, 1, 2, 5, 8, 9]);
        assert!(in_list("").is_empty() && in_list("x-3").is_empty() && in_list("3-1").is_empty());
    }

    #[test]
    fn the_processor_that_runs_this_is_online() {
        let cpu = crate::sched::getcpu().unwrap();
        assert!(is_online(u32::try_from(cpu).unwrap()));
        assert!(!is_online(u32::MAX));
    }

    #[test]
    fn this_process_reads_without_executing() {
        assert!(!read_implies_exec(crate::fork::getpid()));
    }
}
