//! Memory without a host: the bytes of EPC pages, and the memory of a calling thread.

use std::collections::HashMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use anyclave_arch::EpcAddr;
use anyclave_cpu::{Frames, PAGE_BYTES, Place};

pub use crate::user::{PageRights, UserBuffer};

/// EPC pages in a map. It asserts what the processor promises of its calls.
#[derive(Clone, Default)]
pub struct PlainFrames {
    pages: HashMap<EpcAddr, Box<[u8; PAGE_BYTES]>>,
    places: HashMap<EpcAddr, Place>,
    homes: HashMap<u64, EpcAddr>,
    fresh: u8,
}

/// A few numbers that change with any byte and any place, but not by looking at a page.
impl fmt::Debug for PlainFrames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hash = |value: &dyn Fn(&mut DefaultHasher)| {
            let mut hasher = DefaultHasher::new();
            value(&mut hasher);
            hasher.finish()
        };
        let fresh = [self.fresh; PAGE_BYTES];
        let written = self.pages.iter().filter(|(_, bytes)| ***bytes != fresh);
        let pages = written.map(|page| hash(&|hasher| page.hash(hasher))).fold(0, u64::wrapping_add);
        let placed = self.places.iter().filter(|(_, place)| **place != Place::Store);
        let places = placed.map(|place| hash(&|hasher| place.hash(hasher))).fold(0, u64::wrapping_add);
        let mut homes: Vec<_> = self.homes.iter().collect();
        homes.sort_unstable();
        write!(f, "PlainFrames {{ pages: {pages:#x}, places: {places:#x}, homes: {homes:?} }}")
    }
}

impl PlainFrames {
    /// Pages that were never written hold this byte, so that forgetting to zero them shows.
    #[must_use]
    pub fn filled(fresh: u8) -> Self {
        Self { fresh, ..Self::default() }
    }

    /// Where the bytes of a page lie.
    #[must_use]
    pub fn place(&self, page: EpcAddr) -> Place {
        self.places.get(&page).copied().unwrap_or(Place::Store)
    }

    /// The homes that exist: EID and SECS.
    #[must_use]
    pub const fn homes(&self) -> &HashMap<u64, EpcAddr> {
        &self.homes
    }

    fn page(&mut self, page: EpcAddr) -> &mut [u8; PAGE_BYTES] {
        assert_eq!(page, page.page(), "the address of a page");
        self.pages.entry(page).or_insert_with(|| Box::new([self.fresh; PAGE_BYTES]))
    }
}

impl Frames for PlainFrames {
    fn read(&mut self, page: EpcAddr, offset: usize, into: &mut [u8]) {
        into.copy_from_slice(&self.page(page)[offset..offset + into.len()]);
    }

    fn write(&mut self, page: EpcAddr, offset: usize, from: &[u8]) {
        self.page(page)[offset..offset + from.len()].copy_from_slice(from);
    }

    fn zero(&mut self, page: EpcAddr) {
        *self.page(page) = [0; PAGE_BYTES];
    }

    fn relocate(&mut self, page: EpcAddr, to: Place) {
        if let Place::Home { eid, .. } = to {
            assert!(self.homes.contains_key(&eid), "a page goes to a home that exists");
            if self.places.iter().any(|(other, place)| *other != page && *place == to) {
                return;
            }
        }
        self.places.insert(page, to);
    }

    fn enclave_created(&mut self, eid: u64, secs: EpcAddr) {
        assert!(self.homes.insert(eid, secs).is_none(), "an EID is used once");
    }

    fn enclave_removed(&mut self, eid: u64) {
        assert!(self.homes.remove(&eid).is_some(), "an enclave is removed once");
    }
}
