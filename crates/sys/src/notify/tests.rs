use super::*;
use crate::bpf::{ARCH_X86_64, Action, Builder, Field, Test};
use crate::fd::{recv_fd, send_fd, socketpair, wait_readable};
use crate::fork::{Fork, exit_now, fork, waitpid};
use crate::memfd::Memfd;
use crate::prctl::set_no_new_privs;
use crate::ptrace::WaitEvent;
use crate::seccomp::{Flags, install};
use crate::signal::kill;
use crate::testing::{forking, own_syscall, syscall_insn};
use std::sync::RwLockReadGuard;

/// Which system call the listener of these tests is asked about.
const NR: i64 = libc::SYS_getpgid;

/// A child that asks a listener, which is ours.
struct Asking {
    pid: Pid,
    listener: Listener,
    _forking: RwLockReadGuard<'static, ()>,
}

/// A child that installs the filter, hands over its listener and then does this.
fn asking(body: impl FnOnce() -> i32) -> Asking {
    let forking = forking();
    let (ours, childs) = socketpair().unwrap();
    match fork().unwrap() {
        Fork::Child => {
            set_no_new_privs().unwrap();
            let mut b = Builder::new();
            b.load(Field::Nr).ret_if(Test::Eq(u32::try_from(NR).unwrap()), Action::UserNotif);
            let program = b.ret(Action::Allow).build().unwrap();
            let fd = install(&program, Flags::NEW_LISTENER | Flags::WAIT_KILLABLE_RECV).unwrap().unwrap();
            send_fd(childs.as_fd(), b"listener", Some(fd.as_fd())).unwrap();
            drop(fd);
            exit_now(body())
        }
        Fork::Parent(pid) => {
            let (_, fd) = recv_fd(ours.as_fd(), &mut [0; 16]).unwrap();
            Asking { pid, listener: Listener::new(fd.unwrap()).unwrap(), _forking: forking }
        }
    }
}

impl Asking {
    fn code(&self) -> i32 {
        match waitpid(self.pid).unwrap() {
            WaitEvent::Exited { code } => code,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_call_is_seen_whole_and_gets_its_answers() {
    let asking = asking(|| {
        let pid = u64::from(crate::fork::getpid().as_raw().cast_unsigned());
        let value = own_syscall(NR, 11, 22) == 77;
        let error = own_syscall(NR, 0, 0) == -i64::from(libc::EACCES);
        let own = own_syscall(NR, pid, 0) == own_syscall(libc::SYS_getpgrp, 0, 0);
        i32::from(value) | i32::from(error) << 1 | i32::from(own) << 2
    });
    let listener = &asking.listener;
    listener.set_sync_wake_up().unwrap();
    let first = listener.recv().unwrap();
    assert_eq!((first.pid, first.nr, first.arch), (asking.pid, NR, ARCH_X86_64));
    assert_eq!((first.args[0], first.args[1], first.ip), (11, 22, syscall_insn() + 2));
    assert_eq!(listener.id_valid(first.id), Ok(true));
    listener.respond(first.id, Response::Return(77)).unwrap();
    assert!(listener.respond(first.id, Response::Return(77)).is_err(), "answered already");
    let second = listener.recv().unwrap();
    listener.respond(second.id, Response::Error(Errno::EACCES)).unwrap();
    let third = listener.recv().unwrap();
    listener.respond(third.id, Response::Continue).unwrap();
    assert_eq!(asking.code(), 0b111);
}

#[test]
fn a_descriptor_is_put_in_place_as_the_result() {
    let memfd = Memfd::create(c"given", 0x3000).unwrap();
    let asking = asking(|| {
        let Ok(fd) = i32::try_from(own_syscall(NR, 0, 0)) else { return 1 };
        let this = crate::fork::getpid();
        let cloexec = crate::procfs::fd_flags(this, fd).unwrap_or(0) & libc::O_CLOEXEC != 0;
        let path = crate::procfs::fd_path(this, fd).unwrap_or_default();
        i32::from(!(cloexec && path.to_string_lossy().starts_with("/memfd:given")))
    });
    let call = asking.listener.recv().unwrap();
    let number = asking.listener.add_fd_send(call.id, memfd.as_fd(), true).unwrap();
    assert!(number > 2);
    assert_eq!(asking.listener.respond(call.id, Response::Return(0)), Err(Errno::ENOENT));
    assert_eq!(asking.code(), 0);
}

#[test]
fn a_caller_killed_meanwhile_is_noticed() {
    let asking = asking(|| i32::from(own_syscall(NR, 0, 0) == 0));
    let call = asking.listener.recv().unwrap();
    kill(asking.pid, libc::SIGKILL).unwrap();
    waitpid(asking.pid).unwrap();
    assert_eq!(asking.listener.id_valid(call.id), Ok(false));
    assert_eq!(asking.listener.respond(call.id, Response::Continue), Err(Errno::ENOENT));
    let memfd = Memfd::create(c"late", 0).unwrap();
    assert_eq!(asking.listener.add_fd_send(call.id, memfd.as_fd(), false), Err(Errno::ENOENT));
}

#[test]
fn the_listener_is_readable_for_a_call_and_when_nobody_is_left() {
    let asking = asking(|| i32::from(own_syscall(NR, 0, 0) == 0));
    assert_eq!(wait_readable(&[asking.listener.as_fd()], None), Ok(vec![true]));
    let call = asking.listener.recv().unwrap();
    assert_eq!(wait_readable(&[asking.listener.as_fd()], Some(0)), Ok(vec![false]));
    asking.listener.respond(call.id, Response::Return(0)).unwrap();
    assert_eq!(asking.code(), 1);
    assert_eq!(wait_readable(&[asking.listener.as_fd()], Some(1000)), Ok(vec![true]));
    assert!(asking.listener.recv().is_err());
}
