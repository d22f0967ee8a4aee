use super::*;
use crate::fork::{getpid, getppid, gettid};
use crate::memfd::Memfd;
use std::os::fd::{AsFd, AsRawFd};

#[test]
fn this_thread_is_told_apart_from_its_process() {
    let status = Status::read(gettid()).unwrap();
    assert_eq!((status.tgid, status.ppid), (getpid(), getppid()));
    assert_eq!(tgid_of(gettid()), Ok(getpid()));
    assert!(threads(getpid()).unwrap().contains(&gettid()));
    let long = std::thread::current().name().unwrap().to_owned();
    assert!(long.starts_with(&name(gettid()).unwrap()), "{long}");
    // The runtime of Rust ignores SIGPIPE.
    assert_ne!(status.ignored & 1 << (libc::SIGPIPE - 1), 0);
}

#[test]
fn a_status_file_tells_of_handlers_as_long_as_its_thread_lives() {
    let status = StatusFile::open(gettid()).unwrap();
    let caught = Status::read(gettid()).unwrap().caught;
    // The runtime of Rust handles SIGSEGV.
    assert_ne!(caught & 1 << (libc::SIGSEGV - 1), 0);
    assert_eq!((status.caught(), status.caught()), (Ok(caught), Ok(caught)));
    let other = std::thread::spawn(|| StatusFile::open(gettid()).unwrap()).join().unwrap();
    while Status::read(gettid()).is_ok() && other.caught().is_ok() {
        std::thread::yield_now();
    }
    assert_eq!(other.caught(), Err(Errno::ESRCH));
}

#[test]
fn a_process_that_is_not_there_is_esrch() {
    let none = Pid::from_raw(i32::MAX);
    assert_eq!(StatusFile::open(none).map(drop), Err(Errno::ESRCH));
    assert_eq!(Status::read(none), Err(Errno::ESRCH));
    assert_eq!(threads(none), Err(Errno::ESRCH));
    assert_eq!(auxv(none), Err(Errno::ESRCH));
    assert_eq!(name(none), Err(Errno::ESRCH));
    assert_eq!(fd_flags(getpid(), i32::MAX), Err(Errno::ESRCH));
}

#[test]
fn the_auxiliary_vector_has_the_page_size_and_the_vdso() {
    let auxv = auxv(getpid()).unwrap();
    assert!(auxv.contains(&(libc::AT_PAGESZ, 4096)), "{auxv:?}");
    assert!(auxv.iter().any(|(kind, value)| *kind == libc::AT_SYSINFO_EHDR && *value != 0), "{auxv:?}");
}

#[test]
fn a_descriptor_has_its_file_and_its_mode() {
    let memfd = Memfd::create(c"probe", 4096).unwrap();
    let fd = memfd.as_fd().as_raw_fd();
    assert_eq!(fd_dev_ino(getpid(), fd), memfd.dev_ino());
    assert_eq!(fd_flags(getpid(), fd).unwrap() & libc::O_ACCMODE, libc::O_RDWR);
    let read_only = memfd.reopen(libc::O_RDONLY | libc::O_CLOEXEC).unwrap();
    let flags = fd_flags(getpid(), read_only.as_raw_fd()).unwrap();
    assert_eq!(flags & (libc::O_ACCMODE | libc::O_CLOEXEC), libc::O_RDONLY | libc::O_CLOEXEC);
    assert_eq!(fd_path(getpid(), fd).unwrap(), Path::new("/memfd:probe (deleted)"));
}

#[test]
fn paths_of_the_process_are_those_of_the_standard_library() {
    assert_eq!(cwd(getpid()).unwrap(), std::env::current_dir().unwrap());
    assert_eq!(exe(getpid()).unwrap(), std::env::current_exe().unwrap());
    assert!(path_inside(getpid(), Path::new("/proc/self")).exists());
}

#[test]
fn a_touched_page_is_present_and_an_unmapped_one_is_not() {
    let byte = 1_u8;
    assert!(pagemap(getpid(), &raw const byte as u64).unwrap().present());
    let unmapped = pagemap(getpid(), 0x1000).unwrap();
    assert!(!unmapped.present() && !unmapped.swapped() && !unmapped.file_or_shared());
}

#[test]
fn the_last_cpu_is_one_that_the_thread_may_use() {
    let cpu = last_cpu(gettid()).unwrap();
    assert!(crate::sched::affinity(Pid::from_raw(0)).unwrap().contains(cpu));
}

#[test]
fn processes_around_us_have_our_numbers() {
    let this = getpid();
    assert_eq!(pid_seen_by(this, Pid::from_raw(1)), Ok(Pid::from_raw(1)));
    assert_eq!(pid_seen_by(Pid::from_raw(i32::MAX), this), Err(Errno::ESRCH));
}

#[test]
fn files_of_a_process_are_read_whole() {
    assert!(read(getpid(), "mounts").unwrap().ends_with(b"\n"));
    assert_eq!(read(Pid::from_raw(i32::MAX), "mounts"), Err(Errno::ESRCH));
}
