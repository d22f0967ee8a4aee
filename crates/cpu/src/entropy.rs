//! Where the processor's randomness comes from.

/// A source of random bytes: the operating system's for a run, a seeded one for tests.
pub trait Entropy {
    /// Fills `bytes`.
    fn fill(&mut self, bytes: &mut [u8]);
}
