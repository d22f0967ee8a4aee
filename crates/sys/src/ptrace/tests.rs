use super::*;
use crate::Errno;
use crate::fork::{Fork, exec, exit_now, fork, getpid, gettid, waitpid};
use crate::signal::{kill, tkill};
use crate::testing::{Traced, own_syscall, syscall_insn};

fn stopped(stop: Stop) -> Result<WaitEvent> {
    Ok(WaitEvent::Stopped(stop))
}

fn raise(signal: i32) {
    tkill(gettid(), signal).unwrap();
}

#[test]
fn a_signal_stops_before_delivery_and_can_be_dropped() {
    for signal in [libc::SIGUSR1, libc::SIGTERM, 40, 64] {
        let traced = Traced::spawn(Options::NONE, || {
            raise(signal);
            3
        });
        let tracee = Tracee::new(traced.tid);
        assert_eq!(traced.next(), stopped(Stop::SignalDelivery { signal }));
        let info = tracee.siginfo().unwrap();
        assert_eq!((info.signo(), info.code(), info.pid()), (signal, libc::SI_TKILL, traced.tid.as_raw()));
        tracee.cont(0).unwrap();
        assert_eq!(traced.next(), Ok(WaitEvent::Exited { code: 3 }));
    }
}

#[test]
fn a_signal_delivered_has_its_effect() {
    let traced = Traced::spawn(Options::NONE, || {
        raise(libc::SIGTERM);
        3
    });
    assert_eq!(traced.next(), stopped(Stop::SignalDelivery { signal: libc::SIGTERM }));
    assert_eq!(Tracee::new(traced.tid).cont(65), Err(Errno::EIO));
    Tracee::new(traced.tid).cont(libc::SIGTERM).unwrap();
    assert_eq!(traced.next(), Ok(WaitEvent::Signaled { signal: libc::SIGTERM, core: false }));
}

extern "C" fn seven() -> i32 {
    7
}

#[test]
fn a_breakpoint_stops_before_its_instruction_until_it_is_taken_away() {
    let traced = Traced::spawn(Options::NONE, || {
        raise(libc::SIGUSR1);
        let called: extern "C" fn() -> i32 = std::hint::black_box(seven);
        called() + std::hint::black_box(called)() + std::hint::black_box(called)()
    });
    assert_eq!(traced.next(), stopped(Stop::SignalDelivery { signal: libc::SIGUSR1 }));
    let tracee = Tracee::new(traced.tid);
    let at = seven as *const () as u64;
    tracee.set_breakpoints(&[0x1000, at]).unwrap();
    for _ in 0..2 {
        tracee.cont(0).unwrap();
        assert_eq!(traced.next(), stopped(Stop::SignalDelivery { signal: libc::SIGTRAP }));
        assert_eq!(tracee.regs().unwrap().rip, at);
        assert_eq!(tracee.siginfo().unwrap().code(), libc::TRAP_HWBKPT);
    }
    tracee.set_breakpoints(&[]).unwrap();
    tracee.cont(0).unwrap();
    assert_eq!(traced.next(), Ok(WaitEvent::Exited { code: 21 }));
}

#[test]
fn there_are_four_breakpoints_and_none_in_the_kernel() {
    let traced = Traced::spawn(Options::NONE, || {
        raise(libc::SIGUSR1);
        3
    });
    assert_eq!(traced.next(), stopped(Stop::SignalDelivery { signal: libc::SIGUSR1 }));
    let tracee = Tracee::new(traced.tid);
    assert_eq!(tracee.set_breakpoints(&[1, 2, 3, 4]), Ok(()));
    assert_eq!(tracee.set_breakpoints(&[1, 2, 3, 4, 5]), Err(Errno::EINVAL));
    assert!(tracee.set_breakpoints(&[u64::MAX - 0xFFF]).is_err());
    tracee.set_breakpoints(&[]).unwrap();
    tracee.cont(0).unwrap();
    assert_eq!(traced.next(), Ok(WaitEvent::Exited { code: 3 }));
}

extern "C" fn exit_with_page_of_fault(_: i32, info: *const SigInfo, _: *const ()) {
    // SAFETY: the kernel passes a handler installed with SA_SIGINFO the address of a siginfo_t.
    let info = unsafe { info.read() };
    exit_now(i32::try_from(info.addr() >> 12 & 0xFF).unwrap_or(0));
}

#[test]
fn the_information_of_a_fault_can_be_replaced() {
    let traced = Traced::spawn(Options::NONE, || {
        let mut action = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
        let handler: extern "C" fn(i32, *const SigInfo, *const ()) = exit_with_page_of_fault;
        // SAFETY: `sigaction` is integers and an optional function, for which zeroes are valid.
        let action = unsafe { action.assume_init_mut() };
        action.sa_sigaction = handler as usize;
        action.sa_flags = libc::SA_SIGINFO;
        // SAFETY: the handler has the three arguments that SA_SIGINFO passes.
        unsafe { libc::sigaction(libc::SIGSEGV, action, std::ptr::null_mut()) };
        raise(libc::SIGSEGV);
        1
    });
    assert_eq!(traced.next(), stopped(Stop::SignalDelivery { signal: libc::SIGSEGV }));
    let tracee = Tracee::new(traced.tid);
    tracee.set_siginfo(&SigInfo::fault(libc::SIGSEGV, 2, 0x7000_0005_A123)).unwrap();
    assert_eq!(tracee.siginfo().unwrap().addr(), 0x7000_0005_A123);
    // Up to the first instruction of the handler, then on.
    tracee.singlestep(libc::SIGSEGV).unwrap();
    assert_eq!(traced.next(), stopped(Stop::SignalDelivery { signal: libc::SIGTRAP }));
    assert_eq!(tracee.regs().unwrap().rip, exit_with_page_of_fault as *const () as u64);
    tracee.cont(0).unwrap();
    assert_eq!(traced.next(), Ok(WaitEvent::Exited { code: 0x5A }));
}

#[test]
fn a_system_call_stops_at_entry_and_exit_and_its_result_can_be_replaced() {
    let traced = Traced::spawn(Options::TRACESYSGOOD, || {
        raise(libc::SIGUSR1);
        i32::from(own_syscall(libc::SYS_getppid, 0, 0) == 4242)
    });
    let tracee = Tracee::new(traced.tid);
    assert_eq!(traced.next(), stopped(Stop::SignalDelivery { signal: libc::SIGUSR1 }));
    assert_eq!(tracee.syscall_op(), Ok(SyscallOp::None));
    loop {
        tracee.syscall(0).unwrap();
        assert_eq!(traced.next(), stopped(Stop::Syscall));
        if tracee.regs().unwrap().rip == syscall_insn() + 2 {
            break;
        }
    }
    assert_eq!(tracee.syscall_op(), Ok(SyscallOp::Entry));
    assert_eq!(tracee.regs().unwrap().orig_rax, libc::SYS_getppid.cast_unsigned());
    tracee.syscall(0).unwrap();
    assert_eq!(traced.next(), stopped(Stop::Syscall));
    assert_eq!(tracee.syscall_op(), Ok(SyscallOp::Exit));
    let mut regs = tracee.regs().unwrap();
    assert_eq!(regs.rax, getpid().as_raw().cast_unsigned().into());
    regs.rax = 4242;
    tracee.set_regs(&regs).unwrap();
    tracee.cont(0).unwrap();
    assert_eq!(traced.next(), Ok(WaitEvent::Exited { code: 1 }));
}

#[test]
fn a_fork_an_exec_and_an_exit_are_events() {
    let options = Options::TRACEFORK | Options::TRACEEXEC | Options::TRACEEXIT;
    let traced = Traced::spawn(options, || match fork().unwrap() {
        Fork::Child => exit_now(exec(c"/bin/true", &[c"true".to_owned()]) as i32),
        Fork::Parent(child) => {
            waitpid(child).unwrap();
            9
        }
    });
    let Ok(WaitEvent::Stopped(Stop::Event(Event::Fork { child }))) = traced.next() else {
        panic!("no fork event")
    };
    assert_eq!(wait_one(child), stopped(Stop::Interrupted));
    Tracee::new(child).cont(0).unwrap();
    assert_eq!(wait_one(child), stopped(Stop::Event(Event::Exec { former: child })));
    Tracee::new(child).cont(0).unwrap();
    assert_eq!(wait_one(child), stopped(Stop::Event(Event::Exit { status: 0 })));
    Tracee::new(child).cont(0).unwrap();
    assert_eq!(wait_one(child), Ok(WaitEvent::Exited { code: 0 }));
    Tracee::new(traced.tid).cont(0).unwrap();
    // Its own SIGCHLD may come before its end.
    let end = loop {
        match traced.next().unwrap() {
            WaitEvent::Stopped(Stop::SignalDelivery { signal }) => {
                Tracee::new(traced.tid).cont(signal).unwrap();
            }
            other => break other,
        }
    };
    assert_eq!(end, WaitEvent::Stopped(Stop::Event(Event::Exit { status: 9 << 8 })));
    assert!(Tracee::new(traced.tid).regs().is_ok());
}

#[test]
fn a_thread_that_execs_takes_the_name_of_its_leader() {
    let traced = Traced::spawn(Options::TRACECLONE | Options::TRACEEXEC, || {
        std::thread::spawn(|| exec(c"/bin/true", &[c"true".to_owned()]) as i32).join().unwrap_or(1)
    });
    let leader = Tracee::new(traced.tid);
    let Ok(WaitEvent::Stopped(Stop::Event(Event::Clone { child }))) = traced.next() else {
        panic!("no clone event")
    };
    assert_eq!(wait_one(child), stopped(Stop::Interrupted));
    leader.cont(0).unwrap();
    Tracee::new(child).cont(0).unwrap();
    assert_eq!(traced.next(), stopped(Stop::Event(Event::Exec { former: child })));
    leader.cont(0).unwrap();
    assert_eq!(traced.next(), Ok(WaitEvent::Exited { code: 0 }));
}

#[test]
fn job_control_is_told_apart_from_interruptions() {
    let traced = Traced::stopped();
    let tracee = Tracee::new(traced.tid);
    kill(traced.tid, libc::SIGSTOP).unwrap();
    tracee.cont(0).unwrap();
    assert_eq!(traced.next(), stopped(Stop::SignalDelivery { signal: libc::SIGSTOP }));
    tracee.cont(libc::SIGSTOP).unwrap();
    assert_eq!(traced.next(), stopped(Stop::GroupStop { signal: libc::SIGSTOP }));
    tracee.listen().unwrap();
    assert_eq!(tracee.regs().unwrap_err(), Errno::ESRCH, "a listening tracee answers nothing");
    kill(traced.tid, libc::SIGCONT).unwrap();
    assert_eq!(traced.next(), stopped(Stop::Interrupted));
    tracee.cont(0).unwrap();
    assert_eq!(traced.next(), stopped(Stop::SignalDelivery { signal: libc::SIGCONT }));
    assert_eq!(tracee.listen(), Err(Errno::EIO));
}

#[test]
fn mask_vector_state_and_memory_of_a_tracee_can_be_set() {
    let mut word = 0x1122_3344_5566_7788_u64;
    let addr = &raw mut word as u64;
    let traced = Traced::stopped();
    let tracee = Tracee::new(traced.tid);

    let mask = tracee.sigmask().unwrap();
    tracee.set_sigmask(!0).unwrap();
    let unblockable = 1 << (libc::SIGKILL - 1) | 1 << (libc::SIGSTOP - 1);
    assert_eq!(tracee.sigmask(), Ok(!unblockable));
    tracee.set_sigmask(mask).unwrap();
    assert_eq!(tracee.sigmask(), Ok(mask));

    // XMM0 of the legacy area, and bit 1 of XSTATE_BV that says it holds something.
    let mut xstate = tracee.xstate().unwrap();
    assert!(xstate.len() >= 576);
    xstate[160..176].copy_from_slice(&[0x5A; 16]);
    xstate[512] |= 0b10;
    tracee.set_xstate(&xstate).unwrap();
    assert_eq!(tracee.xstate().unwrap(), xstate);
    assert!(tracee.set_xstate(&[0; 8]).is_err());

    assert_eq!(tracee.peek(addr), Ok(word));
    tracee.poke(addr, u64::MAX).unwrap();
    assert_eq!(tracee.peek(addr), Ok(u64::MAX), "minus one is a word like any other");
    assert_eq!(tracee.peek(8), Err(Errno::EIO));
}

#[test]
fn a_killed_tracee_answers_esrch_and_is_reported() {
    let traced = Traced::stopped();
    kill(traced.tid, libc::SIGKILL).unwrap();
    let killed = WaitEvent::Signaled { signal: libc::SIGKILL, core: false };
    assert_eq!(traced.next(), Ok(killed));
    let tracee = Tracee::new(traced.tid);
    assert_eq!(tracee.regs().unwrap_err(), Errno::ESRCH);
    assert_eq!(tracee.cont(0), Err(Errno::ESRCH));
    assert_eq!(interrupt(traced.tid), Err(Errno::ESRCH));
    assert_eq!(traced.next(), Err(Errno::ECHILD));
}

#[test]
fn waiting_for_any_knows_its_own_tracees_only() {
    // Tests of other threads have children too.
    assert_eq!(wait_any(), Ok(None));
    assert_eq!(wait_any_nohang(), Err(Errno::ECHILD));
    let traced = Traced::stopped();
    assert_eq!(wait_any_nohang(), Ok(None));
    Tracee::new(traced.tid).interrupt().unwrap();
    Tracee::new(traced.tid).cont(0).unwrap();
    assert_eq!(wait_any(), Ok(Some((traced.tid, WaitEvent::Stopped(Stop::Interrupted)))));
}

#[test]
fn what_was_put_back_is_reported_first() {
    let traced = Traced::stopped();
    let other = Pid::from_raw(1);
    let exit = WaitEvent::Stopped(Stop::Event(Event::Exit { status: 0 }));
    put_back(other, exit);
    put_back(traced.tid, exit);
    assert_eq!(traced.next(), Ok(exit));
    assert_eq!(wait_any_nohang(), Ok(Some((other, exit))));
    assert_eq!(wait_any_nohang(), Ok(None));
}

#[test]
fn a_detached_tracee_runs_on_alone() {
    let traced = Traced::spawn(Options::NONE, || {
        raise(libc::SIGUSR1);
        raise(libc::SIGUSR2);
        4
    });
    assert_eq!(traced.next(), stopped(Stop::SignalDelivery { signal: libc::SIGUSR1 }));
    Tracee::new(traced.tid).detach(0).unwrap();
    assert_eq!(waitpid(traced.tid), Ok(WaitEvent::Signaled { signal: libc::SIGUSR2, core: false }));
}

#[test]
fn nobody_is_traced_twice() {
    let traced = Traced::stopped();
    assert_eq!(seize(traced.tid, Options::NONE), Err(Errno::EPERM));
    assert_eq!(seize(Pid::from_raw(i32::MAX), Options::NONE), Err(Errno::ESRCH));
}
