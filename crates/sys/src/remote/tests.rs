use super::*;
use crate::Pid;
use crate::bpf::{Action, Builder, Field, Test};
use crate::fd::{recv_fd, send_fd, socketpair};
use crate::fork::{Fork, exec, exit_now, fork, gettid, waitpid};
use crate::mem::ProcessMem;
use crate::prctl::set_no_new_privs;
use crate::ptrace::{Event, Options, interrupt};
use crate::seccomp::{Flags, install};
use crate::signal::kill;
use crate::testing::{Traced, own_syscall, syscall_insn};
use std::os::fd::AsFd;

const NONE: [u64; 6] = [0; 6];

fn stopped(stop: Stop) -> Result<WaitEvent> {
    Ok(WaitEvent::Stopped(stop))
}

fn tid_of(traced: &Traced) -> u64 {
    traced.tid.as_raw().cast_unsigned().into()
}

/// A child at the delivery stop of a SIGUSR1 it sent itself; ends with code 6 if that is dropped.
fn at_a_signal(options: Options) -> (Traced, Tracee) {
    let traced = Traced::spawn(options | Options::TRACESYSGOOD, || {
        tkill(gettid(), libc::SIGUSR1).unwrap();
        6
    });
    assert_eq!(traced.next(), stopped(Stop::SignalDelivery { signal: libc::SIGUSR1 }));
    let tracee = Tracee::new(traced.tid);
    (traced, tracee)
}

#[test]
fn calls_leave_registers_mask_and_vectors_as_they_were() {
    let (traced, tracee) = at_a_signal(Options::NONE);
    let (regs, mask, xstate) = (tracee.regs().unwrap(), tracee.sigmask().unwrap(), tracee.xstate().unwrap());
    let mut remote = RemoteCall::begin(tracee, syscall_insn()).unwrap();
    assert_eq!(remote.call(libc::SYS_getpid, NONE), Ok(Ok(tid_of(&traced))));
    assert_eq!(remote.call(libc::SYS_close, [u64::MAX, 0, 0, 0, 0, 0]), Ok(Err(Errno::EBADF)));
    let (prot, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    let args = [0, 0x2000, prot.cast_unsigned().into(), flags.cast_unsigned().into(), u64::MAX, 0];
    let addr = remote.call(libc::SYS_mmap, args).unwrap().unwrap();
    crate::mem::write_user(traced.tid, addr + 0x1000, b"mapped").unwrap();
    remote.finish().unwrap();
    let after = tracee.regs().unwrap();
    assert_eq!(
        (after.rip, after.rsp, after.rax, after.rdi, after.rsi, after.rdx, after.r10, after.rcx, after.r11),
        (regs.rip, regs.rsp, regs.rax, regs.rdi, regs.rsi, regs.rdx, regs.r10, regs.rcx, regs.r11)
    );
    assert_eq!((tracee.sigmask(), tracee.xstate()), (Ok(mask), Ok(xstate)));
    tracee.cont(0).unwrap();
    assert_eq!(traced.next(), Ok(WaitEvent::Exited { code: 6 }));
}

#[test]
fn dropping_restores_too() {
    let (traced, tracee) = at_a_signal(Options::NONE);
    let rip = tracee.regs().unwrap().rip;
    let mut remote = RemoteCall::begin(tracee, syscall_insn()).unwrap();
    remote.call(libc::SYS_getpid, NONE).unwrap().unwrap();
    drop(remote);
    assert_eq!(tracee.regs().unwrap().rip, rip);
    tracee.cont(0).unwrap();
    assert_eq!(traced.next(), Ok(WaitEvent::Exited { code: 6 }));
}

#[test]
fn a_new_program_can_be_made_to_call_before_its_first_instruction() {
    let traced = Traced::spawn(Options::TRACEEXEC | Options::TRACESYSGOOD, || {
        exec(c"/bin/sh", &[c"sh".to_owned(), c"-c".to_owned(), c"exit 8".to_owned()]) as i32
    });
    let tracee = Tracee::new(traced.tid);
    assert_eq!(traced.next(), stopped(Stop::Event(Event::Exec { former: traced.tid })));
    let mem = ProcessMem::open(traced.tid).unwrap();
    let entry = tracee.regs().unwrap().rip;
    let mut bytes = [0; 2];
    mem.read(entry, &mut bytes).unwrap();
    mem.write(entry, &[0x0F, 0x05]).unwrap();
    let mut remote = RemoteCall::begin(tracee, entry).unwrap();
    assert_eq!(remote.call(libc::SYS_gettid, NONE), Ok(Ok(tid_of(&traced))));
    mem.write(entry, &bytes).unwrap();
    remote.finish().unwrap();
    let regs = tracee.regs().unwrap();
    assert_eq!((regs.rip, regs.rax), (entry, 0));
    tracee.cont(0).unwrap();
    assert_eq!(traced.next(), Ok(WaitEvent::Exited { code: 8 }));
}

/// The child makes a call that its filter sends to the tracer.
fn at_a_filter() -> (Traced, Tracee) {
    let traced = Traced::spawn(Options::TRACESECCOMP | Options::TRACESYSGOOD, || {
        set_no_new_privs().unwrap();
        let mut b = Builder::new();
        b.load(Field::Nr).ret_if(Test::Eq(libc::SYS_getpgid.try_into().unwrap()), Action::Trace(5));
        install(&b.ret(Action::Allow).build().unwrap(), Flags::NONE).unwrap();
        i32::try_from(own_syscall(libc::SYS_getpgid, 0, 0)).unwrap_or(255) & 0xFF
    });
    assert_eq!(traced.next(), stopped(Stop::Event(Event::Seccomp { data: 5 })));
    let tracee = Tracee::new(traced.tid);
    (traced, tracee)
}

#[test]
fn a_filtered_call_can_be_skipped_with_calls_of_ours_in_between() {
    let (traced, tracee) = at_a_filter();
    skip_syscall(tracee, 42).unwrap();
    let mut remote = RemoteCall::begin(tracee, syscall_insn()).unwrap();
    assert_eq!(remote.call(libc::SYS_getpid, NONE), Ok(Ok(tid_of(&traced))));
    // The filter's stop for a call of ours is passed over.
    assert!(remote.call(libc::SYS_getpgid, NONE).unwrap().is_ok());
    assert_eq!(remote.regs_mut().rax, 42);
    remote.finish().unwrap();
    tracee.cont(0).unwrap();
    assert_eq!(traced.next(), Ok(WaitEvent::Exited { code: 42 }));
}

#[test]
fn a_skipped_call_needs_no_calls_of_ours() {
    let (traced, tracee) = at_a_filter();
    skip_syscall(tracee, 43).unwrap();
    tracee.syscall(0).unwrap();
    assert_eq!(traced.next(), stopped(Stop::Syscall));
    assert_eq!(tracee.syscall_op(), Ok(SyscallOp::Exit));
    tracee.cont(0).unwrap();
    assert_eq!(traced.next(), Ok(WaitEvent::Exited { code: 43 }));
}

#[test]
fn the_result_to_be_given_back_can_be_changed() {
    let (traced, tracee) = at_a_filter();
    skip_syscall(tracee, 0).unwrap();
    let mut remote = RemoteCall::begin(tracee, syscall_insn()).unwrap();
    remote.call(libc::SYS_getpid, NONE).unwrap().unwrap();
    remote.regs_mut().rax = 44;
    remote.finish().unwrap();
    tracee.cont(0).unwrap();
    assert_eq!(traced.next(), Ok(WaitEvent::Exited { code: 44 }));
}

#[test]
fn a_forking_process_can_be_made_to_call_on_both_sides() {
    let traced = Traced::spawn(Options::TRACEFORK | Options::TRACESYSGOOD, || match fork().unwrap() {
        Fork::Child => exit_now(1),
        Fork::Parent(child) => i32::from(waitpid(child) == Ok(WaitEvent::Exited { code: 1 })),
    });
    let Ok(WaitEvent::Stopped(Stop::Event(Event::Fork { child }))) = traced.next() else {
        panic!("no fork event")
    };
    assert_eq!(wait_one(child), stopped(Stop::Interrupted));
    for tid in [traced.tid, child] {
        let mut remote = RemoteCall::begin(Tracee::new(tid), syscall_insn()).unwrap();
        let own = u64::from(tid.as_raw().cast_unsigned());
        assert_eq!(remote.call(libc::SYS_gettid, NONE), Ok(Ok(own)));
        remote.finish().unwrap();
        Tracee::new(tid).cont(0).unwrap();
    }
    assert_eq!(wait_one(child), Ok(WaitEvent::Exited { code: 1 }));
    let end = loop {
        match traced.next().unwrap() {
            WaitEvent::Stopped(_) => Tracee::new(traced.tid).cont(0).unwrap(),
            end => break end,
        }
    };
    assert_eq!(end, WaitEvent::Exited { code: 1 });
}

#[test]
fn a_system_call_that_was_interrupted_goes_on() {
    let (ours, childs) = socketpair().unwrap();
    let (ready, said) = socketpair().unwrap();
    let traced = Traced::spawn(Options::TRACESYSGOOD, || {
        send_fd(said.as_fd(), b"!", None).unwrap();
        recv_fd(childs.as_fd(), &mut [0; 8])
            .map_or_else(|error| error as i32, |(len, _)| if len == 4 { 104 } else { 1 })
    });
    let tracee = Tracee::new(traced.tid);
    recv_fd(ready.as_fd(), &mut [0]).unwrap();
    for _ in 0..20 {
        // Now and then before the child is in the call, mostly inside it.
        interrupt(traced.tid).unwrap();
        assert_eq!(traced.next(), stopped(Stop::Interrupted));
        let mut remote = RemoteCall::begin(tracee, syscall_insn()).unwrap();
        assert_eq!(remote.call(libc::SYS_getpid, NONE), Ok(Ok(tid_of(&traced))));
        remote.finish().unwrap();
        tracee.cont(0).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    send_fd(ours.as_fd(), b"four", None).unwrap();
    assert_eq!(traced.next(), Ok(WaitEvent::Exited { code: 104 }));
}

#[test]
fn a_signal_taken_by_the_calls_can_be_sent_again_with_its_information() {
    let (traced, tracee) = at_a_signal(Options::NONE);
    // Below the red zone of the stack.
    let scratch = (tracee.regs().unwrap().rsp - 1024) & !15;
    let info = crate::ptrace::SigInfo::fault(libc::SIGSEGV, 2, 0x1234);
    crate::mem::write_user(traced.tid, scratch, &info.to_bytes()).unwrap();
    let mut remote = RemoteCall::begin(tracee, syscall_insn()).unwrap();
    let (tid, signal) = (tid_of(&traced), 11);
    remote.call(libc::SYS_rt_tgsigqueueinfo, [tid, tid, signal, scratch, 0, 0]).unwrap().unwrap();
    remote.finish().unwrap();
    tracee.cont(0).unwrap();
    assert_eq!(traced.next(), stopped(Stop::SignalDelivery { signal: libc::SIGSEGV }));
    assert_eq!(tracee.siginfo().unwrap().to_bytes(), info.to_bytes());
    tracee.cont(0).unwrap();
    assert_eq!(traced.next(), Ok(WaitEvent::Exited { code: 6 }));
}

#[test]
fn death_in_between_is_esrch_and_is_reported_later() {
    let (traced, tracee) = at_a_signal(Options::NONE);
    let mut remote = RemoteCall::begin(tracee, syscall_insn()).unwrap();
    kill(traced.tid, libc::SIGKILL).unwrap();
    assert_eq!(remote.call(libc::SYS_getpid, NONE), Err(Errno::ESRCH));
    assert_eq!(remote.call(libc::SYS_getpid, NONE), Err(Errno::ESRCH));
    drop(remote);
    assert_eq!(traced.next(), Ok(WaitEvent::Signaled { signal: libc::SIGKILL, core: false }));
}

#[test]
fn a_call_that_ends_the_tracee_is_esrch_and_leaves_its_exit_to_be_seen() {
    let (traced, tracee) = at_a_signal(Options::TRACEEXIT);
    let mut remote = RemoteCall::begin(tracee, syscall_insn()).unwrap();
    assert_eq!(remote.call(libc::SYS_exit_group, [3, 0, 0, 0, 0, 0]), Err(Errno::ESRCH));
    assert_eq!(remote.finish(), Ok(()), "nothing is left to give back");
    assert_eq!(traced.next(), stopped(Stop::Event(Event::Exit { status: 3 << 8 })));
    tracee.cont(0).unwrap();
    assert_eq!(traced.next(), Ok(WaitEvent::Exited { code: 3 }));
}

#[test]
fn a_stop_signal_waits_until_the_end_and_others_stay_pending() {
    let (traced, tracee) = at_a_signal(Options::NONE);
    let mut remote = RemoteCall::begin(tracee, syscall_insn()).unwrap();
    kill(traced.tid, libc::SIGSTOP).unwrap();
    kill(traced.tid, libc::SIGUSR2).unwrap();
    interrupt(traced.tid).unwrap();
    for _ in 0..3 {
        assert_eq!(remote.call(libc::SYS_getpid, NONE), Ok(Ok(tid_of(&traced))));
    }
    assert!(remote.interrupt_seen());
    assert_eq!(remote.group_stop_seen(), None);
    remote.finish().unwrap();
    let mut seen = Vec::new();
    let end = loop {
        tracee.cont(0).unwrap();
        match traced.next().unwrap() {
            WaitEvent::Stopped(Stop::SignalDelivery { signal }) => seen.push(signal),
            other => break other,
        }
    };
    seen.sort_unstable();
    assert_eq!((seen, end), (vec![libc::SIGUSR2, libc::SIGSTOP], WaitEvent::Exited { code: 6 }));
}

#[test]
fn a_group_stop_in_between_is_remembered() {
    let (traced, tracee) = at_a_signal(Options::NONE);
    tracee.cont(libc::SIGSTOP).unwrap();
    assert_eq!(traced.next(), stopped(Stop::GroupStop { signal: libc::SIGSTOP }));
    let mut remote = RemoteCall::begin(tracee, syscall_insn()).unwrap();
    interrupt(traced.tid).unwrap();
    for _ in 0..2 {
        assert_eq!(remote.call(libc::SYS_getpid, NONE), Ok(Ok(tid_of(&traced))));
    }
    assert_eq!(remote.group_stop_seen(), Some(libc::SIGSTOP));
    remote.finish().unwrap();
}

#[test]
fn an_address_without_the_instruction_is_efault_and_nothing_is_lost() {
    let (traced, tracee) = at_a_signal(Options::NONE);
    let rip = tracee.regs().unwrap().rip;
    let mut remote = RemoteCall::begin(tracee, 0x10).unwrap();
    assert_eq!(remote.call(libc::SYS_getpid, NONE), Err(Errno::EFAULT));
    remote.finish().unwrap();
    assert_eq!(tracee.regs().unwrap().rip, rip);
    tracee.cont(0).unwrap();
    assert_eq!(traced.next(), Ok(WaitEvent::Exited { code: 6 }));
}

#[test]
fn a_tracee_that_is_not_there_cannot_be_borrowed() {
    let none = Tracee::new(Pid::from_raw(i32::MAX));
    assert_eq!(RemoteCall::begin(none, 0).unwrap_err(), Errno::ESRCH);
}
