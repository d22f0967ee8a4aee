//! inotify(7): being told of opens and closes of a file.

use crate::{Errno, Result};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify as Raw, WatchDescriptor};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

/// A queue of events; readable when there is one, and never blocking.
#[derive(Debug)]
pub struct Inotify(Raw);

/// One watched file.
pub type Watch = WatchDescriptor;

/// What happened to a watched file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// Which file; means nothing for an overflow.
    pub watch: Watch,
    /// `IN_*` bits.
    mask: AddWatchFlags,
}

impl Event {
    /// A descriptor was opened.
    #[must_use]
    pub fn opened(&self) -> bool {
        self.mask.contains(AddWatchFlags::IN_OPEN)
    }

    /// The last copy of a descriptor and the last mapping made through it are gone.
    #[must_use]
    pub fn closed(&self) -> bool {
        self.mask.intersects(AddWatchFlags::IN_CLOSE)
    }

    /// The watch is over: it was removed, or the file is gone.
    #[must_use]
    pub fn ended(&self) -> bool {
        self.mask.contains(AddWatchFlags::IN_IGNORED)
    }

    /// Events were lost; the state of every watched file is to be found out anew.
    #[must_use]
    pub fn overflowed(&self) -> bool {
        self.mask.contains(AddWatchFlags::IN_Q_OVERFLOW)
    }
}

impl Inotify {
    /// An empty queue.
    ///
    /// # Errors
    /// `EMFILE`: the user's limit of queues, or ours of descriptors.
    pub fn new() -> Result<Self> {
        Raw::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC).map(Self)
    }

    /// Watches the opens and closes of the file at `path`, /proc/self/fd/N for one without a name.
    ///
    /// # Errors
    /// `ENOENT`, `EACCES`; `ENOSPC`: the user's limit of watches.
    pub fn watch_open_close(&self, path: &Path) -> Result<Watch> {
        self.0.add_watch(path, AddWatchFlags::IN_OPEN | AddWatchFlags::IN_CLOSE)
    }

    /// Ends a watch.
    ///
    /// # Errors
    /// `EINVAL`: none of ours.
    pub fn remove(&self, watch: Watch) -> Result<()> {
        self.0.rm_watch(watch)
    }

    /// The events that are there, in order; none is no error.
    ///
    /// # Errors
    /// What read(2) says.
    pub fn read(&self) -> Result<Vec<Event>> {
        match self.0.read_events() {
            Ok(events) => {
                Ok(events.into_iter().map(|event| Event { watch: event.wd, mask: event.mask }).collect())
            }
            Err(Errno::EAGAIN) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }
}

impl AsFd for Inotify {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memfd::Memfd;

    #[test]
    fn opens_and_closes_of_a_memory_file_are_told() {
        let _alone = crate::testing::not_forking();
        let memfd = Memfd::create(c"watched", 4096).unwrap();
        let inotify = Inotify::new().unwrap();
        let watch = inotify.watch_open_close(Path::new(&memfd.proc_path())).unwrap();
        assert_eq!(inotify.read(), Ok(Vec::new()));
        let again = memfd.reopen(libc::O_RDWR).unwrap();
        let events = inotify.read().unwrap();
        assert!(events.len() == 1 && events[0].opened() && events[0].watch == watch, "{events:?}");
        let copy = again.try_clone().unwrap();
        drop(again);
        assert_eq!(inotify.read(), Ok(Vec::new()), "a copy is still open");
        drop(copy);
        let events = inotify.read().unwrap();
        assert!(events.len() == 1 && events[0].closed() && !events[0].opened(), "{events:?}");
        inotify.remove(watch).unwrap();
        assert!(inotify.read().unwrap()[0].ended());
    }
}
