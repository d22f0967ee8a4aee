//! A table with an entry for each EPC page.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use anyclave_arch::EpcAddr;

/// Pages in a run: 2 MiB, so that untouched EPC costs nothing.
const RUN_PAGES: usize = 512;
const RUN_BYTES: u64 = 512 * 4096;

/// A value for each EPC page, which begins as the default. Memory is taken in runs of 2 MiB of EPC, from the first page
/// of a run that is written.
///
/// Each leaf looks at several pages, so a look takes a few instructions.
#[derive(Clone, Debug)]
pub struct EpcTable<T> {
    runs: HashMap<u64, Box<[T]>, BuildHasherDefault<Spread>>,
}

impl<T: Default> EpcTable<T> {
    /// The value of the page that holds `at`, if its run has been written to.
    #[inline]
    #[must_use]
    pub fn get(&self, at: EpcAddr) -> Option<&T> {
        let (run, index) = split(at);
        self.runs.get(&run)?.get(index)
    }

    /// The value of the page that holds `at`, to be changed, if its run has been written to.
    #[inline]
    pub fn get_mut(&mut self, at: EpcAddr) -> Option<&mut T> {
        let (run, index) = split(at);
        self.runs.get_mut(&run)?.get_mut(index)
    }

    /// Sets the value of the page that holds `at`; returns the one that was there.
    #[inline]
    pub fn replace(&mut self, at: EpcAddr, value: T) -> T {
        let (run, index) = split(at);
        let fresh = || std::iter::repeat_with(T::default).take(RUN_PAGES).collect();
        let run = self.runs.entry(run).or_insert_with(fresh);
        run.get_mut(index).map_or_else(T::default, |slot| std::mem::replace(slot, value))
    }
}

impl<T> Default for EpcTable<T> {
    fn default() -> Self {
        Self { runs: HashMap::default() }
    }
}

#[inline]
fn split(at: EpcAddr) -> (u64, usize) {
    let index = usize::try_from((at.0 % RUN_BYTES) / 4096).unwrap_or(0);
    (at.0 / RUN_BYTES, index)
}

/// Spreads numbers that we choose ourselves and that follow one another: two instructions, not the hundred that keep
/// strangers from choosing numbers that collide.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spread(u64);

impl Hasher for Spread {
    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64((*byte).into());
        }
    }

    #[inline]
    fn write_u64(&mut self, number: u64) {
        /// 2^64 divided by the golden ratio.
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        // The table takes its index from the low bits and tells neighbours apart by the high ones.
        let product = (self.0 ^ number).wrapping_mul(STEP);
        self.0 = product ^ product >> 32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_apart() {
        let mut table = EpcTable::<u32>::default();
        assert_eq!(table.get(EpcAddr(0x1f_f000)), None);
        assert_eq!(table.replace(EpcAddr(0x1f_f000), 7), 0);
        assert_eq!(table.get(EpcAddr(0x1f_ffff)), Some(&7));
        assert_eq!(table.get(EpcAddr(0x20_0000)), None);
        assert_eq!(table.get(EpcAddr(0x1f_e000)), Some(&0));
        *table.get_mut(EpcAddr(0x1f_f123)).unwrap() += 1;
        assert_eq!(table.replace(EpcAddr(0x1f_f000), 0), 8);
        assert_eq!(table.get_mut(EpcAddr(u64::MAX)), None);
    }

    #[test]
    fn numbers_in_a_row_are_spread() {
        use std::hash::BuildHasher;
        let hash = |number: u64| BuildHasherDefault::<Spread>::default().hash_one(number);
        let low: std::collections::BTreeSet<_> = (0..256).map(|number| hash(number) & 0xff).collect();
        let high: std::collections::BTreeSet<_> = (0..256).map(|number| hash(number) >> 57).collect();
        assert!(low.len() > 128 && high.len() > 64, "{} {}", low.len(), high.len());
    }
}
