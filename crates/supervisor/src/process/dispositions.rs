//! Dispositions of the fault signals, as the program believes them to be.
//!
//! A trap of ours arrives as a signal that the kernel forces on the thread: if the program blocks or ignores
//! that signal, the kernel first resets its handler and unblocks it. So that the traces can be told apart and
//! undone, a process with windows has a handler on each of these signals: its own, or a sentinel where it has
//! none. A forced signal that finds the handler gone was blocked.

use crate::filter::FAULT_SIGNALS;

/// Of sigaction(2).
const SA_RESETHAND: u64 = 0x8000_0000;
/// SIG_DFL.
const DEFAULT: u64 = 0;
/// SIG_IGN.
const IGNORE: u64 = 1;

/// `struct sigaction` as rt_sigaction(2) takes it on x86-64.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SigAction {
    /// Handler, SIG_DFL or SIG_IGN.
    pub(crate) handler: u64,
    /// SA_* flags.
    pub(crate) flags: u64,
    /// What the kernel returns to from the handler.
    pub(crate) restorer: u64,
    /// Signals blocked while the handler runs.
    pub(crate) mask: u64,
}

impl SigAction {
    /// Bytes of the structure.
    pub(crate) const SIZE: usize = 32;

    /// From a program's memory.
    pub(crate) fn from_bytes(bytes: &[u8; Self::SIZE]) -> Self {
        let (words, _) = bytes.as_chunks::<8>();
        let mut values = words.iter().map(|word| u64::from_le_bytes(*word));
        let mut next = || values.next().unwrap_or_default();
        Self { handler: next(), flags: next(), restorer: next(), mask: next() }
    }

    /// For a program's memory.
    pub(crate) fn to_bytes(self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        let words = [self.handler, self.flags, self.restorer, self.mask];
        for (chunk, word) in bytes.chunks_exact_mut(8).zip(words) {
            chunk.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    /// No handler: the default action, or none.
    pub(crate) fn without_handler(ignored: bool) -> Self {
        Self { handler: if ignored { IGNORE } else { DEFAULT }, ..Self::default() }
    }

    /// Whether the handler runs once only.
    pub(crate) const fn resets(&self) -> bool {
        self.flags & SA_RESETHAND != 0
    }

    /// The same action, more often than once.
    pub(crate) const fn lasting(self) -> Self {
        Self { flags: self.flags & !SA_RESETHAND, ..self }
    }

    /// Whether the signal is blocked while its handler runs.
    pub(crate) const fn defers(&self) -> bool {
        const SA_NODEFER: u64 = 0x4000_0000;
        self.flags & SA_NODEFER == 0
    }

    /// Whether the signal is ignored.
    pub(crate) const fn is_ignored(&self) -> bool {
        self.handler == IGNORE
    }

    /// Whether a handler of the program would run.
    pub(crate) const fn is_handler(&self) -> bool {
        self.handler != DEFAULT && self.handler != IGNORE
    }
}

/// The book of a process, kept while it is guarded.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Dispositions {
    actions: [SigAction; FAULT_SIGNALS.len()],
    /// Handlers stand on all fault signals.
    pub(crate) guarded: bool,
}

impl Dispositions {
    /// The action the program has set.
    pub(crate) fn get(&self, signal: i32) -> Option<SigAction> {
        FAULT_SIGNALS.iter().zip(self.actions).find(|(known, _)| **known == signal).map(|(_, action)| action)
    }

    /// The program sets an action. SA_RESETHAND and the like are the kernel's business.
    pub(crate) fn set(&mut self, signal: i32, action: SigAction) {
        for (known, slot) in FAULT_SIGNALS.iter().zip(&mut self.actions) {
            if *known == signal {
                *slot = action;
            }
        }
    }
}

/// Signals whose default action is nothing.
pub(crate) const DEFAULT_IGNORED: u64 =
    set_of(libc::SIGCHLD) | set_of(libc::SIGCONT) | set_of(libc::SIGURG) | set_of(libc::SIGWINCH);

/// Whether a signal set has a signal.
pub(crate) const fn in_set(set: u64, signal: i32) -> bool {
    set >> (signal - 1) & 1 == 1
}

/// The set of one signal.
pub(crate) const fn set_of(signal: i32) -> u64 {
    1 << (signal - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_say_how_often_and_what_is_blocked() {
        let once = SigAction { handler: 0x1000, flags: 0x8400_0004, ..SigAction::default() };
        assert!(once.resets() && once.defers());
        assert_eq!(once.lasting(), SigAction { flags: 0x0400_0004, ..once });
        assert!(!SigAction { flags: 0x4000_0000, ..once }.defers());
        assert!(SigAction::without_handler(true).is_ignored());
        assert_eq!(SigAction::without_handler(false), SigAction::default());
    }

    #[test]
    fn actions_round_trip_through_memory() {
        let action = SigAction { handler: 0x1234, flags: 0x0400_0004, restorer: 0x5678, mask: 1 << 63 };
        assert_eq!(SigAction::from_bytes(&action.to_bytes()), action);
    }

    #[test]
    fn the_book_has_the_fault_signals_alone() {
        let mut dispositions = Dispositions::default();
        let handler = SigAction { handler: 0x1000, ..SigAction::default() };
        dispositions.set(libc::SIGSEGV, handler);
        dispositions.set(libc::SIGUSR1, handler);
        assert_eq!(dispositions.get(libc::SIGSEGV), Some(handler));
        assert_eq!(dispositions.get(libc::SIGBUS), Some(SigAction::default()));
        assert_eq!(dispositions.get(libc::SIGUSR1), None);
    }
}
