//! The threads that answer the system calls which wait.
//!
//! An answer may take long: a page of the program that is read may come from a file system or a userfaultfd handler of
//! the program's own, and an ADD_PAGES may have many pages. So there is always a thread that can take over ([`turn`]).

mod turn;

use std::sync::Arc;
use std::thread;

use anyclave_sys::notify::{Listener, Notification, Response};
use anyclave_sys::{Errno, Result, signal};

use crate::fatal::fatal;
use crate::release::Releaser;
use crate::shared::Shared;
use crate::syscall::{Answer, Notified, notified, ptrace};
use turn::{Behind, Turn};

/// Threads that wait for the turn and are enough.
const SPARE: usize = 2;
/// One thread answers what so many processors ask; with more of them more threads listen.
const PROCESSORS: usize = 16;

/// Threads of which one listens at a time.
pub(crate) struct Crew {
    shared: Arc<Shared>,
    releaser: Arc<Releaser>,
    listener: Arc<Listener>,
    turn: Turn,
}

impl Crew {
    /// Starts answering, until nobody is left to ask.
    ///
    /// # Errors
    /// There can be no threads.
    pub(crate) fn start(shared: &Arc<Shared>, releaser: &Arc<Releaser>, listener: Listener) -> Result<()> {
        let listener = Arc::new(listener);
        let crews = thread::available_parallelism().map_or(1, |count| count.get().div_ceil(PROCESSORS));
        (0..crews).try_for_each(|_| {
            let (shared, releaser) = (Arc::clone(shared), Arc::clone(releaser));
            let crew = Self { shared, releaser, listener: Arc::clone(&listener), turn: Turn::default() };
            Arc::new(crew).grow()
        })
    }

    /// One more.
    fn grow(self: &Arc<Self>) -> Result<()> {
        let crew = Arc::clone(self);
        thread::Builder::new().name("calls".into()).spawn(move || crew.serve()).map(drop).map_err(|error| {
            self.turn.nobody_comes();
            error.raw_os_error().map_or(Errno::EAGAIN, Errno::from_raw)
        })
    }

    /// Answers until nobody is left to ask, or enough others wait for the turn.
    fn serve(self: &Arc<Self>) {
        // An answer that hands over a descriptor is lost if a signal comes between.
        if let Err(error) = signal::block_all() {
            fatal(&format!("signals cannot be blocked: {error}"));
        }
        while let Some(number) = self.turn.take() {
            loop {
                let Some(call) = self.next() else { return self.turn.close() };
                if self.turn.begin() == Behind::Nobody {
                    // Without another thread the others wait until this one is done.
                    let _ = self.grow();
                }
                let id = call.id;
                if let Answer::Respond(response) = self.decide(call) {
                    self.respond(id, response);
                }
                if !self.turn.end(number) {
                    break;
                }
            }
            if self.turn.waiting() >= SPARE {
                return;
            }
        }
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
