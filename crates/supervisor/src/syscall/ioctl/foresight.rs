//! What a loader will ask for next.
//!
//! Loaders add an enclave page by page, from one page behind another or always from the same, with an argument and a
//! SECINFO that stay where they are. Once a loader has done so for a while, all that its next call needs is read
//! in one call of the host. A wrong guess costs a read, and decides nothing.

use anyclave_driver::abi::AddPages;

/// Right guesses before they are acted on.
const TRUST: u32 = 4;
/// Right guesses of a loader that will have been worth a filter for it: a mebibyte.
const LONG: u32 = 256;

/// Where the next ADD_PAGES of a process finds what it needs, if it goes on like this.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Foresight {
    argument: u64,
    secinfo: u64,
    source: u64,
    /// From one source page to the next.
    step: u64,
    /// Right guesses in a row.
    right: u32,
}

/// Addresses that are worth reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Guess {
    pub(super) secinfo: u64,
    pub(super) source: u64,
}

impl Foresight {
    /// What a call with its argument at `argument` is likely to need.
    pub(super) fn guess(&self, argument: u64) -> Option<Guess> {
        let trusted = self.right >= TRUST && self.argument == argument;
        trusted.then_some(Guess { secinfo: self.secinfo, source: self.source })
    }

    /// Whether it goes on like this for long.
    pub(super) const fn is_long(&self) -> bool {
        self.right >= LONG
    }

    /// A call came, with this argument.
    pub(super) fn learn(&mut self, argument: u64, request: &AddPages) {
        let (source, secinfo) = (request.src.get(), request.secinfo.get());
        let right = self.argument == argument && self.secinfo == secinfo && self.source == source;
        // The last source was one step behind the one foreseen.
        let step = source.wrapping_sub(self.source.wrapping_sub(self.step));
        let right = if right { self.right.saturating_add(1) } else { 0 };
        *self = Self { argument, secinfo, source: source.wrapping_add(step), step, right };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARGUMENT: u64 = 0x7000;
    const SECINFO: u64 = 0x8000;

    fn request(source: u64) -> AddPages {
        let mut request = AddPages::default();
        request.src.set(source);
        request.secinfo.set(SECINFO);
        request
    }

    /// What is foreseen behind calls with these sources.
    fn behind(sources: impl Iterator<Item = u64>) -> Option<u64> {
        let mut foresight = Foresight::default();
        for source in sources {
            foresight.learn(ARGUMENT, &request(source));
        }
        foresight.guess(ARGUMENT).map(|guess| guess.source)
    }

    #[test]
    fn pages_in_a_row_and_the_same_page_are_foreseen() {
        assert_eq!(behind((0..8).map(|page| 0x10_0000 + page * 4096)), Some(0x10_8000));
        assert_eq!(behind((0..8).map(|_| 0x10_0000)), Some(0x10_0000));
    }

    #[test]
    fn a_loader_of_a_mebibyte_goes_on_for_long() {
        let mut foresight = Foresight::default();
        for page in 0..u64::from(LONG) {
            foresight.learn(ARGUMENT, &request(page * 4096));
        }
        assert!(!foresight.is_long());
        for page in u64::from(LONG)..u64::from(LONG) + 3 {
            foresight.learn(ARGUMENT, &request(page * 4096));
        }
        assert!(foresight.is_long());
        foresight.learn(ARGUMENT, &request(0x5000));
        assert!(!foresight.is_long());
    }

    #[test]
    fn nothing_is_foreseen_too_early_or_behind_a_change() {
        assert_eq!(behind((0..4).map(|page| page * 4096)), None);
        assert_eq!(behind([1, 2, 3, 4, 5, 6, 7, 100].into_iter().map(|page| page * 4096)), None);
        let mut foresight = Foresight::default();
        for page in 0..10 {
            foresight.learn(ARGUMENT, &request(page * 4096));
        }
        assert_eq!(foresight.guess(ARGUMENT), Some(Guess { secinfo: SECINFO, source: 10 * 4096 }));
        assert_eq!(foresight.guess(ARGUMENT + 8), None);
        foresight.learn(ARGUMENT + 8, &request(10 * 4096));
        assert_eq!(foresight.guess(ARGUMENT + 8), None);
    }
}
