//! Who listens for calls.
//!
//! The kernel wakes everybody who waits for a call, whoever gets it then. So one thread has the turn and waits for
//! calls, and answers them one after another; the others wait for the turn. An answer that takes long costs
//! its thread the turn: as long as calls come, one of those who wait watches.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::process::lock;

/// How long the watcher sleeps. Who is at the same call when it falls asleep and when it wakes has lost the turn.
const TICK: Duration = Duration::from_millis(4);

/// The right to listen.
#[derive(Debug, Default)]
pub(super) struct Turn {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Counts the turns; the last one is on unless it was given back.
    number: u64,
    taken: bool,
    /// Calls that were taken in all turns.
    calls: u64,
    /// Who has the turn is at a call.
    busy: bool,
    /// Threads that wait for the turn.
    waiting: usize,
    /// A thread has been sent for that will.
    coming: bool,
    /// One of them looks at the clock.
    watched: bool,
    /// There will be no more calls.
    closed: bool,
}

/// What a thread has to see to when it has taken a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behind {
    /// Somebody waits for the turn, or is on the way.
    Somebody,
    /// Nobody does, and should the call take long, the others wait until it is done: a thread is to be sent for.
    Nobody,
}

impl Turn {
    /// Waits for the turn; its number, or None when there will be no more calls.
    pub(super) fn take(&self) -> Option<u64> {
        let mut state = lock(&self.state);
        state.waiting += 1;
        state.coming = false;
        let mut watching = false;
        let mut seen = state.calls;
        while !state.closed && state.taken {
            if !watching && state.watched || !state.busy && state.calls == seen {
                // Somebody else watches, or there is nothing to see.
                state.watched &= !watching;
                watching = false;
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            (watching, state.watched) = (true, true);
            seen = state.calls;
            let slept = self.changed.wait_timeout(state, TICK);
            let (woken, timeout) = slept.unwrap_or_else(PoisonError::into_inner);
            state = woken;
            if timeout.timed_out() && state.busy && state.calls == seen {
                break;
            }
        }
        state.watched &= !watching;
        state.waiting -= 1;
        if state.closed {
            return None;
        }
        (state.taken, state.busy) = (true, false);
        state.number += 1;
        Some(state.number)
    }

    /// The thread with the turn has taken a call.
    pub(super) fn begin(&self) -> Behind {
        let mut state = lock(&self.state);
        state.busy = true;
        state.calls = state.calls.wrapping_add(1);
        if state.waiting == 0 {
            let coming = std::mem::replace(&mut state.coming, true);
            return if coming { Behind::Somebody } else { Behind::Nobody };
        }
        if !state.watched {
            self.changed.notify_one();
        }
        Behind::Somebody
    }

    /// The call is answered. False where the turn was lost over it.
    pub(super) fn end(&self, number: u64) -> bool {
        let mut state = lock(&self.state);
        let mine = state.number == number;
        state.busy &= !mine;
        mine
    }

    /// The thread that was sent for does not come.
    pub(super) fn nobody_comes(&self) {
        lock(&self.state).coming = false;
    }

    /// Threads that wait for the turn.
    pub(super) fn waiting(&self) -> usize {
        lock(&self.state).waiting
    }

    /// There will be no more calls.
    pub(super) fn close(&self) {
        lock(&self.state).closed = true;
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::mpsc::{Receiver, channel};
    use std::thread;

    /// A thread that waits for the turn; what it got.
    fn waiter(turn: &Arc<Turn>) -> Receiver<Option<u64>> {
        let (sender, receiver) = channel();
        let (turn, before) = (Arc::clone(turn), turn.waiting());
        let theirs = Arc::clone(&turn);
        thread::spawn(move || sender.send(theirs.take()));
        while turn.waiting() == before {
            thread::yield_now();
        }
        receiver
    }

    fn taken() -> (Arc<Turn>, u64) {
        let turn = Arc::new(Turn::default());
        let number = turn.take().unwrap();
        (turn, number)
    }

    #[test]
    fn short_calls_keep_the_turn() {
        let (turn, number) = taken();
        let other = waiter(&turn);
        for _ in 0..1000 {
            assert_eq!(turn.begin(), Behind::Somebody);
            assert!(turn.end(number));
        }
        assert!(other.try_recv().is_err());
        assert_eq!(turn.waiting(), 1);
        turn.close();
        assert_eq!(other.recv(), Ok(None));
        assert_eq!(turn.take(), None);
    }

    #[test]
    fn a_long_call_loses_it() {
        let (turn, number) = taken();
        let (first, second) = (waiter(&turn), waiter(&turn));
        assert_eq!(turn.begin(), Behind::Somebody);
        let (next, left) = loop {
            if let Ok(next) = first.recv_timeout(TICK) {
                break (next, second);
            }
            if let Ok(next) = second.recv_timeout(TICK) {
                break (next, first);
            }
        };
        assert!(next.is_some_and(|next| next > number));
        assert!(!turn.end(number));
        // The new one is not at a call, whatever the old one does.
        assert!(left.recv_timeout(20 * TICK).is_err());
        turn.close();
        assert_eq!(left.recv(), Ok(None));
    }

    #[test]
    fn one_thread_at_a_time_is_sent_for() {
        let (turn, number) = taken();
        assert_eq!(turn.begin(), Behind::Nobody);
        assert!(turn.end(number));
        assert_eq!(turn.begin(), Behind::Somebody);
        turn.nobody_comes();
        assert_eq!(turn.begin(), Behind::Nobody);
        let other = waiter(&turn);
        assert_eq!(turn.begin(), Behind::Somebody);
        turn.close();
        assert!(other.recv().is_ok());
    }
}
