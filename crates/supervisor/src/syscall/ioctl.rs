//! ioctl with the driver's magic.

mod caller;
mod copied;
mod foresight;

pub(crate) use foresight::Foresight;

use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard};

use anyclave_driver::{Answer as DriverAnswer, Enclave, EnclaveId, Progress, Reply, Wait, abi};
use anyclave_platform::Machine;
use anyclave_sys::memfd::Memfd;
use anyclave_sys::notify::Response;
use anyclave_sys::{Errno, procfs};

use super::open::low;
use super::{Answer, Notified};
use crate::homes::HomeFrames;
use crate::shared::{Core, DeviceFile, OsEntropy, Shared};
use caller::CallingThread;

/// ERESTARTSYS: the kernel starts the call again after the signal, or answers EINTR.
const ERESTARTSYS: i64 = 512;

/// Any ioctl of the magic, on any descriptor.
pub(super) fn ioctl(call: &Notified<'_>) -> Answer {
    let [fd, command, argument, ..] = call.call.args;
    match call.shared.device_file_of_waiting(&call.process, low(fd)) {
        Some(DeviceFile::Enclave { id, home }) => {
            let mut caller = CallingThread::new(call);
            let command = low(command).cast_unsigned();
            // All but the wrong calls read their argument first, whose size is in the number.
            if command == abi::ENCLAVE_ADD_PAGES {
                let lasts = caller.expect_add_pages(argument);
                if lasts && call.shared.killable && call.process.wants_watch(low(fd)) {
                    call.process.watch_descriptor(call.call.pid, low(fd));
                }
            } else {
                caller.expect(argument, usize::try_from(command >> 16 & 0x3fff).unwrap_or_default());
            }
            let reply = on_enclave(&mut caller, call.shared, id, &home, command, argument);
            Answer::Respond(response(call.shared, reply))
        }
        Some(DeviceFile::Provision | DeviceFile::Msr { .. }) => Answer::error(Errno::ENOTTY),
        None => {
            tell_if_hidden(call, fd);
            Answer::CONTINUE
        }
    }
}

/// Says once if the process is not to be looked at, so that no descriptor of its can be known.
fn tell_if_hidden(call: &Notified<'_>, fd: u64) {
    let tgid = call.process.tgid;
    let hidden = matches!(procfs::fd_dev_ino(tgid, low(fd)), Err(Errno::EACCES | Errno::EPERM));
    if hidden && !call.process.hidden.swap(true, Ordering::Relaxed) {
        call.shared.log.warn(format_args!(
            "process {tgid} has given up root's privileges and may not be looked at, so it loses its enclaves until it \
             executes a program; with CAP_SYS_PTRACE (`--cap-add SYS_PTRACE`) it would keep them"
        ));
    }
}

fn on_enclave(
    caller: &mut CallingThread<'_>,
    shared: &Shared,
    id: EnclaveId,
    home: &Arc<Memfd>,
    command: u32,
    argument: u64,
) -> Reply {
    let home = (command == abi::ENCLAVE_CREATE).then_some(home);
    let adds = command == abi::ENCLAVE_ADD_PAGES;
    let lock = || if adds { shared.core_as_it_is() } else { shared.core() };
    let mut progress = step(shared, lock(), id, home, |machine| machine.ioctl(caller, id, command, argument));
    loop {
        match progress {
            Progress::Done(reply) => return reply,
            Progress::Wait(Wait::Memory) => caller.access(),
            Progress::Wait(Wait::Sleep(time)) => std::thread::sleep(time),
            Progress::Wait(Wait::Turn) => std::thread::yield_now(),
        }
        progress = step(shared, lock(), id, home, |machine| machine.resume(caller, id));
    }
}

/// A step of an ioctl on the machine, up to its end or a wait; `home` is for the enclave that it creates. No memory of
/// the program is touched meanwhile.
fn step(
    shared: &Shared,
    mut core: MutexGuard<'_, Core>,
    id: EnclaveId,
    home: Option<&Arc<Memfd>>,
    work: impl FnOnce(&mut Machine<HomeFrames, OsEntropy>) -> Progress<Reply>,
) -> Progress<Reply> {
    core.machine.parts().package.frames_mut().set_next_home(home.cloned());
    let progress = work(&mut core.machine);
    core.machine.parts().package.frames_mut().set_next_home(None);
    if let (Some(home), Progress::Done(Ok(_))) = (home, &progress) {
        // Pages beyond the end of a file cannot be mapped in.
        let size = core.machine.driver().enclave(id).map_or(0, Enclave::size);
        if let Err(error) = home.resize(size) {
            shared.log.warn(format_args!("the home of an enclave cannot have {size:#x} bytes: {error}"));
        }
    }
    progress
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
