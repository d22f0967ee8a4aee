//! Which process a thread belongs to, for the threads that answer notifications.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use anyclave_sys::Pid;

use super::{Process, lock};

/// All traced threads. A thread stands here before it first runs.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    threads: Mutex<HashMap<Pid, Arc<Process>>>,
}

impl Registry {
    /// A thread belongs to a process from now on.
    pub(crate) fn set(&self, tid: Pid, process: &Arc<Process>) {
        process.threads.up();
        if let Some(former) = lock(&self.threads).insert(tid, Arc::clone(process)) {
            former.threads.down();
        }
    }

    /// A thread is gone.
    pub(crate) fn remove(&self, tid: Pid) {
        if let Some(process) = lock(&self.threads).remove(&tid) {
            process.threads.down();
        }
    }

    /// The process of a thread.
    pub(crate) fn process(&self, tid: Pid) -> Option<Arc<Process>> {
        lock(&self.threads).get(&tid).cloned()
    }
}
