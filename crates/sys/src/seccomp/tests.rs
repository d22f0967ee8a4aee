use super::*;
use crate::bpf::{ARCH_X86_64, Action, Builder, Field, Test, Wide};
use crate::prctl::set_no_new_privs;
use crate::ptrace::{Event, Options, Stop, Tracee, WaitEvent};
use crate::testing::{Traced, in_child, own_syscall, syscall_insn};
use std::sync::mpsc::channel;

/// `action` for one system call of the 64-bit ABI, all else allowed.
fn only(nr: i64, action: Action) -> Program {
    let mut b = Builder::new();
    let allow = b.label();
    b.load(Field::Arch).jump_unless(Test::Eq(ARCH_X86_64), allow);
    b.load(Field::Nr).ret_if(Test::Eq(u32::try_from(nr).unwrap()), action);
    b.bind(allow).ret(Action::Allow).build().unwrap()
}

#[test]
fn a_filter_decides_what_the_interpreter_says() {
    let failed = in_child(|| {
        set_no_new_privs().unwrap();
        assert!(install(&only(libc::SYS_getppid, Action::Errno(77)), Flags::NONE).unwrap().is_none());
        assert!(own_syscall(libc::SYS_getpid, 0, 0) > 0);
        i32::from(own_syscall(libc::SYS_getppid, 0, 0) != -77)
    });
    assert_eq!(failed, 0);
}

#[test]
fn a_filter_can_spare_one_instruction() {
    let failed = in_child(|| {
        set_no_new_privs().unwrap();
        let mut b = Builder::new();
        let allow = b.label();
        // A filter sees the address after the instruction.
        b.jump_if_wide_eq(Wide::Ip, syscall_insn() + 2, allow);
        b.load(Field::Nr).ret_if(Test::Eq(libc::SYS_getppid.try_into().unwrap()), Action::Errno(78));
        install(&b.bind(allow).ret(Action::Allow).build().unwrap(), Flags::NONE).unwrap();
        // SAFETY: the call has no arguments.
        let elsewhere = Errno::result(unsafe { libc::syscall(libc::SYS_getppid) });
        i32::from(elsewhere != Err(Errno::from_raw(78)) || own_syscall(libc::SYS_getppid, 0, 0) < 0)
    });
    assert_eq!(failed, 0);
}

#[test]
fn a_filter_for_all_threads_reaches_those_that_run() {
    let failed = in_child(|| {
        set_no_new_privs().unwrap();
        let (go, wait) = channel();
        let other = std::thread::spawn(move || {
            wait.recv().unwrap();
            own_syscall(libc::SYS_getppid, 0, 0)
        });
        install(&only(libc::SYS_getppid, Action::Errno(79)), Flags::TSYNC).unwrap();
        go.send(()).unwrap();
        i32::from(other.join().unwrap() != -79)
    });
    assert_eq!(failed, 0);
}

#[test]
fn a_second_listener_is_refused() {
    let failed = in_child(|| {
        set_no_new_privs().unwrap();
        let program = only(libc::SYS_getppid, Action::UserNotif);
        let first = install(&program, Flags::NEW_LISTENER | Flags::WAIT_KILLABLE_RECV).unwrap();
        assert!(first.is_some());
        i32::from(install(&program, Flags::NEW_LISTENER).err() != Some(Errno::EBUSY))
    });
    assert_eq!(failed, 0);
}

#[test]
fn a_traced_call_stops_with_the_filters_data() {
    let traced = Traced::spawn(Options::TRACESECCOMP, || {
        set_no_new_privs().unwrap();
        install(&only(libc::SYS_getppid, Action::Trace(0xABC)), Flags::NONE).unwrap();
        i32::from(own_syscall(libc::SYS_getppid, 0, 0) > 0)
    });
    assert_eq!(traced.next(), Ok(WaitEvent::Stopped(Stop::Event(Event::Seccomp { data: 0xABC }))));
    Tracee::new(traced.tid).cont(0).unwrap();
    assert_eq!(traced.next(), Ok(WaitEvent::Exited { code: 1 }));
}

#[test]
fn the_kernels_structures_are_at_least_ours() {
    let (recv, send) = notification_sizes().unwrap();
    assert!(recv >= size_of::<libc::seccomp_notif>() && send >= size_of::<libc::seccomp_notif_resp>());
}

#[test]
fn flags_are_known_or_not() {
    for flags in [Flags::NONE, Flags::TSYNC, Flags::NEW_LISTENER] {
        assert!(knows(flags), "{flags:?}");
    }
    assert_eq!(
        knows(Flags::NEW_LISTENER | Flags::WAIT_KILLABLE_RECV),
        crate::probe::killable_notifications().is_ok()
    );
    assert!(!knows(Flags(1 << 31)));
}
