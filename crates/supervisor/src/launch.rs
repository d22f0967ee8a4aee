//! How a run begins: the process that the user started becomes the program.
//!
//! ```text
//! anyclave ──fork──▶ monitor ──fork──▶ supervisor
//!    │ "I am PID n" ◀──────────────────────┤
//!    │ PR_SET_PTRACER n                    │
//!    ├──────── "seize me" ────────────────▶│ PTRACE_SEIZE
//!    │ "seized" ◀──────────────────────────┤
//!    │ filter                              │
//!    ├──────── listener ──────────────────▶│ threads
//!    │ "ready" ◀───────────────────────────┤
//!  exec                                    │ traces
//! ```
//!
//! So parent, process id, terminal, limits, exit status and death by signal are the caller's own. The monitor
//! is what is left to say a word should the supervisor be killed.

mod program;
mod service;

use std::convert::Infallible;
use std::ffi::{CString, OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use anyclave_platform::Config;
use anyclave_sys::fork::{self, Fork};
use anyclave_sys::procfs::{self, Status};
use anyclave_sys::seccomp::{self, Flags};
use anyclave_sys::{Errno, Pid, fd, prctl, startup};

use crate::filter;
use crate::log::Verbosity;
use program::Program;

/// What a run is to be like.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// The machine.
    pub machine: Config,
    /// How much is said.
    pub verbosity: Verbosity,
    /// Where what was found out about program files is kept from run to run; nowhere without.
    pub cache: Option<PathBuf>,
}

/// Why a program was not run.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// There is no such program.
    #[error("{0}: not found")]
    NotFound(String),
    /// The program cannot be executed.
    #[error("{0}: {1}")]
    NotExecutable(String, String),
    /// The program is of 32 bits.
    #[error("{0}: a 32-bit program, and SGX is for 64-bit ones; start it without anyclave")]
    ThirtyTwoBits(String),
    /// A debugger has this process already.
    #[error(
        "{0} traces this process, and a thread has one tracer, which would be anyclave: start it without {0}"
    )]
    Traced(String),
    /// The host lacks something, or refuses it.
    #[error("{what}: {error}; `anyclave check` says more")]
    Host {
        /// What was tried.
        what: &'static str,
        /// What the host said.
        error: Errno,
    },
    /// The supervisor gave up before the program began.
    #[error("{0}")]
    Supervisor(String),
}

impl LaunchError {
    /// The exit code that tells a shell: 127 not found, 126 not executable, 125 anything of ours.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::NotFound(_) => 127,
            Self::NotExecutable(..) => 126,
            Self::ThirtyTwoBits(_) | Self::Traced(_) | Self::Host { .. } | Self::Supervisor(_) => 125,
        }
    }

    fn host(what: &'static str) -> impl FnOnce(Errno) -> Self {
        move |error| Self::Host { what, error }
    }
}

/// Messages between the program-to-be and the supervisor; text after an `E` is an error.
mod message {
    pub(super) const SEIZE: &[u8] = b"S";
    pub(super) const SEIZED: &[u8] = b"s";
    pub(super) const LISTENER: &[u8] = b"L";
    pub(super) const READY: &[u8] = b"r";
    pub(super) const ERROR: u8 = b'E';
    /// The supervisor's process id follows.
    pub(super) const PID: u8 = b'P';
}

/// Turns this process into `program`, on a machine of its own. Returns only if that fails.
///
/// # Errors
/// Nothing was run.
pub fn run(options: &RunOptions, program: &OsStr, arguments: &[OsString]) -> Result<Infallible, LaunchError> {
    let program = Program::find(program)?;
    let arguments = to_argv(&program, arguments)?;
    let (here, there) = fd::socketpair().map_err(LaunchError::host("a socket pair cannot be made"))?;
    let us = fork::getpid();
    untraced(us)?;
    if !procfs::is_of_our_namespace() {
        return Err(LaunchError::Supervisor(
            "/proc is not there or is that of another PID namespace, and a machine looks at its processes in it: \
             mount it anew (`unshare --mount-proc`, or `mount -t proc proc /proc` in the namespace)"
                .into(),
        ));
    }
    let here = start_monitor(options, us, here, there)?;
    prepare(here.as_fd())?;
    drop(here);
    startup::restore_sigpipe().map_err(LaunchError::host("the disposition of SIGPIPE cannot be restored"))?;
    startup::restore_closed().map_err(LaunchError::host("descriptors cannot be closed again"))?;
    let error = fork::exec(&program.path, &arguments);
    Err(program.exec_failed(error))
}

/// Makes the monitor, so that the program has no child that it does not know. Gives back our end of the socket.
fn start_monitor(
    options: &RunOptions,
    us: Pid,
    here: OwnedFd,
    there: OwnedFd,
) -> Result<OwnedFd, LaunchError> {
    let failed = LaunchError::host("fork failed");
    // An orphan would come back to us. So there is a child, and the program's waits do not find it.
    if prctl::takes_up_orphans().unwrap_or(false) {
        return match fork::fork_unwaited().map_err(failed)? {
            Fork::Child => {
                drop(here);
                service::monitor(options, us, there)
            }
            Fork::Parent(_) => Ok(here),
        };
    }
    match fork::fork().map_err(failed)? {
        // The intermediate child goes at once.
        Fork::Child => match fork::fork() {
            Ok(Fork::Child) => {
                drop(here);
                service::monitor(options, us, there)
            }
            Ok(Fork::Parent(_)) => fork::exit_now(0),
            Err(_) => fork::exit_now(1),
        },
        Fork::Parent(child) => {
            fork::waitpid(child).map_err(LaunchError::host("the supervisor could not be started"))?;
            Ok(here)
        }
    }
}

/// Says who traces this process already, if anybody does.
fn untraced(us: Pid) -> Result<(), LaunchError> {
    // Where /proc cannot tell, the supervisor's attempt will.
    let tracer = Status::read(us).map(|status| status.tracer);
    match tracer.ok().filter(|tracer| tracer.as_raw() != 0) {
        None => Ok(()),
        Some(tracer) => {
            Err(LaunchError::Traced(procfs::name(tracer).unwrap_or_else(|_| format!("process {tracer}"))))
        }
    }
}

/// Gets this process traced and filtered.
fn prepare(socket: BorrowedFd<'_>) -> Result<(), LaunchError> {
    let supervisor = receive(socket)?;
    let supervisor =
        supervisor
            .strip_prefix(&[message::PID])
            .and_then(|pid| <[u8; 4]>::try_from(pid).ok())
            .ok_or_else(|| LaunchError::Supervisor("the supervisor did not introduce itself".into()))?;
    match prctl::set_ptracer(Pid::from_raw(i32::from_le_bytes(supervisor))) {
        // A host without Yama does not know the request and does not need it.
        Ok(()) | Err(Errno::EINVAL) => {}
        Err(error) => return Err(LaunchError::host("the supervisor cannot be made the tracer")(error)),
    }
    send(socket, message::SEIZE, None)?;
    expect(socket, message::SEIZED)?;
    prctl::set_no_new_privs().map_err(LaunchError::host("PR_SET_NO_NEW_PRIVS failed"))?;
    let listener = install_filter()?;
    send(socket, message::LISTENER, Some(listener.as_fd()))?;
    expect(socket, message::READY)
}

/// Puts the base filter on this process, as strong as the host knows it.
fn install_filter() -> Result<OwnedFd, LaunchError> {
    let filter = filter::base().map_err(|error| LaunchError::Supervisor(error.to_string()))?;
    let listener = match seccomp::install(&filter, Flags::NEW_LISTENER | Flags::WAIT_KILLABLE_RECV) {
        // Linux before 5.19: a signal may interrupt a call that is being answered.
        Err(Errno::EINVAL) => seccomp::install(&filter, Flags::NEW_LISTENER),
        result => result,
    };
    let listener = listener.map_err(LaunchError::host("the seccomp filter is refused"))?;
    listener.ok_or_else(|| LaunchError::Supervisor("seccomp gave no listener".into()))
}

fn send(socket: BorrowedFd<'_>, bytes: &[u8], fd: Option<BorrowedFd<'_>>) -> Result<(), LaunchError> {
    fd::send_fd(socket, bytes, fd).map_err(LaunchError::host("the supervisor does not listen"))
}

fn receive(socket: BorrowedFd<'_>) -> Result<Vec<u8>, LaunchError> {
    let mut buffer = vec![0; 1024];
    let (length, _) =
        fd::recv_fd(socket, &mut buffer).map_err(LaunchError::host("the supervisor does not answer"))?;
    buffer.truncate(length);
    match buffer.split_first() {
        None => Err(LaunchError::Supervisor("the supervisor ended before the program began".into())),
        Some((&message::ERROR, text)) => {
            Err(LaunchError::Supervisor(String::from_utf8_lossy(text).into_owned()))
        }
        Some(_) => Ok(buffer),
    }
}

fn expect(socket: BorrowedFd<'_>, message: &[u8]) -> Result<(), LaunchError> {
    if receive(socket)? == message {
        Ok(())
    } else {
        Err(LaunchError::Supervisor("the supervisor answered something else".into()))
    }
}

fn to_argv(program: &Program, arguments: &[OsString]) -> Result<Vec<CString>, LaunchError> {
    std::iter::once(program.name.as_os_str())
        .chain(arguments.iter().map(OsString::as_os_str))
        .map(|word| CString::new(word.as_bytes()))
        .collect::<Result<_, _>>()
        .map_err(|_nul| LaunchError::Supervisor("an argument has a zero byte in it".into()))
}
