//! open, openat, openat2: the device nodes, and the files in which a machine shows.

use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;

use anyclave_platform::Device;
use anyclave_sys::memfd::Memfd;
use anyclave_sys::{Errno, Result};

use super::{Answer, Notified};
use crate::device::{self, Found};
use crate::files::{self, View};
use crate::shared::DeviceFile;

/// PATH_MAX of Linux, the final zero included.
pub(super) const PATH_MAX: usize = 4096;

/// Bytes of the first version of `struct open_how`: flags, mode, resolve.
const OPEN_HOW_SIZE: u64 = 24;
/// What openat2 knows of flags; the older calls pass over others.
const FLAGS: u64 = 0o37_777_703;

/// What any of the three calls asks for.
struct Arguments {
    dirfd: u64,
    path: u64,
    flags: i32,
    /// Symbolic links and those of /proc are followed on the way.
    links: bool,
}

impl Arguments {
    /// None where the kernel itself refuses the call, or is to find its own way.
    fn of(call: &Notified<'_>) -> Option<Self> {
        let [a, b, c, d, ..] = call.call.args;
        let cwd = libc::AT_FDCWD.cast_unsigned().into();
        match call.call.nr {
            libc::SYS_open => Some(Self { dirfd: cwd, path: a, flags: low(b), links: true }),
            libc::SYS_openat => Some(Self { dirfd: a, path: b, flags: low(c), links: true }),
            _ if d < OPEN_HOW_SIZE => None,
            _ => {
                let mut how = [0; 24];
                call.process.mem.copy_from_user(c, &mut how).ok()?;
                let (words, _) = how.as_chunks::<8>();
                let [flags, mode, resolve] =
                    [0, 1, 2].map(|at| words.get(at).map_or(0, |word| u64::from_le_bytes(*word)));
                let makes = flags & u64::from((libc::O_CREAT | libc::O_TMPFILE).cast_unsigned()) != 0;
                let bounds = resolve & !(libc::RESOLVE_NO_SYMLINKS | libc::RESOLVE_NO_MAGICLINKS);
                let well_formed = flags & !FLAGS == 0 && (mode == 0 || makes) && bounds == 0;
                well_formed.then(|| Self { dirfd: a, path: b, flags: low(flags), links: resolve == 0 })
            }
        }
    }
}

/// The low half of an argument, as the kernel takes an `int`.
pub(super) const fn low(argument: u64) -> i32 {
    let [a, b, c, d, ..] = argument.to_le_bytes();
    i32::from_le_bytes([a, b, c, d])
}

pub(super) fn open(call: &Notified<'_>) -> Answer {
    let Some(Arguments { dirfd, path, flags, links }) = Arguments::of(call) else { return Answer::CONTINUE };
    let Some(path) = call.path(path) else { return Answer::CONTINUE };
    let found = match device::find(call.shared, &call.process, dirfd, &path) {
        Some(Found::BeneathNode) => return Answer::error(Errno::ENOTDIR),
        // To whom follows no links the kernel says that these are links.
        Some(Found::OpenFile(_)) if flags & libc::O_NOFOLLOW != 0 => return Answer::CONTINUE,
        Some(Found::OpenFile(_) | Found::View(_)) if !links => return Answer::CONTINUE,
        Some(Found::Directory(_)) | None => return Answer::CONTINUE,
        Some(found) => found,
    };
    // The argument was read while the thread waited; was it still this thread?
    if !call.listener.id_valid(call.call.id).unwrap_or(false) {
        return Answer::Answered;
    }
    match found {
        Found::Node(device) => open_node(call, device, flags),
        Found::View(view) => view.open(call, flags),
        // Opening a descriptor through /proc opens the device behind it once more.
        Found::OpenFile(DeviceFile::Enclave { .. }) => open_node(call, Device::Enclave, flags),
        Found::OpenFile(DeviceFile::Provision) => open_node(call, Device::Provision, flags),
        Found::OpenFile(DeviceFile::Msr { cpu, .. }) => View::Msr { cpu }.open(call, flags),
        Found::Directory(_) | Found::BeneathNode => Answer::CONTINUE,
    }
}

fn open_node(call: &Notified<'_>, device: Device, flags: i32) -> Answer {
    if flags & libc::O_PATH != 0 {
        return Answer::CONTINUE;
    }
    if let Some(error) = files::refusal(flags) {
        return Answer::error(error);
    }
    Answer::given(match device {
        Device::Enclave => open_enclave(call, flags),
        Device::Provision => open_provision(call, flags),
    })
}

/// Every open of the enclave node is a new enclave; its descriptor is an open file of the enclave's home.
fn open_enclave(call: &Notified<'_>, flags: i32) -> Result<()> {
    let home = Arc::new(Memfd::create(c"sgx_enclave", 0)?);
    let identity = home.dev_ino()?;
    call.releaser.watch(Path::new(&home.proc_path()), identity)?;
    {
        let mut core = call.shared.core();
        let id = core.machine.open();
        core.files.insert(identity, DeviceFile::Enclave { id, home: Arc::clone(&home) });
    }
    call.process.gets_device(call.call.pid);
    // Should the program never get it, closing our copy is the close that releases the enclave.
    give(call, &home, flags)
}

fn open_provision(call: &Notified<'_>, flags: i32) -> Result<()> {
    let file = call.releaser.provision_file();
    call.shared.core().files.insert(file.dev_ino()?, DeviceFile::Provision);
    call.process.gets_device(call.call.pid);
    give(call, file, flags)
}

/// Puts an open file of a memory file into the program.
///
/// # Errors
/// As [`Listener::add_fd_send`](anyclave_sys::notify::Listener::add_fd_send).
pub(crate) fn give(call: &Notified<'_>, file: &Memfd, flags: i32) -> Result<()> {
    let copy = file.reopen(flags & (libc::O_ACCMODE | libc::O_NONBLOCK))?;
    call.listener.add_fd_send(call.call.id, copy.as_fd(), flags & libc::O_CLOEXEC != 0).map(drop)
}
