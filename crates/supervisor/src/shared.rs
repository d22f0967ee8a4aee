//! What all threads of a supervisor share.

use std::collections::{BTreeSet, HashMap};
use std::fs::{File, Metadata};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use anyclave_cpu::Entropy;
use anyclave_driver::EnclaveId;
use anyclave_platform::Machine;
use anyclave_sys::memfd::Memfd;
use anyclave_sys::probe;
use anyclave_sys::seccomp::{self, Flags};

use crate::fatal::fatal;
use crate::homes::HomeFrames;
use crate::log::Log;
use crate::process::registry::Registry;
use crate::process::{Process, lock};
use crate::sites::SiteCache;

/// The machine of a run, everybody's.
pub(crate) struct Shared {
    core: Mutex<Core>,
    /// Who is who.
    pub(crate) registry: Registry,
    /// What is said to the user.
    pub(crate) log: Log,
    /// Where files have CPUID instructions.
    pub(crate) sites: SiteCache,
    /// The host has `int 0x80` for 64-bit code too, so that it can stand for CPUID.
    pub(crate) int80: bool,
    /// A thread whose call waits for an answer is only interrupted to die.
    pub(crate) killable: bool,
    /// Names of programs that were told why they cannot trace.
    pub(crate) refused_tracers: Mutex<BTreeSet<String>>,
    /// Where our code is put in each process, if there is room. The same address in all of them, as filters of
    /// programs know it and are inherited; another one in each run.
    pub(crate) region: u64,
    /// Tracers that run beside the first.
    tracers: Mutex<usize>,
    tracer_ended: Condvar,
}

/// The machine and the files that lead to it.
pub(crate) struct Core {
    /// The machine.
    pub(crate) machine: Machine<HomeFrames, OsEntropy>,
    /// Device files that programs hold, by device and inode of the memory file behind.
    pub(crate) files: HashMap<(u64, u64), DeviceFile>,
}

/// What a descriptor of ours is.
#[derive(Clone, Debug)]
pub(crate) enum DeviceFile {
    /// An open file of the enclave node.
    Enclave {
        /// The enclave.
        id: EnclaveId,
        /// Its home.
        home: Arc<Memfd>,
    },
    /// An open file of the provision node.
    Provision,
    /// An open file of the registers of a logical processor.
    Msr {
        /// The processor.
        cpu: u32,
        /// The file behind it, no other's.
        file: Arc<Memfd>,
    },
}

impl DeviceFile {
    /// The memory file that goes with the last open file of a program's.
    pub(crate) fn behind(&self) -> Option<&Memfd> {
        match self {
            Self::Enclave { home: file, .. } | Self::Msr { file, .. } => Some(file),
            Self::Provision => None,
        }
    }
}

impl Shared {
    /// A machine that has just been booted.
    pub(crate) fn new(machine: Machine<HomeFrames, OsEntropy>, log: Log, cache: Option<PathBuf>) -> Self {
        let sites = SiteCache::new(machine.cpuid().clone(), cache);
        Self {
            core: Mutex::new(Core { machine, files: HashMap::new() }),
            registry: Registry::default(),
            log,
            sites,
            int80: probe::ia32_emulation().is_ok(),
            killable: seccomp::knows(Flags::NEW_LISTENER | Flags::WAIT_KILLABLE_RECV),
            refused_tracers: Mutex::default(),
            region: region(),
            tracers: Mutex::new(0),
            tracer_ended: Condvar::new(),
        }
    }

    /// The machine. Never held while a tracee is waited for.
    pub(crate) fn core(&self) -> MutexGuard<'_, Core> {
        let mut core = self.core_as_it_is();
        core.machine.parts().package.frames_mut().arrive();
        core
    }

    /// The machine for who adds pages or looks at no page: some that were added may not have arrived at home.
    pub(crate) fn core_as_it_is(&self) -> MutexGuard<'_, Core> {
        lock(&self.core)
    }

    /// Another tracer begins.
    pub(crate) fn tracer_begins(&self) {
        *lock(&self.tracers) += 1;
    }

    /// A tracer has no tracee any more.
    pub(crate) fn tracer_ends(&self) {
        *lock(&self.tracers) -= 1;
        self.tracer_ended.notify_all();
    }

    /// Waits until no other tracer is left.
    pub(crate) fn wait_for_tracers(&self) {
        let running = lock(&self.tracers);
        drop(self.tracer_ended.wait_while(running, |tracers| *tracers > 0));
    }

    /// What a program's descriptor is, if it is one of ours.
    pub(crate) fn device_file(&self, process: &Process, fd: u64) -> Option<DeviceFile> {
        let [a, b, c, d, ..] = fd.to_le_bytes();
        self.file_behind(process.fd_identity(i32::from_le_bytes([a, b, c, d]))?)
    }

    /// The same for a thread that waits for the answer, and meanwhile changes nothing.
    pub(crate) fn device_file_of_waiting(&self, process: &Process, fd: i32) -> Option<DeviceFile> {
        let identity = if self.killable { process.waiting_fd_identity(fd) } else { process.fd_identity(fd) }?;
        self.file_behind(identity)
    }

    /// What a file is, if it is one of ours.
    pub(crate) fn device_file_of(&self, metadata: &Metadata) -> Option<DeviceFile> {
        self.file_behind((metadata.dev(), metadata.ino()))
    }

    /// The device file with this device and inode.
    fn file_behind(&self, identity: (u64, u64)) -> Option<DeviceFile> {
        self.core_as_it_is().files.get(&identity).cloned()
    }
}

/// An address below all that Linux maps by itself, within what sanitizers take for a program's own memory.
fn region() -> u64 {
    const START: u64 = 0x7e90_0000_0000;
    const PAGES: u64 = 1 << 24;
    START + RandomState::new().build_hasher().finish() % PAGES * 4096
}

/// Randomness of the operating system.
#[derive(Debug)]
pub(crate) struct OsEntropy(File);

impl OsEntropy {
    /// Opens the source.
    ///
    /// # Errors
    /// There is no /dev/urandom.
    pub(crate) fn new() -> std::io::Result<Self> {
        File::open("/dev/urandom").map(Self)
    }
}

impl Entropy for OsEntropy {
    fn fill(&mut self, bytes: &mut [u8]) {
        if let Err(error) = self.0.read_exact(bytes) {
            fatal(&format!("the host gives no randomness: {error}"));
        }
    }
}
