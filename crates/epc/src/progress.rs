//! How an operation answers that may have to wait.

use core::time::Duration;

/// What an operation came to.
///
/// Nothing here blocks. Where Linux would sleep, the operation keeps its state and says what for; whoever
/// drives it does the waiting and resumes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Progress<T> {
    /// It is finished.
    Done(T),
    /// It goes on after this.
    Wait(Wait),
}

/// What an operation waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// This much time, or a signal for the calling thread, whichever comes first.
    Sleep(Duration),
    /// Nothing: others may have their turn on the machine first, as where a kernel would reschedule.
    Turn,
    /// An access to the memory of the caller, which may take any time.
    Memory,
}

impl<T> Progress<T> {
    /// The same progress with another result.
    pub fn map<U>(self, with: impl FnOnce(T) -> U) -> Progress<U> {
        match self {
            Self::Done(value) => Progress::Done(with(value)),
            Self::Wait(wait) => Progress::Wait(wait),
        }
    }

    /// The result, if it is there.
    #[must_use]
    pub fn done(self) -> Option<T> {
        match self {
            Self::Done(value) => Some(value),
            Self::Wait(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mapping_keeps_the_wait() {
        let wait = Wait::Sleep(Duration::from_millis(20));
        assert_eq!(Progress::Done(2).map(|value| value * 3), Progress::Done(6));
        assert_eq!(Progress::<i32>::Wait(wait).map(|value| value * 3), Progress::Wait(wait));
        assert_eq!(Progress::<i32>::Wait(wait).done(), None);
        assert_eq!(Progress::Done(1).done(), Some(1));
    }
}
