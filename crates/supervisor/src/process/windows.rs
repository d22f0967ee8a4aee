//! Windows: the parts of an address space through which enclaves are seen.
//!
//! A window is what Linux calls a VMA of the enclave device: a range, the rights the program asked for, and
//! the enclave behind it. The host's own protection of a page in it may be less (a page that enclave code
//! must not touch is kept inaccessible), so the table and not the host says what the program asked for.

use std::collections::BTreeMap;

use anyclave_driver::{EnclaveId, Rights};

/// One window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// First address.
    pub(crate) start: u64,
    /// First address behind it.
    pub(crate) end: u64,
    /// What the program asked for.
    pub(crate) rights: Rights,
    /// The enclave behind it.
    pub(crate) enclave: EnclaveId,
    /// The descriptor it was mapped through was open for writing.
    pub(crate) writable: bool,
    /// The host maps it at the place of the home that belongs to its addresses. A window from before CREATE,
    /// outside ELRANGE, or moved by mremap is not, and stays inaccessible.
    pub(crate) placed: bool,
}

impl Window {
    /// Whether an address lies in it.
    pub(crate) const fn contains(&self, address: u64) -> bool {
        address >= self.start && address < self.end
    }

    /// The part of it in a range; empty if they are apart.
    const fn clipped(self, start: u64, end: u64) -> Self {
        let start = if self.start > start { self.start } else { start };
        let end = if self.end < end { self.end } else { end };
        Self { start, end: if end < start { start } else { end }, ..self }
    }

    const fn is_empty(&self) -> bool {
        self.start >= self.end
    }
}

/// All windows of an address space, by their first address, never overlapping.
#[derive(Clone, Debug, Default)]
pub(crate) struct Windows {
    by_start: BTreeMap<u64, Window>,
}

impl Windows {
    /// The window at an address.
    pub(crate) fn find(&self, address: u64) -> Option<Window> {
        let (_, window) = self.by_start.range(..=address).next_back()?;
        window.contains(address).then_some(*window)
    }

    /// The windows, cut to a range, ascending.
    pub(crate) fn within(&self, start: u64, end: u64) -> Vec<Window> {
        let first = self.find(start).map_or(start, |window| window.start);
        self.by_start
            .range(first..end.max(first))
            .map(|(_, window)| window.clipped(start, end))
            .filter(|window| !window.is_empty())
            .collect()
    }

    /// Whether any window lies in a range.
    pub(crate) fn touches(&self, start: u64, end: u64) -> bool {
        !self.within(start, end).is_empty()
    }

    /// Adds a window; what was there before is gone, as with MAP_FIXED.
    pub(crate) fn insert(&mut self, window: Window) {
        self.remove(window.start, window.end);
        if !window.is_empty() {
            self.by_start.insert(window.start, window);
        }
    }

    /// Takes a range out, cutting windows that reach over its ends.
    pub(crate) fn remove(&mut self, start: u64, end: u64) {
        let first = self.find(start).map_or(start, |window| window.start);
        let hit: Vec<Window> =
            self.by_start.range(first..end.max(first)).map(|(_, window)| *window).collect();
        for window in hit {
            self.by_start.remove(&window.start);
            for rest in [window.clipped(window.start, start), window.clipped(end, window.end)] {
                if !rest.is_empty() {
                    self.by_start.insert(rest.start, rest);
                }
            }
        }
    }

    /// Gives a range other rights, cutting windows at its ends.
    pub(crate) fn protect(&mut self, start: u64, end: u64, rights: Rights) {
        for window in self.within(start, end) {
            self.insert(Window { rights, ..window });
        }
    }

    /// The windows of a range are now mapped at their places in the home.
    pub(crate) fn mark_placed(&mut self, start: u64, end: u64) {
        for window in self.within(start, end) {
            self.insert(Window { placed: true, ..window });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn window(start: u64, end: u64, prot: u64) -> Window {
        Window {
            start,
            end,
            rights: Rights::from_prot(prot),
            enclave: EnclaveId(1),
            writable: true,
            placed: true,
        }
    }

    #[test]
    fn protecting_the_middle_cuts_a_window_in_three() {
        let mut windows = Windows::default();
        windows.insert(window(10, 20, 3));
        windows.protect(13, 15, Rights::from_prot(1));
        let found: Vec<_> = windows.within(0, 100).iter().map(|w| (w.start, w.end, w.rights)).collect();
        assert_eq!(
            found,
            [(10, 13, Rights::from_prot(3)), (13, 15, Rights::from_prot(1)), (15, 20, Rights::from_prot(3))]
        );
    }

    proptest! {
        /// Against an oracle with one cell an address.
        #[test]
        fn the_table_agrees_with_a_flat_one(steps in proptest::collection::vec((0_u8..3, 0_u64..40, 1_u64..12, 0_u64..8), 1..40)) {
            let mut windows = Windows::default();
            let mut flat = [None; 64];
            for (what, start, length, prot) in steps {
                let end = start + length;
                let cells = usize::try_from(start).unwrap()..usize::try_from(end).unwrap();
                match what {
                    0 => { windows.insert(window(start, end, prot)); flat[cells].fill(Some(prot)); }
                    1 => { windows.remove(start, end); flat[cells].fill(None); }
                    _ => {
                        windows.protect(start, end, Rights::from_prot(prot));
                        for cell in &mut flat[cells] { *cell = cell.map(|_| prot); }
                    }
                }
                for (address, cell) in (0_u64..).zip(flat) {
                    prop_assert_eq!(windows.find(address).map(|w| w.rights), cell.map(Rights::from_prot));
                }
            }
        }
    }
}
