//! Frames that are cheap to copy and to compare: schedules part at every step.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use anyclave_arch::EpcAddr;
use anyclave_cpu::{Frames, PAGE_BYTES, Place};

use super::super::Venue;

/// A page that is shared by all schedules that have not written to it, with a digest of its contents.
#[derive(Clone, Debug)]
pub(super) struct SharedPage {
    bytes: Rc<[u8; PAGE_BYTES]>,
    digest: Cell<Option<u64>>,
}

impl Default for SharedPage {
    fn default() -> Self {
        Self { bytes: Rc::new([0; PAGE_BYTES]), digest: Cell::new(None) }
    }
}

impl SharedPage {
    pub(super) fn bytes(&self) -> &[u8; PAGE_BYTES] {
        &self.bytes
    }

    pub(super) fn write(&mut self, offset: usize, from: &[u8]) {
        let into = offset..offset + from.len();
        if self.bytes[into.clone()] != *from {
            Rc::make_mut(&mut self.bytes)[into].copy_from_slice(from);
            self.digest.set(None);
        }
    }

    /// Different for different contents, as far as chance goes: each word is mixed in by a bijection.
    pub(super) fn digest(&self) -> u64 {
        let digest = self.digest.get().unwrap_or_else(|| {
            let (words, _) = self.bytes.as_chunks();
            words.iter().fold(0, |digest: u64, word| {
                (digest.rotate_left(29) ^ u64::from_le_bytes(*word)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
            })
        });
        self.digest.set(Some(digest));
        digest
    }
}

/// EPC pages; and, where there are homes, what a program finds where it has the data page mapped.
#[derive(Clone, Debug)]
pub(super) struct SharedFrames {
    pages: BTreeMap<EpcAddr, SharedPage>,
    /// The frames of the data page, and where it is at home.
    data: Vec<EpcAddr>,
    home: Option<EpcAddr>,
    /// The page as it was when it left, until the hole is punched.
    lingering: Option<SharedPage>,
    venue: Venue,
}

impl SharedFrames {
    pub(super) fn new(data: Vec<EpcAddr>, venue: Venue) -> Self {
        Self { pages: BTreeMap::new(), data, home: None, lingering: None, venue }
    }

    fn page(&mut self, page: EpcAddr) -> &mut SharedPage {
        self.pages.entry(page).or_default()
    }

    pub(super) fn first_byte(&self, page: EpcAddr) -> u8 {
        self.pages.get(&page).map_or(0, |page| page.bytes()[0])
    }

    /// A program's store: on silicon to the frame, otherwise to what is mapped; false if that is a hole.
    pub(super) fn store(&mut self, frame: EpcAddr, value: u8) -> bool {
        let target = match (self.venue, self.home, &mut self.lingering) {
            (Venue::Silicon, ..) => self.page(frame),
            (Venue::Homes, Some(home), _) => self.page(home),
            (Venue::Homes, None, Some(page)) => page,
            (Venue::Homes, None, None) => return false,
        };
        target.write(0, &[value]);
        true
    }

    pub(super) const fn lingers(&self) -> bool {
        self.lingering.is_some()
    }

    pub(super) fn punch(&mut self) {
        self.lingering = None;
    }

    /// The state, as far as these pages are concerned.
    pub(super) fn digests(&self, concerned: impl Fn(EpcAddr) -> bool) -> Vec<u64> {
        let home = self.home.map_or(0, |home| home.0);
        let pages = self.pages.iter().filter(|(at, _)| concerned(**at)).map(|(_, page)| page);
        pages.chain(&self.lingering).map(SharedPage::digest).chain([home]).collect()
    }
}

impl Frames for SharedFrames {
    fn read(&mut self, page: EpcAddr, offset: usize, into: &mut [u8]) {
        let length = into.len();
        into.copy_from_slice(&self.page(page).bytes()[offset..offset + length]);
    }

    fn write(&mut self, page: EpcAddr, offset: usize, from: &[u8]) {
        self.page(page).write(offset, from);
    }

    fn zero(&mut self, page: EpcAddr) {
        self.pages.insert(page, SharedPage::default());
    }

    fn relocate(&mut self, page: EpcAddr, to: Place) {
        if self.venue == Venue::Silicon || !self.data.contains(&page) {
            return;
        }
        match to {
            Place::Home { .. } => self.home = Some(page),
            Place::Store if self.home == Some(page) => {
                self.home = None;
                self.lingering = Some(self.page(page).clone());
            }
            Place::Store => {}
        }
    }

    fn enclave_created(&mut self, _: u64, _: EpcAddr) {}

    fn enclave_removed(&mut self, _: u64) {}
}
