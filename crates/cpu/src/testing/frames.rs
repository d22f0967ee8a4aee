//! Frames that check the contract which the processor must keep.

use std::collections::{HashMap, HashSet};

use anyclave_arch::EpcAddr;

use super::SECTION;
use crate::frames::{Frames, Place};

/// Pages in a map. A page that was never written holds a pattern, so that forgetting to zero shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TestFrames {
    bytes: HashMap<EpcAddr, Box<[u8; 4096]>>,
    homes: HashMap<EpcAddr, Place>,
    living: HashMap<u64, EpcAddr>,
    dead: HashSet<u64>,
}

impl TestFrames {
    /// The bytes of a page.
    pub(crate) fn page(&mut self, page: EpcAddr) -> &mut [u8; 4096] {
        assert!(SECTION.contains(page.0) && page.page() == page, "{page} is no EPC page");
        self.bytes.entry(page).or_insert_with(|| Box::new([0xa5; 4096]))
    }

    /// Where a page lies.
    pub(crate) fn place(&self, page: EpcAddr) -> Place {
        self.homes.get(&page).copied().unwrap_or(Place::Store)
    }

    /// Enclaves that were created and not removed, with their SECS.
    pub(crate) fn living(&self) -> &HashMap<u64, EpcAddr> {
        &self.living
    }
}

impl Frames for TestFrames {
    fn read(&mut self, page: EpcAddr, offset: usize, into: &mut [u8]) {
        into.copy_from_slice(&self.page(page)[offset..offset + into.len()]);
    }

    fn write(&mut self, page: EpcAddr, offset: usize, from: &[u8]) {
        self.page(page)[offset..offset + from.len()].copy_from_slice(from);
    }

    fn zero(&mut self, page: EpcAddr) {
        self.page(page).fill(0);
    }

    fn relocate(&mut self, page: EpcAddr, to: Place) {
        let Place::Home { eid, .. } = to else {
            self.homes.remove(&page);
            return;
        };
        assert!(self.living.contains_key(&eid), "enclave {eid} has no home");
        if !self.homes.iter().any(|(other, place)| *other != page && *place == to) {
            self.homes.insert(page, to);
        }
    }

    fn enclave_created(&mut self, eid: u64, secs: EpcAddr) {
        assert!(!self.dead.contains(&eid), "EID {eid} was used before");
        assert!(self.living.insert(eid, secs).is_none(), "enclave {eid} was created twice");
    }

    fn enclave_removed(&mut self, eid: u64) {
        assert!(self.living.remove(&eid).is_some(), "enclave {eid} does not live");
        let at_home = |place: &Place| matches!(place, Place::Home { eid: owner, .. } if *owner == eid);
        assert!(!self.homes.values().any(at_home), "enclave {eid} leaves pages at home");
        self.dead.insert(eid);
    }
}
