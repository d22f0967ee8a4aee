//! What this host can do: each function really tries it, in a child process where it could do harm, and gives
//! the errno that a program would have met.

use crate::bpf::{Action, Builder, Field, Test};
use crate::fork::{Fork, exit_now, fork, getpid, waitpid};
use crate::mem::ProcessMem;
use crate::memfd::Memfd;
use crate::notify::{Listener, Response};
use crate::prctl::{set_no_new_privs, set_ptracer};
use crate::ptrace::{Options, Stop, Tracee, WaitEvent, interrupt, seize, wait_one};
use crate::seccomp::{Flags, install};
use crate::{Errno, Pid, Result, errno_of, fd, signal};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

/// What a child's death by a signal counts as.
const KILLED: Errno = Errno::EPERM;

/// /proc is mounted, and is that of this process's own PID namespace.
///
/// # Errors
/// `ENOENT`: not mounted. `ESRCH`: that of another namespace, in which this process has another number or none.
pub fn own_proc() -> Result<()> {
    let shown = std::fs::read_link("/proc/self").map_err(|error| errno_of(&error))?;
    if shown.as_os_str() == getpid().to_string().as_str() { Ok(()) } else { Err(Errno::ESRCH) }
}

/// A child may trace its own parent, when the parent names it: the shape in which a program is supervised.
///
/// # Errors
/// `EPERM`: forbidden, by the Yama security module, a container's seccomp profile, or because this process is
/// traced itself.
pub fn tracing() -> Result<()> {
    traced(|tracee, _| tracee.regs().map(drop))
}

/// A tracer reads memory of its tracee through /proc/PID/mem.
///
/// # Errors
/// `EACCES`, `EIO`; and those of [`tracing`].
pub fn process_memory() -> Result<()> {
    traced(|tracee, memory| memory.read(tracee.regs()?.rip, &mut [0]))
}

/// A tracer writes to code of its tracee, which the tracee itself could not.
///
/// # Errors
/// `EIO` or `EFAULT`: the kernel was told never to force such writes. Those of [`tracing`].
pub fn code_writes() -> Result<()> {
    traced(|tracee, memory| {
        let at = tracee.regs()?.rip;
        let mut byte = [0];
        memory.read(at, &mut byte)?;
        memory.write(at, &byte)
    })
}

/// A tracer gives its tracee a breakpoint of the processor, and the tracee stops there.
///
/// # Errors
/// `ENOSPC`, `EBUSY`: somebody else has them all. `EINVAL`, `EIO`: there are none. `ENODEV`: it was set and never
/// hit, as in a virtual machine whose monitor does not give it debug registers. Those of [`tracing`].
pub fn breakpoints() -> Result<()> {
    in_child(|| {
        let (ours, theirs) = fd::socketpair()?;
        match fork()? {
            Fork::Child => {
                drop(ours);
                // Until it is traced; or its tracer is gone, for which it is enough to end.
                let _ = fd::recv_fd(theirs.as_fd(), &mut [0]);
                exit_now(std::hint::black_box(watched as extern "C" fn() -> i32)());
            }
            Fork::Parent(child) => {
                drop(theirs);
                seize(child, Options::EXITKILL)?;
                interrupt(child)?;
                let (tracee, signal) = stopped(child)?;
                tracee.set_breakpoints(&[watched as *const () as u64])?;
                tracee.cont(signal)?;
                fd::send_fd(ours.as_fd(), &[0], None)?;
                match wait_one(child)? {
                    WaitEvent::Stopped(Stop::SignalDelivery { signal: libc::SIGTRAP }) => Ok(()),
                    _ => Err(Errno::ENODEV),
                }
            }
        }
    })
}

/// What the tracee of [`breakpoints`] executes.
extern "C" fn watched() -> i32 {
    std::hint::black_box(0)
}

/// Runs `test` in a child on its own parent, which is a child of ours, while that is stopped.
fn traced(test: impl FnOnce(Tracee, &ProcessMem) -> Result<()>) -> Result<()> {
    in_child(|| {
        let (ours, theirs) = fd::socketpair()?;
        match fork()? {
            Fork::Child => {
                let done = fd::recv_fd(theirs.as_fd(), &mut [0]).and_then(|_| {
                    let parent = crate::fork::getppid();
                    seize(parent, Options::NONE)?;
                    interrupt(parent)?;
                    let (tracee, signal) = stopped(parent)?;
                    let done = ProcessMem::open(parent).and_then(|memory| test(tracee, &memory));
                    tracee.detach(signal)?;
                    done
                });
                exit_now(code_of(done))
            }
            Fork::Parent(tracer) => {
                set_ptracer(tracer)?;
                fd::send_fd(ours.as_fd(), &[0], None)?;
                result_of(waitpid(tracer)?)
            }
        }
    })
}

/// Waits for the stop of a tracee; the signal that it would take, if that is what it stopped for.
fn stopped(tid: Pid) -> Result<(Tracee, i32)> {
    loop {
        match wait_one(tid) {
            Ok(WaitEvent::Stopped(Stop::SignalDelivery { signal })) => return Ok((Tracee::new(tid), signal)),
            Ok(WaitEvent::Stopped(_)) => return Ok((Tracee::new(tid), 0)),
            Ok(event) if event.is_death() => return Err(Errno::ESRCH),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error),
        }
    }
}

/// A system call is handed to another process, which answers it.
///
/// # Errors
/// `EINVAL`: a kernel before 5.0. `ENOSYS`, `EPERM`, `EACCES`: filters are not to be had. `EBUSY`: a filter with
/// a listener is installed already.
pub fn notifications() -> Result<()> {
    notified(Flags::NEW_LISTENER)
}

/// The same, and once the call has been received only a fatal signal interrupts the caller.
///
/// # Errors
/// `EINVAL`: a kernel before 5.19. Those of [`notifications`].
pub fn killable_notifications() -> Result<()> {
    notified(Flags::NEW_LISTENER | Flags::WAIT_KILLABLE_RECV)
}

fn notified(flags: Flags) -> Result<()> {
    const ANSWER: i32 = 4242;
    in_child(|| {
        let number = u32::try_from(libc::SYS_getppid).or(Err(Errno::EINVAL))?;
        let program = Builder::new()
            .load(Field::Nr)
            .ret_if(Test::Eq(number), Action::UserNotif)
            .ret(Action::Allow)
            .build()
            .or(Err(Errno::EINVAL))?;
        set_no_new_privs()?;
        let listener = install(&program, flags)?;
        let listener = Listener::new(listener.ok_or(Errno::EBADF)?)?;
        match fork()? {
            Fork::Child => exit_now(i32::from(crate::fork::getppid() != Pid::from_raw(ANSWER))),
            Fork::Parent(caller) => {
                let notification = listener.recv()?;
                listener.respond(notification.id, Response::Return(ANSWER.into()))?;
                result_of(waitpid(caller)?)
            }
        }
    })
}

/// Code of a memory file can be mapped, shared, by way of a second descriptor opened through /proc.
///
/// # Errors
/// `EACCES`, `EPERM`: a security module forbids it. `ENOSYS`.
pub fn executable_memory_files() -> Result<()> {
    const LENGTH: usize = 4096;
    let file = Memfd::create(c"anyclave-probe", LENGTH as u64)?;
    let again = file.reopen(libc::O_RDWR)?;
    let (protection, flags) = (libc::PROT_READ | libc::PROT_EXEC, libc::MAP_SHARED);
    // SAFETY: a new mapping where the kernel finds room replaces nothing.
    let at = unsafe { libc::mmap(std::ptr::null_mut(), LENGTH, protection, flags, again.as_raw_fd(), 0) };
    if at == libc::MAP_FAILED {
        return Err(Errno::last());
    }
    // SAFETY: the mapping was made above and nobody else knows of it.
    Errno::result(unsafe { libc::munmap(at, LENGTH) }).map(drop)
}

/// RDFSBASE and its like are enabled: the kernel announces it in AT_HWCAP2.
#[must_use]
pub fn fsgsbase() -> bool {
    const HWCAP2_FSGSBASE: u64 = 1 << 1;
    // SAFETY: the call has no precondition.
    unsafe { libc::getauxval(libc::AT_HWCAP2) & HWCAP2_FSGSBASE != 0 }
}

/// 32-bit system calls work: INT 80H in a 64-bit program reaches the kernel.
///
/// # Errors
/// [`KILLED`] as `EPERM`: INT 80H is a fault. `ENOSYS`.
pub fn ia32_emulation() -> Result<()> {
    const GETPID_OF_I386: i32 = 20;
    in_child(|| {
        let answer: i32;
        // SAFETY: the call takes no argument and changes no memory; the kernel may clear R8 to R11.
        unsafe {
            std::arch::asm!(
                "int 0x80",
                inout("eax") GETPID_OF_I386 => answer,
                out("r8") _, out("r9") _, out("r10") _, out("r11") _,
            );
        }
        if answer == getpid().as_raw() { Ok(()) } else { Err(Errno::ENOSYS) }
    })
}

/// userfaultfd(2) for faults of user mode, with write protection of shared memory.
///
/// # Errors
/// `ENOSYS`, `EPERM`: not to be had. `EINVAL`: without the features.
pub fn userfaultfd() -> Result<()> {
    /// `struct uffdio_api`.
    #[repr(C)]
    struct Api {
        api: u64,
        features: u64,
        ioctls: u64,
    }
    const UFFD_USER_MODE_ONLY: libc::c_int = 1;
    const UFFD_API: u64 = 0xaa;
    const FEATURE_MISSING_SHMEM: u64 = 1 << 5;
    const FEATURE_WP_SHMEM: u64 = 1 << 12;
    const UFFDIO_API: libc::Ioctl = libc::_IOWR::<Api>(0xaa, 0x3f);

    let flags = libc::O_CLOEXEC | UFFD_USER_MODE_ONLY;
    // SAFETY: the call takes a number.
    let fd = new_fd(unsafe { libc::syscall(libc::SYS_userfaultfd, flags) })?;
    let mut api = Api { api: UFFD_API, features: FEATURE_MISSING_SHMEM | FEATURE_WP_SHMEM, ioctls: 0 };
    // SAFETY: the kernel reads and writes one `uffdio_api`.
    Errno::result(unsafe { libc::ioctl(fd.as_raw_fd(), UFFDIO_API, &raw mut api) }).map(drop)
}

/// modify_ldt(2).
///
/// # Errors
/// `ENOSYS`: left out of the kernel. `EPERM`.
pub fn modify_ldt() -> Result<()> {
    const READ: libc::c_int = 0;
    let mut entry = [0_u8; 8];
    // SAFETY: for reading the kernel writes at most as many bytes as it is told.
    let done = unsafe { libc::syscall(libc::SYS_modify_ldt, READ, entry.as_mut_ptr(), entry.len()) };
    Errno::result(done).map(drop)
}

/// pidfd_getfd(2): a copy of a child's descriptor.
///
/// # Errors
/// `ENOSYS`: a kernel before 5.6. `EPERM`: forbidden.
pub fn pidfd_getfd() -> Result<()> {
    beside_child(|child, shared| {
        let process = signal::pidfd_open(child)?;
        // SAFETY: the call takes numbers.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_getfd, process.as_raw_fd(), shared, 0) };
        new_fd(fd).map(drop)
    })
}

/// kcmp(2): whether two processes share an open file.
///
/// # Errors
/// `ENOSYS`: left out of the kernel. `EPERM`: forbidden.
pub fn kcmp() -> Result<()> {
    const KCMP_FILE: libc::c_int = 0;
    beside_child(|child, shared| {
        let (us, child) = (getpid().as_raw(), child.as_raw());
        // SAFETY: the call takes numbers.
        let order = unsafe { libc::syscall(libc::SYS_kcmp, us, child, KCMP_FILE, shared, shared) };
        if Errno::result(order)? == 0 { Ok(()) } else { Err(Errno::EBADF) }
    })
}

/// A process without privileges may make a user namespace.
///
/// # Errors
/// `EPERM`: forbidden. `ENOSPC`: none is left (`user.max_user_namespaces`). `EINVAL`: left out of the kernel.
pub fn user_namespaces() -> Result<()> {
    // SAFETY: in a process with a single thread the call changes nothing but what that process may do.
    in_child(|| Errno::result(unsafe { libc::unshare(libc::CLONE_NEWUSER) }).map(drop))
}

/// Runs `test` beside a child that lives until the end of it; both have an open file under the number given.
fn beside_child(test: impl FnOnce(Pid, i32) -> Result<()>) -> Result<()> {
    let (ours, theirs) = fd::socketpair()?;
    match fork()? {
        Fork::Child => {
            drop(ours);
            // Until the parent has closed its end.
            let done = fd::recv_fd(theirs.as_fd(), &mut [0]).map(drop);
            exit_now(code_of(done))
        }
        Fork::Parent(child) => {
            let tested = test(child, theirs.as_raw_fd());
            drop(theirs);
            drop(ours);
            result_of(waitpid(child)?)?;
            tested
        }
    }
}

/// The descriptor that a system call has made.
fn new_fd(result: i64) -> Result<OwnedFd> {
    let fd = i32::try_from(Errno::result(result)?).or(Err(Errno::EBADF))?;
    // SAFETY: private function; its callers pass the result of calls that make a descriptor, known to nobody.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Runs `test` in a process of its own.
fn in_child(test: impl FnOnce() -> Result<()>) -> Result<()> {
    match fork()? {
        Fork::Child => exit_now(code_of(test())),
        Fork::Parent(child) => result_of(waitpid(child)?),
    }
}

/// How a child says what it found.
fn code_of(result: Result<()>) -> i32 {
    result.err().map_or(0, |errno| errno as i32)
}

/// What a child said.
fn result_of(event: WaitEvent) -> Result<()> {
    match event {
        WaitEvent::Exited { code: 0 } => Ok(()),
        WaitEvent::Exited { code } => Err(Errno::from_raw(code)),
        _ => Err(KILLED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_host_can_supervise() {
        assert_eq!(own_proc(), Ok(()));
        assert_eq!(tracing(), Ok(()));
        assert_eq!(process_memory(), Ok(()));
        assert_eq!(code_writes(), Ok(()));
        assert_eq!(notifications(), Ok(()));
        assert_eq!(killable_notifications(), Ok(()));
        assert_eq!(executable_memory_files(), Ok(()));
    }

    #[test]
    fn what_a_child_finds_reaches_its_parent() {
        assert_eq!(in_child(|| Ok(())), Ok(()));
        assert_eq!(in_child(|| Err(Errno::ENOSYS)), Err(Errno::ENOSYS));
        assert_eq!(in_child(|| std::process::abort()), Err(KILLED));
    }

    /// Whatever the host says, the optional probes come back.
    #[test]
    fn optional_probes_answer() {
        for probe in
            [breakpoints, ia32_emulation, userfaultfd, modify_ldt, pidfd_getfd, kcmp, user_namespaces]
        {
            assert!(!matches!(probe(), Err(Errno::EBADF | Errno::EFAULT)));
        }
        let _ = fsgsbase();
    }
}
