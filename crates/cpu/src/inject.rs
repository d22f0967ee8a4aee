//! Rare events on purpose: what software must survive and never meets when it tests.

/// How often something happens: once in so many times on average; never for zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Odds(pub u32);

/// What the processor is to meet that it otherwise would not, and how often. The default is nothing.
///
/// The same seed and the same instructions give the same events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Inject {
    /// Another processor holds the lock that a leaf needs.
    pub conflict: Odds,
    /// An unmasked event ends EINIT.
    pub event: Odds,
    /// RDSEED gives nothing: EUPDATESVN fails.
    pub entropy: Odds,
    /// Where the sequence of events begins.
    pub seed: u64,
}

/// [`Inject`] as it goes on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Injector {
    what: Inject,
    state: u64,
}

impl Injector {
    pub(crate) const fn new(what: Inject) -> Self {
        Self { what, state: what.seed }
    }

    /// Whether the next lock is taken.
    #[inline]
    pub(crate) const fn conflict(&mut self) -> bool {
        self.happens(self.what.conflict)
    }

    /// Whether an event is waiting.
    pub(crate) const fn event(&mut self) -> bool {
        self.happens(self.what.event)
    }

    /// Whether the random number generator gives nothing.
    pub(crate) const fn entropy_fails(&mut self) -> bool {
        self.happens(self.what.entropy)
    }

    /// Draws a number, but only for what may happen or not, so that one kind of event does not move
    /// another.
    #[inline]
    const fn happens(&mut self, Odds(odds): Odds) -> bool {
        if odds < 2 {
            return odds == 1;
        }
        split_mix(&mut self.state).is_multiple_of(odds as u64)
    }
}

/// SplitMix64: numbers without a pattern, the same for the same state.
pub(crate) const fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ *state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conflicts(inject: Inject) -> Vec<bool> {
        let mut injector = Injector::new(inject);
        (0..1000).map(|_| injector.conflict()).collect()
    }

    #[test]
    fn nothing_happens_unless_asked_for() {
        let mut injector = Injector::new(Inject { conflict: Odds(1), ..Inject::default() });
        assert!(injector.conflict() && !injector.event() && !injector.entropy_fails());
        let mut injector = Injector::new(Inject { entropy: Odds(1), ..Inject::default() });
        assert!(injector.entropy_fails() && !injector.conflict());
        assert!(!conflicts(Inject::default()).contains(&true));
    }

    #[test]
    fn a_seed_gives_the_same_events_again() {
        let with = |seed| conflicts(Inject { conflict: Odds(10), seed, ..Inject::default() });
        assert_eq!(with(7), with(7));
        assert_ne!(with(7), with(8));
        let often = with(7).into_iter().filter(|happens| *happens).count();
        assert!((50..200).contains(&often), "{often} of 1000 at one in ten");
    }
}
