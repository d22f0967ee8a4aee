//! The memory behind the EPC: one sparse memory file an enclave, and a store for what enclave code must not
//! touch.
//!
//! The home of an enclave holds its reachable pages at their offsets in ELRANGE. Every process with a window
//! maps it, so the host's paging does the rest. It is read and written here by descriptor only: touching a
//! hole through a mapping would fill it.
//!
//! Pages that are added one behind the other arrive in their home together. Until then they are only known here,
//! which nobody can tell: whoever locks the machine for anything else has them arrive first
//! ([`Shared::core`](crate::shared::Shared::core)), and no window lets through to a page that was not there when somebody
//! did so last.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::BuildHasherDefault;
use std::io::IoSlice;
use std::mem;
use std::sync::{Arc, OnceLock};

use anyclave_arch::EpcAddr;
use anyclave_cpu::{EpcTable, Frames, PageBuffer, Place, Spread};
use anyclave_sys::Errno;
use anyclave_sys::memfd::Memfd;

use crate::fatal::fatal;

const PAGE: usize = 4096;

/// Offsets in a home, looked up once.
pub(crate) type Offsets = Arc<OnceLock<Vec<u64>>>;

/// Contents of a page.
type Bytes = Box<PageBuffer>;

/// A map whose keys are numbers of pages or enclaves, which we choose ourselves.
type ByNumber<K, V> = HashMap<K, V, BuildHasherDefault<Spread>>;

/// Where the bytes of a page are.
#[derive(Debug, Default)]
enum Slot {
    /// In the store, all zero.
    #[default]
    Zero,
    /// In the store.
    Store(Bytes),
    /// In a home.
    Home {
        /// Whose.
        eid: u64,
        /// Its number in ELRANGE.
        index: u64,
    },
    /// On its way to a home, and still here.
    Arriving {
        /// Whose.
        eid: u64,
        /// Its number in ELRANGE.
        index: u64,
        /// What it brings.
        bytes: Bytes,
    },
}

/// Pages that arrive together.
const ARRIVE: usize = 16;

/// The home of an enclave that exists.
#[derive(Debug)]
struct Home {
    file: Arc<Memfd>,
    /// Which EPC page lies at an offset, in pages.
    occupants: ByNumber<u64, EpcAddr>,
    /// Where the enclave executes CPUID, once somebody has looked.
    cpuid: Offsets,
}

/// Homes and store of one machine.
#[derive(Debug, Default)]
pub(crate) struct HomeFrames {
    pages: EpcTable<Slot>,
    homes: ByNumber<u64, Home>,
    /// The file for the enclave that the ECREATE now under way makes.
    next_home: Option<Arc<Memfd>>,
    /// Pages on their way, in the order in which they came.
    arriving: Vec<EpcAddr>,
    /// Memory of pages that have arrived, for the next ones.
    spare: Vec<Bytes>,
}

impl HomeFrames {
    /// The next enclave to be created has this file as its home.
    pub(crate) fn set_next_home(&mut self, file: Option<Arc<Memfd>>) {
        self.next_home = file;
    }

    /// All pages on their way arrive.
    pub(crate) fn arrive(&mut self) {
        if self.arriving.is_empty() {
            return;
        }
        let mut pages = Vec::with_capacity(self.arriving.len());
        for page in self.arriving.drain(..) {
            if let Slot::Arriving { eid, index, bytes } = self.pages.replace(page, Slot::Zero) {
                self.pages.replace(page, Slot::Home { eid, index });
                pages.push((eid, index, bytes));
            }
        }
        let behind = |one: &(u64, u64, _), next: &(u64, u64, _)| (one.0, one.1 + 1) == (next.0, next.1);
        for run in pages.chunk_by(behind) {
            let pieces: Vec<_> = run.iter().map(|(_, _, bytes)| IoSlice::new(bytes.as_slice())).collect();
            if let [(eid, index, _), ..] = run
                && let Some((file, start)) = self.at_home(*eid, *index)
            {
                checked("filling a home", file.pwrite_all(&pieces, start));
            }
        }
        self.spare.extend(pages.into_iter().map(|(_, _, bytes)| bytes));
    }

    /// Whether a page lies in the home of its enclave, so that the host may map it.
    pub(crate) fn is_at_home(&self, page: EpcAddr) -> bool {
        matches!(self.pages.get(page), Some(Slot::Home { .. }))
    }

    /// The home of an enclave, and the place to keep the offsets of its CPUID instructions.
    pub(crate) fn cpuid_of(&self, eid: u64) -> Option<(Arc<Memfd>, Offsets)> {
        let home = self.homes.get(&eid)?;
        Some((Arc::clone(&home.file), Arc::clone(&home.cpuid)))
    }

    /// The pages in the home of an enclave: their number in ELRANGE and where they lie in the EPC.
    pub(crate) fn occupants(&self, eid: u64) -> impl Iterator<Item = (u64, EpcAddr)> {
        self.homes
            .get(&eid)
            .into_iter()
            .flat_map(|home| home.occupants.iter().map(|(index, page)| (*index, *page)))
    }

    /// The file of a home, and where a page lies in it.
    fn at_home(&self, eid: u64, index: u64) -> Option<(&Memfd, u64)> {
        let home = self.homes.get(&eid)?;
        Some((&home.file, index * PAGE as u64))
    }

    /// Memory for a page, whatever stands in it.
    fn blank(&mut self) -> Bytes {
        self.spare.pop().unwrap_or_default()
    }

    /// Takes a page's bytes from where they are; None for zeros.
    fn take(&mut self, page: EpcAddr) -> Option<Bytes> {
        self.pages.get(page)?;
        match self.pages.replace(page, Slot::Zero) {
            Slot::Zero => None,
            Slot::Store(bytes) => Some(bytes),
            Slot::Home { eid, index } => {
                let mut bytes = self.blank();
                self.read_home(eid, index, 0, bytes.as_mut_slice());
                let home = self.homes.get_mut(&eid)?;
                home.occupants.remove(&index);
                // The memory is not needed any more.
                let punched = home.file.punch_hole(index * PAGE as u64, PAGE as u64);
                checked("punching a page out of a home", punched);
                Some(bytes)
            }
            Slot::Arriving { eid, index, bytes } => {
                self.arriving.retain(|arriving| *arriving != page);
                self.homes.get_mut(&eid)?.occupants.remove(&index);
                Some(bytes)
            }
        }
    }

    fn read_home(&self, eid: u64, index: u64, offset: usize, into: &mut [u8]) {
        let Some((file, start)) = self.at_home(eid, index) else { return into.fill(0) };
        match file.pread(into, start + offset as u64) {
            // The program has cut its own file short; what is not there reads as zero.
            Err(Errno::ENXIO) => into.fill(0),
            result => checked("reading a home", result),
        }
    }
}

impl Frames for HomeFrames {
    fn read(&mut self, page: EpcAddr, offset: usize, into: &mut [u8]) {
        match self.pages.get(page) {
            None | Some(Slot::Zero) => into.fill(0),
            Some(Slot::Store(bytes) | Slot::Arriving { bytes, .. }) => copy(bytes, offset, into),
            Some(&Slot::Home { eid, index }) => self.read_home(eid, index, offset, into),
        }
    }

    fn write(&mut self, page: EpcAddr, offset: usize, from: &[u8]) {
        match self.pages.get_mut(page) {
            Some(Slot::Store(bytes) | Slot::Arriving { bytes, .. }) => paste(bytes, offset, from),
            Some(&mut Slot::Home { eid, index }) => {
                if let Some((file, start)) = self.at_home(eid, index) {
                    checked("writing a home", file.pwrite(from, start + offset as u64));
                }
            }
            None | Some(Slot::Zero) => {
                let mut fresh = if from.len() == PAGE { self.blank() } else { Box::default() };
                paste(&mut fresh, offset, from);
                self.pages.replace(page, Slot::Store(fresh));
            }
        }
    }

    fn give(&mut self, page: EpcAddr, bytes: &mut Bytes) {
        match self.pages.get_mut(page) {
            Some(Slot::Store(own) | Slot::Arriving { bytes: own, .. }) => mem::swap(own, bytes),
            Some(Slot::Home { .. }) => self.write(page, 0, bytes.as_slice()),
            None | Some(Slot::Zero) => {
                let given = mem::replace(bytes, self.blank());
                self.pages.replace(page, Slot::Store(given));
            }
        }
    }

    fn with<R>(&mut self, page: EpcAddr, work: impl FnOnce(&mut [u8; PAGE]) -> R) -> R {
        if let Some(Slot::Store(bytes)) = self.pages.get_mut(page) {
            return work(bytes);
        }
        let mut bytes = [0; PAGE];
        self.read(page, 0, &mut bytes);
        let result = work(&mut bytes);
        self.write(page, 0, &bytes);
        result
    }

    fn zero(&mut self, page: EpcAddr) {
        match self.pages.get_mut(page) {
            None | Some(Slot::Zero) => {}
            Some(slot @ Slot::Store(_)) => *slot = Slot::Zero,
            Some(Slot::Arriving { bytes, .. }) => bytes.fill(0),
            Some(&mut Slot::Home { eid, index }) => {
                if let Some((file, start)) = self.at_home(eid, index) {
                    checked("clearing a page of a home", file.pwrite(&[0; PAGE], start));
                }
            }
        }
    }

    fn relocate(&mut self, page: EpcAddr, to: Place) {
        let here = match self.pages.get(page) {
            Some(&(Slot::Home { eid, index } | Slot::Arriving { eid, index, .. })) => {
                Place::Home { eid, page: index }
            }
            None | Some(Slot::Zero | Slot::Store(_)) => Place::Store,
        };
        if here == to {
            return;
        }
        let bytes = self.take(page);
        if let Place::Home { eid, page: index } = to
            && let Some(home) = self.homes.get_mut(&eid)
            && let Entry::Vacant(place) = home.occupants.entry(index)
        {
            place.insert(page);
            let bytes = bytes.unwrap_or_default();
            // Not with this one: it is about to be measured, which costs less while it is here.
            if self.arriving.len() == ARRIVE {
                self.arrive();
            }
            self.pages.replace(page, Slot::Arriving { eid, index, bytes });
            self.arriving.push(page);
        } else if let Some(bytes) = bytes.filter(|bytes| ***bytes != [0; PAGE]) {
            self.pages.replace(page, Slot::Store(bytes));
        }
    }

    fn enclave_created(&mut self, eid: u64, _secs: EpcAddr) {
        // Without a file made ready the enclave has no home, and its pages stay in the store.
        if let Some(file) = self.next_home.take() {
            self.homes.insert(eid, Home { file, occupants: ByNumber::default(), cpuid: Arc::default() });
        }
    }

    fn enclave_removed(&mut self, eid: u64) {
        self.homes.remove(&eid);
    }
}

/// Bytes of a page, from an offset on.
fn copy(page: &Bytes, offset: usize, into: &mut [u8]) {
    if let Some(from) = page.get(offset..offset + into.len()) {
        into.copy_from_slice(from);
    }
}

/// The way back.
fn paste(page: &mut Bytes, offset: usize, from: &[u8]) {
    if let Some(into) = page.get_mut(offset..offset + from.len()) {
        into.copy_from_slice(from);
    }
}

/// EPC that cannot be read or written is not an outcome that an instruction has.
fn checked(what: &str, result: Result<(), Errno>) {
    if let Err(error) = result {
        fatal(&format!("{what} failed: {error}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE_A: EpcAddr = EpcAddr(0x1000);
    const PAGE_B: EpcAddr = EpcAddr(0x2000);

    fn frames() -> (HomeFrames, Arc<Memfd>) {
        let mut frames = HomeFrames::default();
        let file = Arc::new(Memfd::create(c"home", 0x10000).unwrap());
        frames.set_next_home(Some(Arc::clone(&file)));
        frames.enclave_created(7, EpcAddr(0));
        (frames, file)
    }

    #[test]
    fn a_page_keeps_its_bytes_on_every_way() {
        let (mut frames, file) = frames();
        frames.write(PAGE_A, 100, b"bytes");
        frames.relocate(PAGE_A, Place::Home { eid: 7, page: 3 });
        frames.arrive();
        let mut seen = [0; 5];
        file.pread(&mut seen, 3 * 4096 + 100).unwrap();
        assert_eq!(&seen, b"bytes");
        frames.write(PAGE_A, 100, b"later");
        frames.relocate(PAGE_A, Place::Store);
        frames.read(PAGE_A, 100, &mut seen);
        assert_eq!(&seen, b"later");
        assert_eq!(file.allocated().unwrap(), 0, "the home has a hole again");
    }

    #[test]
    fn a_page_that_is_given_holds_what_was_given() {
        let (mut frames, _file) = frames();
        let place = Place::Home { eid: 7, page: 3 };
        let mut seen = [0; PAGE];
        let mut give_and_look = |frames: &mut HomeFrames, byte| {
            let mut bytes = Bytes::default();
            bytes.fill(byte);
            frames.give(PAGE_A, &mut bytes);
            // What comes back is somebody else's to fill.
            bytes.fill(0xee);
            frames.read(PAGE_A, 0, &mut seen);
            assert_eq!(seen, [byte; PAGE]);
        };
        give_and_look(&mut frames, 1);
        give_and_look(&mut frames, 2);
        frames.relocate(PAGE_A, place);
        give_and_look(&mut frames, 3);
        frames.arrive();
        give_and_look(&mut frames, 4);
    }

    #[test]
    fn pages_arrive_together_and_are_what_they_were_until_then() {
        let (mut frames, file) = frames();
        let pages = [(PAGE_A, 3_u64), (PAGE_B, 4), (EpcAddr(0x3000), 9)];
        for (page, index) in pages {
            frames.write(page, 8, &index.to_le_bytes());
            frames.relocate(page, Place::Home { eid: 7, page: index });
        }
        assert_eq!(file.allocated().unwrap(), 0);
        let mut seen = [0; 8];
        frames.read(PAGE_B, 8, &mut seen);
        assert_eq!(u64::from_le_bytes(seen), 4);
        frames.write(PAGE_B, 0, b"late");
        frames.arrive();
        for (page, index) in pages {
            assert!(frames.is_at_home(page));
            file.pread(&mut seen, index * 4096 + 8).unwrap();
            assert_eq!(u64::from_le_bytes(seen), index);
        }
        file.pread(&mut seen[..4], 4 * 4096).unwrap();
        assert_eq!(&seen[..4], b"late");
        file.pwrite(b"store", 3 * 4096 + 8).unwrap();
        frames.read(PAGE_A, 8, &mut seen[..5]);
        assert_eq!(&seen[..5], b"store");
    }

    #[test]
    fn so_many_arrive_by_themselves() {
        let (mut frames, file) = frames();
        let place = |number: u64| (EpcAddr(number * 4096), Place::Home { eid: 7, page: number });
        for number in 0..=ARRIVE as u64 {
            let (page, to) = place(number);
            frames.write(page, 0, b"x");
            frames.relocate(page, to);
        }
        assert_eq!(frames.arriving, [place(ARRIVE as u64).0]);
        assert_eq!(file.allocated().unwrap(), ARRIVE as u64 * 4096);
        assert_eq!(frames.spare.len(), ARRIVE);
    }

    #[test]
    fn a_page_that_leaves_before_it_arrives_leaves_nothing() {
        let (mut frames, file) = frames();
        let (mut seen, place) = ([0; 5], Place::Home { eid: 7, page: 0 });
        frames.write(PAGE_A, 0, b"first");
        frames.relocate(PAGE_A, place);
        frames.relocate(PAGE_A, Place::Store);
        frames.read(PAGE_A, 0, &mut seen);
        assert_eq!(&seen, b"first");
        frames.zero(PAGE_A);
        frames.write(PAGE_B, 0, b"other");
        frames.relocate(PAGE_B, place);
        frames.zero(PAGE_B);
        frames.write(PAGE_B, 1, b"b");
        frames.arrive();
        assert!(frames.is_at_home(PAGE_B) && !frames.is_at_home(PAGE_A));
        file.pread(&mut seen, 0).unwrap();
        assert_eq!(&seen, b"\0b\0\0\0");
        frames.read(PAGE_A, 0, &mut seen);
        assert_eq!(seen, [0; 5]);
    }

    #[test]
    fn the_second_claimant_of_an_offset_stays_in_the_store() {
        let (mut frames, file) = frames();
        frames.write(PAGE_A, 0, b"first");
        frames.write(PAGE_B, 0, b"other");
        let place = Place::Home { eid: 7, page: 0 };
        frames.relocate(PAGE_A, place);
        frames.relocate(PAGE_B, place);
        frames.arrive();
        assert!(frames.is_at_home(PAGE_A) && !frames.is_at_home(PAGE_B));
        let mut seen = [0; 5];
        file.pread(&mut seen, 0).unwrap();
        assert_eq!(&seen, b"first");
        frames.read(PAGE_B, 0, &mut seen);
        assert_eq!(&seen, b"other");
    }
}
