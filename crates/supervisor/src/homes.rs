//! The memory behind the EPC: one sparse memory file an enclave, and a store for what enclave code must not
//! touch.
//!
//! The home of an enclave holds its reachable pages at their offsets in ELRANGE. Every process with a window
//! maps it, so the host's paging does the rest. It is read and written here by descriptor only: touching a
//! hole through a mapping would fill it.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, OnceLock};

use anyclave_arch::EpcAddr;
use anyclave_cpu::{Frames, Place};
use anyclave_sys::Errno;
use anyclave_sys::memfd::Memfd;

use crate::fatal::fatal;

const PAGE: usize = 4096;

/// Offsets in a home, looked up once.
pub(crate) type Offsets = Arc<OnceLock<Vec<u64>>>;

/// Contents of a page.
type Bytes = Box<[u8; PAGE]>;

/// A map whose keys are numbers of pages or enclaves, which we choose ourselves.
type ByNumber<K, V> = HashMap<K, V, BuildHasherDefault<Spread>>;

/// Spreads numbers that follow one another over a table. Each leaf looks up several pages, so this takes two
/// instructions, not the hundred that keep strangers from choosing keys that collide.
#[derive(Clone, Copy, Debug, Default)]
struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64((*byte).into());
        }
    }

    fn write_u64(&mut self, number: u64) {
        /// 2^64 divided by the golden ratio.
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        // The table takes its index from the low bits and tells neighbours apart by the high ones.
        let product = (self.0 ^ number).wrapping_mul(STEP);
        self.0 = product ^ product >> 32;
    }
}

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
    /// Pages in the store; one that is absent is zero.
    store: ByNumber<EpcAddr, Bytes>,
    /// Pages at home.
    at_home: ByNumber<EpcAddr, (u64, u64)>,
    homes: ByNumber<u64, Home>,
    /// The file for the enclave that the ECREATE now under way makes.
    next_home: Option<Arc<Memfd>>,
    /// The page that has come home last in the ioctl now under way, with what it brought along: the sixteen EEXTENDs
    /// behind an EADD need not read it back, and measure what was added whatever the program does meanwhile.
    newcomer: Option<(EpcAddr, Bytes)>,
    /// Memory of a newcomer that has settled, for the next page that passes through the store.
    spare: Option<Bytes>,
}

impl HomeFrames {
    /// The next enclave to be created has this file as its home.
    pub(crate) fn set_next_home(&mut self, file: Option<Arc<Memfd>>) {
        self.next_home = file;
    }

    /// An ioctl is over or waits: pages at home are the program's to change, too.
    pub(crate) fn settle(&mut self) {
        self.next_home = None;
        if let Some((_, bytes)) = self.newcomer.take() {
            self.spare = Some(bytes);
        }
    }

    /// Whether a page lies in the home of its enclave, so that the host may map it.
    pub(crate) fn is_at_home(&self, page: EpcAddr) -> bool {
        self.at_home.contains_key(&page)
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

    fn home(&self, page: EpcAddr) -> Option<(&Memfd, u64)> {
        let (eid, index) = self.at_home.get(&page)?;
        let home = self.homes.get(eid)?;
        Some((&home.file, index * PAGE as u64))
    }

    /// Takes a page's bytes from where they are.
    fn take(&mut self, page: EpcAddr) -> Bytes {
        if let Some(bytes) = self.store.remove(&page) {
            return bytes;
        }
        let mut bytes = Box::new([0; PAGE]);
        self.read(page, 0, bytes.as_mut_slice());
        self.leave_home(page);
        bytes
    }

    fn leave_home(&mut self, page: EpcAddr) {
        self.newcomer.take_if(|(newcomer, _)| *newcomer == page);
        let Some((eid, index)) = self.at_home.remove(&page) else { return };
        let Some(home) = self.homes.get_mut(&eid) else { return };
        home.occupants.remove(&index);
        checked("punching a page out of a home", home.file.punch_hole(index * PAGE as u64, PAGE as u64));
    }
}

impl Frames for HomeFrames {
    fn read(&mut self, page: EpcAddr, offset: usize, into: &mut [u8]) {
        if let Some((newcomer, bytes)) = &self.newcomer
            && *newcomer == page
            && let Some(from) = bytes.get(offset..offset + into.len())
        {
            into.copy_from_slice(from);
        } else if let Some((file, start)) = self.home(page) {
            match file.pread(into, start + offset as u64) {
                // The program has cut its own file short; what is not there reads as zero.
                Err(Errno::ENXIO) => into.fill(0),
                result => checked("reading a home", result),
            }
        } else if let Some(from) =
            self.store.get(&page).and_then(|bytes| bytes.get(offset..offset + into.len()))
        {
            into.copy_from_slice(from);
        } else {
            into.fill(0);
        }
    }

    fn write(&mut self, page: EpcAddr, offset: usize, from: &[u8]) {
        self.newcomer.take_if(|(newcomer, _)| *newcomer == page);
        if let Some((file, start)) = self.home(page) {
            checked("writing a home", file.pwrite(from, start + offset as u64));
            return;
        }
        let spare = &mut self.spare;
        let bytes = self.store.entry(page).or_insert_with(|| match spare.take() {
            Some(bytes) if from.len() == PAGE => bytes,
            _ => Box::new([0; PAGE]),
        });
        if let Some(into) = bytes.get_mut(offset..offset + from.len()) {
            into.copy_from_slice(from);
        }
    }

    fn zero(&mut self, page: EpcAddr) {
        self.newcomer.take_if(|(newcomer, _)| *newcomer == page);
        if let Some((file, start)) = self.home(page) {
            checked("clearing a page of a home", file.pwrite(&[0; PAGE], start));
        } else {
            self.store.remove(&page);
        }
    }

    fn relocate(&mut self, page: EpcAddr, to: Place) {
        let target = match to {
            Place::Store => None,
            Place::Home { eid, page: index } => Some((eid, index)),
        };
        if self.at_home.get(&page).copied() == target {
            return;
        }
        let bytes = self.take(page);
        if let Some((eid, index)) = target
            && let Some(home) = self.homes.get_mut(&eid)
            && !home.occupants.contains_key(&index)
        {
            home.occupants.insert(index, page);
            self.at_home.insert(page, (eid, index));
            checked("filling a home", home.file.pwrite(bytes.as_slice(), index * PAGE as u64));
            self.newcomer = Some((page, bytes));
        } else if *bytes != [0; PAGE] {
            self.store.insert(page, bytes);
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
        frames.settle();
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
    fn a_newcomer_is_what_it_was_until_the_ioctl_ends() {
        let (mut frames, file) = frames();
        let seen = |frames: &mut HomeFrames| {
            let mut seen = [0; 5];
            frames.read(PAGE_A, 0, &mut seen);
            seen
        };
        frames.write(PAGE_A, 0, b"added");
        frames.relocate(PAGE_A, Place::Home { eid: 7, page: 0 });
        file.pwrite(b"store", 0).unwrap();
        assert_eq!(&seen(&mut frames), b"added");
        frames.settle();
        assert_eq!(&seen(&mut frames), b"store");
        frames.write(PAGE_A, 0, b"again");
        assert_eq!(&seen(&mut frames), b"again");
    }

    #[test]
    fn a_newcomer_that_is_written_or_removed_is_none_any_more() {
        let (mut frames, file) = frames();
        let mut seen = [0; 5];
        frames.write(PAGE_A, 0, b"first");
        frames.relocate(PAGE_A, Place::Home { eid: 7, page: 0 });
        frames.write(PAGE_A, 0, b"other");
        frames.read(PAGE_A, 0, &mut seen);
        assert_eq!(&seen, b"other");
        file.pread(&mut seen, 0).unwrap();
        assert_eq!(&seen, b"other");
        frames.relocate(PAGE_A, Place::Store);
        frames.zero(PAGE_A);
        frames.read(PAGE_A, 0, &mut seen);
        assert_eq!(seen, [0; 5]);
    }

    #[test]
    fn numbers_in_a_row_are_spread() {
        use std::hash::BuildHasher;
        let hash = |number: u64| BuildHasherDefault::<Spread>::default().hash_one(EpcAddr(number * 4096));
        let low: std::collections::BTreeSet<_> = (0..256).map(|number| hash(number) & 0xff).collect();
        let high: std::collections::BTreeSet<_> = (0..256).map(|number| hash(number) >> 57).collect();
        assert!(low.len() > 128 && high.len() > 64, "{} {}", low.len(), high.len());
    }

    #[test]
    fn the_second_claimant_of_an_offset_stays_in_the_store() {
        let (mut frames, file) = frames();
        frames.write(PAGE_A, 0, b"first");
        frames.write(PAGE_B, 0, b"other");
        let place = Place::Home { eid: 7, page: 0 };
        frames.relocate(PAGE_A, place);
        frames.relocate(PAGE_B, place);
        assert!(frames.is_at_home(PAGE_A) && !frames.is_at_home(PAGE_B));
        let mut seen = [0; 5];
        file.pread(&mut seen, 0).unwrap();
        assert_eq!(&seen, b"first");
        frames.read(PAGE_B, 0, &mut seen);
        assert_eq!(&seen, b"other");
    }
}
