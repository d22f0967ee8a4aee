//! When an enclave file is released: its last descriptor and its last mapping are gone, in whatever process.
//!
//! The host tells: descriptors and mappings of a program are of an open file of the home, and closing an open
//! file is an inotify event. There may be more than one open file, since a program finds ways to open what a
//! descriptor leads to; so at each close it is asked whether another is left.

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

    /// An open file of a home is gone.
    fn closed(&self, shared: &Arc<Shared>, watch: Watch) {
        let Some(identity) = lock(&self.watched).get(&watch).copied() else { return };
        let mut core = shared.core();
        if core
            .files
            .get(&identity)
            .and_then(DeviceFile::behind)
            .is_some_and(|file| file.is_the_only_open_file() == Ok(false))
        {
            return;
        }
        lock(&self.watched).remove(&watch);
        // The watch goes with the file in any case.
        let _ = self.inotify.remove(watch);
        if let Some(DeviceFile::Enclave { id, .. }) = core.files.remove(&identity) {
            let released = core.machine.release(id);
            if released.lost > 0 {
                shared.log.warn(format_args!("{} EPC pages are lost: EREMOVE refused them", released.lost));
            }
        }
    }
}
