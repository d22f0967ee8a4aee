//! ioctl with the driver's magic.

use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyclave_driver::{
    Answer as DriverAnswer, Caller, Efault, EnclaveId, Progress, Reply, SourceError, Wait,
};
use anyclave_sys::maps::Vma;
use anyclave_sys::memfd::Memfd;
use anyclave_sys::notify::{Listener, Response};
use anyclave_sys::procfs::{self, Status};
use anyclave_sys::{Errno, Pid, host};

use super::open::low;
use super::{Answer, Notified};
use crate::process::Process;
use crate::process::dispositions::DEFAULT_IGNORED;
use crate::process::windows::Windows;
use crate::shared::{DeviceFile, Shared};

/// ERESTARTSYS: the kernel starts the call again after the signal, or answers EINTR.
const ERESTARTSYS: i64 = 512;

/// Any ioctl of the magic, on any descriptor.
pub(super) fn ioctl(call: &Notified<'_>) -> Answer {
    let [fd, command, argument, ..] = call.call.args;
    match call.shared.device_file(call.process.tgid, fd) {
        Some(DeviceFile::Enclave { id, home }) => {
            let reply = on_enclave(call, id, &home, low(command).cast_unsigned(), argument);
            Answer::Respond(response(call.shared, reply))
        }
        Some(DeviceFile::Provision | DeviceFile::Msr { .. }) => Answer::error(Errno::ENOTTY),
        None => Answer::CONTINUE,
    }
}

fn on_enclave(call: &Notified<'_>, id: EnclaveId, home: &Arc<Memfd>, command: u32, argument: u64) -> Reply {
    let mut caller = CallingThread {
        process: &call.process,
        windows: call.process.mm().windows.clone(),
        provision: call.releaser.provision_identity(),
        tid: call.call.pid,
        listener: call.listener,
        call: call.call.id,
        looked: None,
    };
    let mut progress = {
        let mut core = call.shared.core();
        core.machine.parts().package.frames_mut().set_next_home(Some(Arc::clone(home)));
        let progress = core.machine.ioctl(&mut caller, id, command, argument);
        core.machine.parts().package.frames_mut().set_next_home(None);
        let size = core.machine.driver().enclave(id).map_or(0, anyclave_driver::Enclave::size);
        // Pages beyond the end of a file cannot be mapped in.
        if home.size() != Ok(size)
            && let Err(error) = home.resize(size)
        {
            call.shared.log.warn(format_args!("the home of an enclave cannot have {size:#x} bytes: {error}"));
        }
        progress
    };
    loop {
        match progress {
            Progress::Done(reply) => return reply,
            Progress::Wait(wait) => {
                match wait {
                    Wait::Sleep(time) => std::thread::sleep(time),
                    Wait::Turn => std::thread::yield_now(),
                }
                progress = call.shared.core().machine.resume(&mut caller, id);
            }
        }
    }
}

fn response(shared: &Shared, reply: Reply) -> Response {
    match reply {
        Ok(value) => Response::Return(value),
        Err(refusal) => {
            shared.log.refused(refusal);
            match refusal.answer() {
                DriverAnswer::Errno(errno) => Response::Error(Errno::from_raw(errno.number())),
                DriverAnswer::Restart => Response::Return(-ERESTARTSYS),
            }
        }
    }
}

/// The thread that called ioctl and waits for its answer.
struct CallingThread<'a> {
    process: &'a Process,
    /// The windows of its process when it called; the core is locked while they are asked for.
    windows: Windows,
    /// Device and inode of the provision node's file.
    provision: (u64, u64),
    tid: Pid,
    listener: &'a Listener,
    /// The call, as the listener names it.
    call: u64,
    /// When it was last looked whether it has signals.
    looked: Option<Instant>,
}

impl Caller for CallingThread<'_> {
    fn read(&mut self, address: u64, into: &mut [u8]) -> Result<(), Efault> {
        self.process.mem.copy_from_user(address, into).map_err(|_any| Efault)
    }

    fn write(&mut self, address: u64, from: &[u8]) -> Result<(), Efault> {
        // A thread killed by another's exec has left its memory to a new program.
        if !self.listener.id_valid(self.call).unwrap_or(false) {
            return Err(Efault);
        }
        self.process.mem.copy_to_user(address, from).map_err(|_any| Efault)
    }

    fn source_page(&mut self, address: u64, into: &mut [u8; 4096]) -> Result<(), SourceError> {
        let vma = self.process.mem.maps().find_at_or_above(address).ok().flatten();
        let vma = vma.ok_or(SourceError::NoMapping)?;
        if never_executable(self.process, &vma) {
            return Err(SourceError::NoExec);
        }
        // Enclave memory cannot be pinned.
        if !vma.contains(address) || self.windows.find(address).is_some() {
            return Err(SourceError::Unreadable);
        }
        self.process.mem.copy_from_user(address, into).map_err(|_any| SourceError::Unreadable)
    }

    fn signal_pending(&mut self) -> bool {
        /// A look costs a file; a page is added in a few microseconds.
        const BETWEEN_LOOKS: Duration = Duration::from_micros(500);
        if self.looked.is_some_and(|looked| looked.elapsed() < BETWEEN_LOOKS) {
            return false;
        }
        self.looked = Some(Instant::now());
        // A thread that cannot be looked at any more is dead.
        Status::read(self.tid).map_or(true, |status| {
            // A traced thread is told of ignored signals too, which would not wake it otherwise.
            let ignored = status.ignored | DEFAULT_IGNORED & !status.caught;
            (status.pending | status.shared_pending) & !status.blocked & !ignored != 0
        })
    }

    fn is_provision_file(&mut self, fd: u32) -> bool {
        procfs::fd_dev_ino(self.process.tgid, fd.cast_signed()) == Ok(self.provision)
    }
}

/// Whether a mapping lies on a file system that is mounted noexec.
fn never_executable(process: &Process, vma: &Vma) -> bool {
    vma.inode != 0
        && vma.path.as_bytes().starts_with(b"/")
        && host::mounted_noexec(&procfs::path_inside(process.tgid, vma.path.as_ref()))
}
