//! The threads that answer the system calls which wait.
//!
//! An answer may take long: a page of the program that is read may come from a file system or a userfaultfd handler of
//! the program's own, and an ADD_PAGES may have many pages. So there is always a thread that listens: who takes a
//! call and leaves nobody behind sees to another first.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyclave_sys::notify::{Listener, Notification, Response};
use anyclave_sys::{Errno, Result};

use crate::release::Releaser;
use crate::shared::Shared;
use crate::syscall::{Answer, Notified, notified, ptrace};

/// Threads to begin with, and the least that stay when a rush is over.
const LEAST: usize = 3;

/// All of them.
pub(crate) struct Crew {
    shared: Arc<Shared>,
    releaser: Arc<Releaser>,
    listener: Listener,
    /// Those that listen, or are about to.
    listening: AtomicUsize,
    /// So many may listen; who comes back to more than that goes.
    most: usize,
}

impl Crew {
    /// Starts answering, until nobody is left to ask.
    ///
    /// # Errors
    /// There can be no threads.
    pub(crate) fn start(shared: Arc<Shared>, releaser: Arc<Releaser>, listener: Listener) -> Result<()> {
        // A machine with many processors has many calls at once.
        let most = thread::available_parallelism().map_or(LEAST, |count| count.get().max(LEAST));
        let crew = Arc::new(Self { shared, releaser, listener, listening: AtomicUsize::new(0), most });
        (0..LEAST).try_for_each(|_| crew.grow())
    }

    /// One more.
    fn grow(self: &Arc<Self>) -> Result<()> {
        self.listening.fetch_add(1, Ordering::Relaxed);
        let crew = Arc::clone(self);
        thread::Builder::new().name("calls".into()).spawn(move || crew.serve()).map(drop).map_err(|error| {
            self.listening.fetch_sub(1, Ordering::Relaxed);
            error.raw_os_error().map_or(Errno::EAGAIN, Errno::from_raw)
        })
    }

    /// Answers until nobody is left to ask, or enough others listen. This thread counts as listening.
    fn serve(self: &Arc<Self>) {
        while let Some(call) = self.next() {
            if self.listening.fetch_sub(1, Ordering::Relaxed) == 1 {
                // Without another thread the others wait until this one is done.
                let _ = self.grow();
            }
            let id = call.id;
            let answer = self.decide(call);
            // The caller may run before this thread does: it is to find that somebody listens.
            let others = self.listening.fetch_add(1, Ordering::Relaxed);
            if let Answer::Respond(response) = answer {
                self.respond(id, response);
            }
            if others >= self.most {
                break;
            }
        }
        self.listening.fetch_sub(1, Ordering::Relaxed);
    }

    /// The next call; None when there will be none.
    fn next(&self) -> Option<Notification> {
        loop {
            match self.listener.recv() {
                Ok(call) => return Some(call),
                Err(Errno::ENOENT) if self.listener.is_abandoned() => return None,
                // Interrupted, or the caller was killed before we looked.
                Err(Errno::EINTR | Errno::ENOENT) => {}
                Err(error) => {
                    self.shared.log.warn(format_args!("system calls can no longer be answered: {error}"));
                    return None;
                }
            }
        }
    }

    fn decide(&self, call: Notification) -> Answer {
        let Self { shared, releaser, listener, .. } = self;
        // A thread stands in the register before it runs.
        match shared.registry.process(call.pid) {
            _ if call.nr == libc::SYS_ptrace => ptrace(shared, &call),
            Some(process) => notified(&Notified { shared, releaser, listener, call, process }),
            None => Answer::Respond(Response::Continue),
        }
    }

    fn respond(&self, id: u64, response: Response) {
        match self.listener.respond(id, response) {
            // Killed meanwhile.
            Ok(()) | Err(Errno::ENOENT) => {}
            Err(error) => self.shared.log.warn(format_args!("an answer was refused: {error}")),
        }
    }
}
