//! What is known of a process until it makes a call that can change it, so that who asks for every page of an enclave
//! need not ask the host each time.
//!
//! Such knowledge is only had of a process with one thread, and only got and used while that thread waits for our
//! answer, which nothing but death interrupts: nobody is on the way to change anything.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::{Process, lock};

/// Parts of an address space that are what they are until it is changed by a call of the window filter.
#[derive(Clone, Debug, Default)]
pub(crate) struct Areas {
    /// Memory that the program may write, once it was looked for. Not its heap and no shared memory of System V: those
    /// also change by calls that no filter stops.
    pub(crate) writable: Option<Range<u64>>,
    /// Memory in one mapping whose pages may be sources of enclave pages.
    pub(crate) source: Range<u64>,
}

/// Descriptors that a filter watches ([`crate::filter::descriptor`]).
#[derive(Debug, Default)]
pub(crate) struct Descriptors {
    watched: Mutex<Vec<Watched>>,
    /// They may change without a call that a filter sees: another process has the same table, or there is an io_uring.
    pub(crate) fickle: AtomicBool,
}

/// A descriptor that is watched.
#[derive(Clone, Copy, Debug)]
struct Watched {
    fd: i32,
    state: State,
    /// Device and inode of what it stands for, if that is known.
    identity: Option<(u64, u64)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Its tracer is asked for the filter.
    Wanted,
    /// There will be none.
    Refused,
    /// The filter is on.
    Watched,
}

/// Descriptors of a process that are watched at most: each costs all its system calls a few nanoseconds.
const MOST: usize = 4;

/// Threads of a process.
#[derive(Debug, Default)]
pub(crate) struct ThreadCount(AtomicUsize);

impl ThreadCount {
    /// There is one more.
    pub(super) fn up(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// There is one less.
    pub(super) fn down(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    fn is_one(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 1
    }
}

impl Process {
    /// What is learned of its address space by its thread that waits holds until a call of the window filter comes.
    pub(crate) fn keeps_areas(&self) -> bool {
        self.watched.load(Ordering::Relaxed) && self.threads.is_one() && Arc::strong_count(&self.mm) == 1
    }

    /// A call is about to change the address space.
    pub(crate) fn forget_areas(&self) {
        self.mm().areas = Areas::default();
    }

    /// The same of its descriptors.
    pub(super) fn keeps_descriptors(&self) -> bool {
        self.threads.is_one() && !self.descriptors.fickle.load(Ordering::Relaxed)
    }

    /// Device and inode of what a descriptor stands for, as far as that is known.
    pub(super) fn known_descriptor(&self, fd: i32) -> Option<(u64, u64)> {
        let watched = lock(&self.descriptors.watched);
        let known = watched.iter().find(|watched| watched.fd == fd)?.identity;
        known.filter(|_| self.keeps_descriptors())
    }

    /// Keeps what a descriptor stands for, if a filter watches it.
    pub(super) fn learn_descriptor(&self, fd: i32, identity: (u64, u64)) {
        let mut watched = lock(&self.descriptors.watched);
        if let Some(watched) = watched.iter_mut().find(|watched| watched.fd == fd)
            && watched.state == State::Watched
        {
            watched.identity = Some(identity);
        }
    }

    /// It does what no filter sees: from now on nothing is known of it.
    pub(crate) fn trust_nothing(&self) {
        self.watched.store(false, Ordering::Relaxed);
        self.descriptors.fickle.store(true, Ordering::Relaxed);
        self.forget_areas();
        self.forget_descriptors();
    }

    /// A call is about to change what descriptors stand for.
    pub(crate) fn forget_descriptors(&self) {
        for watched in lock(&self.descriptors.watched).iter_mut() {
            watched.identity = None;
        }
    }

    /// Whether a filter is worth while that watches this descriptor, which is asked for all the time.
    pub(crate) fn wants_watch(&self, fd: i32) -> bool {
        if self.own_filters.any() || !self.keeps_areas() || !self.keeps_descriptors() {
            return false;
        }
        let watched = lock(&self.descriptors.watched);
        watched.len() < MOST && watched.iter().all(|watched| watched.fd != fd)
    }

    /// Its tracer is to watch a descriptor. It is asked once.
    pub(super) fn want_watch(&self, fd: i32) {
        lock(&self.descriptors.watched).push(Watched { fd, state: State::Wanted, identity: None });
    }

    /// The tracer does not hear.
    pub(super) fn refuse_watch(&self, fd: i32) {
        self.settle_watch(fd, State::Refused);
    }

    /// The descriptor that is to be watched. With other threads it is too late.
    pub(crate) fn wanted_watch(&self) -> Option<i32> {
        let watched = lock(&self.descriptors.watched);
        let wanted = watched.iter().find(|watched| watched.state == State::Wanted)?;
        self.threads.is_one().then_some(wanted.fd)
    }

    /// Whether the filter that was wanted is on.
    pub(crate) fn is_watched(&self, fd: i32, installed: bool) {
        self.settle_watch(fd, if installed { State::Watched } else { State::Refused });
    }

    fn settle_watch(&self, fd: i32, state: State) {
        let mut watched = lock(&self.descriptors.watched);
        if let Some(watched) = watched.iter_mut().find(|watched| watched.fd == fd) {
            watched.state = state;
        }
    }
}

impl Descriptors {
    /// As a child has them: the same filters, and nothing known.
    pub(crate) fn inherit(&self, from: &Self) {
        let mut watched = lock(&from.watched).clone();
        watched.retain_mut(|watched| {
            watched.identity = None;
            watched.state == State::Watched
        });
        *lock(&self.watched) = watched;
        self.fickle.store(from.fickle.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyclave_sys::Pid;

    const FD: i32 = 7;
    const IDENTITY: (u64, u64) = (1, 2);

    /// With so many threads, and one watched descriptor that is known.
    fn process(threads: usize) -> Process {
        let process = Process::closed(Pid::from_raw(1), Arc::default());
        process.threads.up();
        process.watched.store(true, Ordering::Relaxed);
        process.want_watch(FD);
        process.is_watched(FD, true);
        process.learn_descriptor(FD, IDENTITY);
        (1..threads).for_each(|_| process.threads.up());
        process
    }

    #[test]
    fn a_descriptor_is_known_until_it_may_change() {
        let process = process(1);
        assert_eq!(process.known_descriptor(FD), Some(IDENTITY));
        assert_eq!(process.known_descriptor(FD + 1), None);
        process.forget_descriptors();
        assert_eq!(process.known_descriptor(FD), None);
        process.learn_descriptor(FD, IDENTITY);
        process.learn_descriptor(FD + 1, IDENTITY);
        assert_eq!(process.known_descriptor(FD), Some(IDENTITY));
        assert_eq!(process.known_descriptor(FD + 1), None);
        process.trust_nothing();
        process.learn_descriptor(FD, IDENTITY);
        assert_eq!(process.known_descriptor(FD), None);
        assert!(!process.keeps_areas() && !process.wants_watch(FD + 1));
    }

    #[test]
    fn of_several_threads_nothing_is_known() {
        let process = process(2);
        assert_eq!(process.known_descriptor(FD), None);
        assert!(!process.keeps_areas() && !process.wants_watch(FD + 1));
        process.want_watch(FD + 2);
        assert_eq!(process.wanted_watch(), None);
        process.threads.down();
        assert_eq!(process.wanted_watch(), Some(FD + 2));
        process.refuse_watch(FD + 2);
        assert_eq!(process.wanted_watch(), None);
        assert_eq!(process.known_descriptor(FD), Some(IDENTITY));
        assert!(process.keeps_areas() && process.wants_watch(FD + 1));
    }

    #[test]
    fn an_address_space_of_two_processes_may_change_at_any_time() {
        let process = process(1);
        let child = Process::closed(Pid::from_raw(2), Arc::clone(&process.mm));
        assert!(!process.keeps_areas());
        drop(child);
        assert!(process.keeps_areas());
        process.mm().areas = Areas { writable: Some(1..2), source: 1..2 };
        let copy = process.mm().copy();
        assert!(copy.areas.writable.is_none() && copy.areas.source.is_empty());
        process.forget_areas();
        assert!(process.mm().areas.writable.is_none() && process.mm().areas.source.is_empty());
    }

    #[test]
    fn few_descriptors_are_watched_and_children_know_nothing_of_them_yet() {
        let process = process(1);
        assert!(!process.wants_watch(FD));
        for fd in 100..100 + i32::try_from(MOST).unwrap() - 1 {
            assert!(process.wants_watch(fd));
            process.want_watch(fd);
            assert_eq!(process.wanted_watch(), Some(fd));
            // Asked for once, whatever came of it.
            process.is_watched(fd, fd % 2 == 0);
            assert_eq!(process.wanted_watch(), None);
            assert!(!process.wants_watch(fd));
            process.learn_descriptor(fd, IDENTITY);
            assert_eq!(process.known_descriptor(fd).is_some(), fd % 2 == 0);
        }
        assert!(!process.wants_watch(200));
        let child = Process::closed(Pid::from_raw(2), Arc::default());
        child.descriptors.inherit(&process.descriptors);
        child.threads.up();
        assert_eq!(child.known_descriptor(FD), None);
        child.learn_descriptor(FD, IDENTITY);
        assert_eq!(child.known_descriptor(FD), Some(IDENTITY));
    }
}
