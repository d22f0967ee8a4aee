//! When an enclave file is released: its last descriptor and its last mapping are gone, in whatever process.
//!
//! The host tells: all descriptors and mappings of a program are of one open file of the home, and closing
//! an open file is an inotify event. Opening a descriptor again through /proc makes another enclave, so there
//! is no second open file, but for those that the supervisor adds itself.

use std::collections::HashMap;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::{Arc, Mutex};

use anyclave_sys::inotify::{Inotify, Watch};
use anyclave_sys::memfd::Memfd;
use anyclave_sys::{Errno, Result, fd};

use crate::process::lock;
use crate::shared::{DeviceFile, Shared};

/// Watches homes.
#[derive(Debug)]
pub(crate) struct Releaser {
    inotify: Inotify,
    /// Device and inode of the file behind a watch.
    watched: Mutex<HashMap<Watch, (u64, u64)>>,
    /// What is behind descriptors of the provision node.
    provision: Memfd,
    provision_identity: (u64, u64),
}

impl Releaser {
    /// Watches nothing yet.
    ///
    /// # Errors
    /// The host has no inotify queue or memory file left.
    pub(crate) fn new() -> Result<Self> {
        let provision = Memfd::create(c"sgx_provision", 0)?;
        let provision_identity = provision.dev_ino()?;
        let (inotify, watched) = (Inotify::new()?, Mutex::default());
        Ok(Self { inotify, watched, provision, provision_identity })
    }

    /// The file behind descriptors of the provision node.
    pub(crate) const fn provision_file(&self) -> &Memfd {
        &self.provision
    }

    /// Its device and inode.
    pub(crate) const fn provision_identity(&self) -> (u64, u64) {
        self.provision_identity
    }

    /// Watches a home from before its first open file.
    ///
    /// # Errors
    /// The user's watches are used up.
    pub(crate) fn watch(&self, path: &Path, identity: (u64, u64)) -> Result<()> {
        let mut watched = lock(&self.watched);
        let watch = self.inotify.watch_open_close(path)?;
        watched.insert(watch, identity);
        Ok(())
    }

    /// Releases enclaves for ever.
    pub(crate) fn run(&self, shared: &Arc<Shared>) {
        loop {
            match fd::wait_readable(&[self.inotify.as_fd()], None).and_then(|_ready| self.inotify.read()) {
                Ok(events) => {
                    for event in events.iter().filter(|event| event.closed()) {
                        self.closed(shared, event.watch);
                    }
                }
                Err(Errno::EINTR) => {}
                Err(error) => {
                    shared.log.warn(format_args!("enclaves are no longer released: {error}"));
                    return;
                }
            }
        }
    }

    /// The open file of a home is gone.
    fn closed(&self, shared: &Arc<Shared>, watch: Watch) {
        let Some(identity) = lock(&self.watched).remove(&watch) else { return };
        // The watch goes with the file in any case.
        let _ = self.inotify.remove(watch);
        let mut core = shared.core();
        if let Some(DeviceFile::Enclave { id, .. }) = core.files.remove(&identity) {
            let released = core.machine.release(id);
            if released.lost > 0 {
                shared.log.warn(format_args!("{} EPC pages are lost: a thread was inside", released.lost));
            }
        }
    }
}
