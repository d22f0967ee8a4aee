//! Random numbers that are good enough to choose a moment.

use std::time::{SystemTime, UNIX_EPOCH};

use anyclave_testkit::entropy::Seeded;

/// A new seed. It is printed, so that what it chose can be chosen again; moments depend on the host, too.
pub(super) fn seed() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(1, |since| u64::from(since.subsec_nanos()) ^ since.as_secs())
}

/// A sequence of numbers.
#[derive(Clone, Debug)]
pub(super) struct Chance(Seeded);

impl Chance {
    /// The sequence number `lane` of a seed.
    pub(super) fn new(seed: u64, lane: u32) -> Self {
        let mut chance = Self(Seeded(seed ^ u64::from(lane) << 32));
        chance.next();
        chance
    }

    /// Any number.
    pub(super) fn next(&mut self) -> u64 {
        self.0.next()
    }

    /// A number below `end`, which is not 0.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// One of these, of which there is at least one.
    pub(super) fn one_of<'a, T>(&mut self, these: &'a [T]) -> Option<&'a T> {
        let length = u64::try_from(these.len()).ok().filter(|length| *length > 0)?;
        these.get(usize::try_from(self.below(length)).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_differ_and_repeat() {
        let first = |lane| Chance::new(7, lane).next();
        assert_eq!(first(0), first(0));
        assert_ne!(first(0), first(1));
        assert!(Chance::new(7, 0).one_of::<u8>(&[]).is_none());
        assert_eq!(Chance::new(7, 0).one_of(&[5]), Some(&5));
    }
}
