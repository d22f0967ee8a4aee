//! Help for the tests of this crate: children to trace, and memory for them to have.

use crate::fd::{recv_fd, send_fd, socketpair};
use crate::fork::{Fork, exit_now, fork, waitpid};
use crate::ptrace::{Options, Stop, Tracee, WaitEvent, interrupt, seize, wait_one};
use crate::signal::kill;
use crate::{Pid, Result};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// A child has a copy of every descriptor, those of other tests too; tests that count the copies of one
/// run while there is no child.
static CHILDREN: RwLock<()> = RwLock::new(());

pub(crate) fn forking() -> RwLockReadGuard<'static, ()> {
    CHILDREN.read().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn not_forking() -> RwLockWriteGuard<'static, ()> {
    CHILDREN.write().unwrap_or_else(PoisonError::into_inner)
}

/// The exit code of a child that does this and ends.
pub(crate) fn in_child(body: impl FnOnce() -> i32) -> i32 {
    let _forking = forking();
    match fork().unwrap() {
        Fork::Child => exit_now(guarded(body)),
        Fork::Parent(child) => match waitpid(child).unwrap() {
            WaitEvent::Exited { code } => code,
            other => panic!("{other:?}"),
        },
    }
}

/// A panic must not run the test harness on in the child.
fn guarded(body: impl FnOnce() -> i32) -> i32 {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(body)).unwrap_or(101)
}

/// A child traced by this thread; killed at the end.
pub(crate) struct Traced {
    pub(crate) tid: Pid,
    _forking: RwLockReadGuard<'static, ()>,
}

impl Traced {
    /// A child that does this once it is traced, and ends with the code returned.
    pub(crate) fn spawn(options: Options, body: impl FnOnce() -> i32) -> Self {
        let forking = forking();
        let (ours, childs) = socketpair().unwrap();
        match fork().unwrap() {
            Fork::Child => exit_now(guarded(|| {
                recv_fd(childs.as_fd(), &mut [0]).unwrap();
                body()
            })),
            Fork::Parent(tid) => {
                let traced = Self { tid, _forking: forking };
                seize(tid, options | Options::EXITKILL).unwrap();
                send_fd(ours.as_fd(), b"!", None).unwrap();
                traced
            }
        }
    }

    /// A child that stands still.
    pub(crate) fn stopped() -> Self {
        let traced = Self::spawn(Options::TRACESYSGOOD, || {
            loop {
                std::thread::park();
            }
        });
        interrupt(traced.tid).unwrap();
        assert_eq!(traced.next(), Ok(WaitEvent::Stopped(Stop::Interrupted)));
        traced
    }

    pub(crate) fn next(&self) -> Result<WaitEvent> {
        wait_one(self.tid)
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        let _ = kill(self.tid, libc::SIGKILL);
        // At its exit stop a tracee hears no signal any more; before, it may stop there once more.
        let _ = Tracee::new(self.tid).cont(0);
        while let Ok(WaitEvent::Stopped(_)) = self.next() {
            let _ = Tracee::new(self.tid).cont(0);
        }
    }
}

/// Maps so many pages, anonymous or of a file from an offset on; never unmapped.
pub(crate) fn pages(count: usize, prot: i32, flags: i32, file: Option<(BorrowedFd<'_>, i64)>) -> u64 {
    let anonymous = if file.is_none() { libc::MAP_ANONYMOUS } else { 0 };
    let (fd, offset) = file.map_or((-1, 0), |(fd, offset)| (fd.as_raw_fd(), offset));
    // SAFETY: a new mapping at a place of the kernel's choice overlaps nothing.
    let addr = unsafe { libc::mmap(std::ptr::null_mut(), count * 4096, prot, flags | anonymous, fd, offset) };
    assert_ne!(addr, libc::MAP_FAILED);
    addr as u64
}

/// Changes the protection of pages made by [`pages`].
pub(crate) fn protect(addr: u64, count: usize, prot: i32) {
    // SAFETY: the tests hold no reference into these pages.
    let done = unsafe { libc::mprotect(addr as *mut libc::c_void, count * 4096, prot) };
    assert_eq!(done, 0);
}

std::arch::global_asm!(
    ".pushsection .text",
    ".balign 16",
    ".globl anyclave_sys_test_syscall",
    ".type anyclave_sys_test_syscall, @function",
    "anyclave_sys_test_syscall:",
    "mov rax, rdi",
    "mov rdi, rsi",
    "mov rsi, rdx",
    "syscall",
    "ret",
    ".size anyclave_sys_test_syscall, . - anyclave_sys_test_syscall",
    ".popsection",
);

unsafe extern "C" {
    fn anyclave_sys_test_syscall(nr: i64, first: u64, second: u64) -> i64;
}

/// The address of a `syscall` instruction, here and in every child.
pub(crate) fn syscall_insn() -> u64 {
    // Three moves of three bytes precede it.
    anyclave_sys_test_syscall as *const () as u64 + 9
}

/// A system call made by that instruction, its result raw.
pub(crate) fn own_syscall(nr: i64, first: u64, second: u64) -> i64 {
    // SAFETY: the tests make no call by it that touches memory.
    unsafe { anyclave_sys_test_syscall(nr, first, second) }
}
