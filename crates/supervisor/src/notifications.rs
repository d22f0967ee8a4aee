//! The threads that answer the system calls which wait.

use std::sync::Arc;

use anyclave_sys::Errno;
use anyclave_sys::notify::{Listener, Response};

use crate::release::Releaser;
use crate::shared::Shared;
use crate::syscall::{Answer, Notified, notified, ptrace};

/// Answers until nobody is left to ask.
pub(crate) fn serve(shared: &Arc<Shared>, releaser: &Releaser, listener: &Listener) {
    loop {
        let call = match listener.recv() {
            Ok(call) => call,
            Err(Errno::ENOENT) if listener.is_abandoned() => return,
            // Interrupted, or the caller was killed before we looked.
            Err(Errno::EINTR | Errno::ENOENT) => continue,
            Err(error) => {
                shared.log.warn(format_args!("system calls can no longer be answered: {error}"));
                return;
            }
        };
        let id = call.id;
        // A thread stands in the register before it runs.
        let answer = match shared.registry.process(call.pid) {
            _ if call.nr == libc::SYS_ptrace => ptrace(shared, &call),
            Some(process) => notified(&Notified { shared, releaser, listener, call, process }),
            None => Answer::Respond(Response::Continue),
        };
        if let Answer::Respond(response) = answer {
            match listener.respond(id, response) {
                // Killed meanwhile.
                Ok(()) | Err(Errno::ENOENT) => {}
                Err(error) => shared.log.warn(format_args!("an answer was refused: {error}")),
            }
        }
    }
}
