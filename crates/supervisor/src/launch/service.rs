//! The two processes beside the program: the supervisor, and the monitor that outlives it.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use anyclave_platform::Machine;
use anyclave_sys::fork::{self, Fork};
use anyclave_sys::notify::Listener;
use anyclave_sys::ptrace::{self, Stop, Tracee, WaitEvent};
use anyclave_sys::{Errno, Pid, fd, host, prctl, signal, startup};

use super::{RunOptions, message};
use crate::fatal::fatal;
use crate::homes::HomeFrames;
use crate::log::{Log, say};
use crate::notifications::Crew;
use crate::process::Process;
use crate::release::Releaser;
use crate::shared::{OsEntropy, Shared};
use crate::tracer::{Thread, Tracer, WAKE, options};

/// Starts the supervisor and waits for it, to say so should it be killed. Never returns.
pub(super) fn monitor(options: &RunOptions, program: Pid, socket: OwnedFd) -> ! {
    // Away from the user's terminal and its signals.
    let _ = fork::setsid();
    let _ = prctl::set_name(c"anyclave-monitor");
    let _ = fd::redirect_to_null(&[0, 1]);
    if startup::close_inherited().is_err() {
        fork::exit_now(1);
    }
    let Ok((here, there)) = fd::socketpair() else { fork::exit_now(1) };
    match fork::fork() {
        Ok(Fork::Child) => {
            drop(here);
            let _ = prctl::set_name(c"anyclave");
            // A mistake of ours must not leave a machine behind that answers half of its calls.
            std::panic::set_hook(Box::new(|panic| fatal(&panic.to_string())));
            let code = i32::from(supervise(options, program, socket, there.as_fd()).is_err());
            fork::exit_now(code)
        }
        Ok(Fork::Parent(supervisor)) => {
            drop((socket, there));
            // Calls that wait when the supervisor is killed wait on, until the program is dead too, instead of
            // failing: the listener stays open here.
            let _listener = fd::recv_fd(here.as_fd(), &mut [0; 1]);
            if let Ok(WaitEvent::Signaled { signal, .. }) = fork::waitpid(supervisor) {
                say(format_args!(
                    "the supervisor was killed by signal {signal}, and the program with it: without the \
                     supervisor there is no SGX"
                ));
            }
            fork::exit_now(0)
        }
        Err(_) => fork::exit_now(1),
    }
}

/// The life of a supervisor.
fn supervise(options: &RunOptions, program: Pid, socket: OwnedFd, monitor: BorrowedFd<'_>) -> Result<(), ()> {
    let result = begin(options, program, socket.as_fd(), monitor);
    let mut tracer = match result {
        Ok(tracer) => tracer,
        Err((what, error)) => {
            let mut text = vec![message::ERROR];
            text.extend_from_slice(format!("{what}: {error}; `anyclave check` says more").as_bytes());
            // If nobody listens any more, nobody wants to know.
            let _ = fd::send_fd(socket.as_fd(), &text, None);
            drop(socket);
            let_go();
            return Err(());
        }
    };
    drop(socket);
    tracer.run();
    tracer.shared.wait_for_tracers();
    Ok(())
}

/// Lets a program that was seized already end by itself: our own end would kill it.
fn let_go() {
    while let Ok(Some((tid, event))) = ptrace::wait_any() {
        pass_on(tid, event);
    }
}

/// Lets a thread that has nothing to do with SGX yet go on from a stop.
fn pass_on(tid: Pid, event: WaitEvent) {
    let tracee = Tracee::new(tid);
    // It may be dead by now.
    let _ = match event {
        WaitEvent::Stopped(Stop::SignalDelivery { signal }) => tracee.cont(signal),
        WaitEvent::Stopped(Stop::GroupStop { .. }) => tracee.listen(),
        WaitEvent::Stopped(_) => tracee.cont(0),
        WaitEvent::Exited { .. } | WaitEvent::Signaled { .. } => Ok(()),
    };
}

/// An error and what was tried.
type Failure = (&'static str, Errno);

fn failed(what: &'static str) -> impl FnOnce(Errno) -> Failure {
    move |error| (what, error)
}

fn begin(
    options: &RunOptions,
    program: Pid,
    socket: BorrowedFd<'_>,
    monitor: BorrowedFd<'_>,
) -> Result<Tracer, Failure> {
    signal::let_interrupt(WAKE).map_err(failed("no handler can be set"))?;
    // A home may be large and each enclave has a few descriptors.
    host::raise_limits().map_err(failed("limits cannot be raised"))?;
    let entropy = OsEntropy::new()
        .map_err(|error| ("/dev/urandom", error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)))?;
    let machine = Machine::boot(&options.machine, HomeFrames::default(), entropy);
    let shared = Arc::new(Shared::new(machine, Log::new(options.verbosity), options.cache.clone()));
    let releaser = Arc::new(Releaser::new().map_err(failed("enclave files cannot be watched"))?);

    let unheard = "the program does not listen";
    let [a, b, c, d] = fork::getpid().as_raw().to_le_bytes();
    fd::send_fd(socket, &[message::PID, a, b, c, d], None).map_err(failed(unheard))?;
    expect(socket, message::SEIZE)?;
    ptrace::seize(program, self::options()).map_err(failed("this host does not let us trace (ptrace)"))?;
    let mm = Arc::default();
    let process = Process::new(program, mm).map_err(failed("the memory of a program cannot be opened"))?;
    let mut thread = Thread::new(program, Arc::new(process));
    thread.started = true;
    let mut tracer = Tracer::new(Arc::clone(&shared));
    tracer.adopt(thread);
    fd::send_fd(socket, message::SEIZED, None).map_err(failed(unheard))?;

    let listener = expect_traced(socket, message::LISTENER)?.ok_or((unheard, Errno::EBADF))?;
    fd::send_fd(monitor, message::LISTENER, Some(listener.as_fd())).map_err(failed("the monitor is gone"))?;
    let listener = Listener::new(listener).map_err(failed("the seccomp listener is unusable"))?;
    // Linux before 6.6 does not know it.
    let _ = listener.set_sync_wake_up();
    serve(&shared, &releaser, listener).map_err(failed("no threads"))?;
    fd::send_fd(socket, message::READY, None).map_err(failed(unheard))?;
    Ok(tracer)
}

/// Receives this message, and what comes with it.
fn expect(socket: BorrowedFd<'_>, message: &[u8]) -> Result<Option<OwnedFd>, Failure> {
    let mut buffer = [0; 64];
    let (length, fd) = fd::recv_fd(socket, &mut buffer).map_err(failed("the program does not answer"))?;
    if buffer.get(..length) == Some(message) { Ok(fd) } else { Err(("the program gave up", Errno::EPIPE)) }
}

/// The same from a program that is traced already: signals, a stop or its death may come first.
fn expect_traced(socket: BorrowedFd<'_>, message: &[u8]) -> Result<Option<OwnedFd>, Failure> {
    /// Milliseconds between two looks at the program.
    const PATIENCE: u16 = 2;
    loop {
        match fd::wait_readable(&[socket], Some(PATIENCE)) {
            Ok(ready) if ready.contains(&true) => return expect(socket, message),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(("the program cannot be waited for", error)),
        }
        match ptrace::wait_any_nohang() {
            Ok(Some((tid, event))) => pass_on(tid, event),
            Ok(None) | Err(Errno::EINTR | Errno::ESRCH) => {}
            Err(error) => return Err(("the program is gone", error)),
        }
    }
}

fn serve(shared: &Arc<Shared>, releaser: &Arc<Releaser>, listener: Listener) -> Result<(), Errno> {
    Crew::start(shared, releaser, listener)?;
    let (shared, releaser) = (Arc::clone(shared), Arc::clone(releaser));
    let spawned = std::thread::Builder::new().name("release".into()).spawn(move || releaser.run(&shared));
    spawned.map(drop).map_err(|error| error.raw_os_error().map_or(Errno::EAGAIN, Errno::from_raw))
}
