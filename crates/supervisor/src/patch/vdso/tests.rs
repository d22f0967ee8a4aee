//! The vDSO of the test's own process, edited in a copy and read as the runtimes read it.

mod lookup;
mod unwinding;

use super::parse::{DT_HASH, Vdso, VdsoError};
use super::{EnterFunction, NAME, VdsoEdit};
use anyclave_stub as stub;
use proptest::prelude::*;
use std::fs::{File, read_to_string};
use std::os::unix::fs::FileExt;

/// The bytes of this process' vDSO.
fn own_image() -> Vec<u8> {
    let maps = read_to_string("/proc/self/maps").unwrap();
    let range = maps.lines().find(|line| line.ends_with("[vdso]")).unwrap().split(' ').next().unwrap();
    let (start, end) = range.split_once('-').unwrap();
    let [start, end] = [start, end].map(|address| usize::from_str_radix(address, 16).unwrap());
    let mut image = vec![0; end - start];
    File::open("/proc/self/mem").unwrap().read_exact_at(&mut image, start as u64).unwrap();
    image
}

const COPY: u64 = 0x6666_0000;

fn function() -> EnterFunction<'static> {
    let code = &stub::code()[stub::offset::enter_enclave()..stub::offset::enter_enclave_end()];
    EnterFunction { code, cfi: stub::enter_enclave_cfi(), address: COPY }
}

/// The page and the region of a process after the edit.
struct Memory {
    base: u64,
    image: Vec<u8>,
    region_at: u64,
    region: Vec<u8>,
}

const BASE: u64 = 0x7fff_1234_5000;
const BELOW: u64 = 0x1_0000;
const ABOVE: u64 = 0x7fff_ffff_0000;

impl Memory {
    fn edited(image: &[u8], region_at: u64, edit: &VdsoEdit) -> Self {
        let mut image = image.to_vec();
        for (at, bytes) in &edit.edits {
            image[*at..at + bytes.len()].copy_from_slice(bytes);
        }
        Self { base: BASE, image, region_at, region: edit.region.clone() }
    }

    fn bytes(&self, address: u64) -> &[u8] {
        let inside = |start: u64, bytes: &'_ [u8]| {
            usize::try_from(address.wrapping_sub(start)).ok().filter(|at| *at < bytes.len())
        };
        if let Some(at) = inside(self.base, &self.image) {
            return &self.image[at..];
        }
        &self.region[inside(self.region_at, &self.region).expect("an address in the page or the region")..]
    }

    fn u16(&self, address: u64) -> u16 {
        u16::from_le_bytes(*self.bytes(address).first_chunk().unwrap())
    }

    fn u32(&self, address: u64) -> u32 {
        u32::from_le_bytes(*self.bytes(address).first_chunk().unwrap())
    }

    fn u64(&self, address: u64) -> u64 {
        u64::from_le_bytes(*self.bytes(address).first_chunk().unwrap())
    }

    fn string(&self, address: u64) -> String {
        let bytes = self.bytes(address);
        String::from_utf8(bytes[..bytes.iter().position(|byte| *byte == 0).unwrap()].to_vec()).unwrap()
    }
}

fn edit(image: &[u8], region: u64) -> (VdsoEdit, Memory) {
    let vdso = Vdso::parse(image).unwrap();
    let edit = vdso.edit(BASE, region, &function());
    assert_eq!(edit.region.len(), vdso.region_len(&function()));
    let memory = Memory::edited(image, region, &edit);
    (edit, memory)
}

fn name() -> &'static str {
    str::from_utf8(NAME).unwrap()
}

/// All four ways lead to the function, and the other symbols stay.
fn check_all_ways(image: &[u8], edit: &VdsoEdit, memory: &Memory) {
    let before = Memory { base: BASE, image: image.to_vec(), region_at: 0, region: Vec::new() };
    let kept = lookup::all_symbols(&before);
    assert!(kept.iter().any(|(name, _)| name == "clock_gettime"));
    for way in lookup::WAYS {
        assert_eq!(way(memory, name()), Some(edit.enter));
        assert_eq!(way(memory, "no such symbol"), None);
        for (name, address) in kept.iter().filter(|(name, _)| !name.is_empty() && *name != self::name()) {
            assert_eq!(way(memory, name), Some(*address), "{name}");
        }
    }
    assert_eq!(lookup::version(memory, name()), "LINUX_2.6");
    assert_eq!(lookup::version(memory, "clock_gettime"), "LINUX_2.6");
}

#[test]
fn function_is_found_in_every_way_and_the_others_stay() {
    let image = own_image();
    for region in [BELOW, ABOVE, BASE - 0x1_0000] {
        let (edit, memory) = edit(&image, region);
        check_all_ways(&image, &edit, &memory);
    }
}

#[test]
fn code_goes_into_the_page_if_there_is_room() {
    let image = own_image();
    let (edit, memory) = edit(&image, ABOVE);
    assert!(edit.unwinds);
    assert!(memory.bytes(edit.enter).starts_with(function().code));
}

#[test]
fn without_room_in_the_page_the_copy_is_exported() {
    let image = own_image();
    let code = vec![0x90; image.len()];
    let vdso = Vdso::parse(&image).unwrap();
    let edit = vdso.edit(BASE, BELOW, &EnterFunction { code: &code, ..function() });
    assert_eq!((edit.enter, edit.unwinds), (COPY, false));
    check_all_ways(&image, &edit, &Memory::edited(&image, BELOW, &edit));
}

#[test]
fn symbol_of_the_kernel_is_replaced() {
    let image = own_image();
    let region = BASE + image.len() as u64;
    let (_, memory) = edit(&image, region);
    // Page and region together are an image that exports the function already.
    let image = [memory.image, memory.region].concat();
    let symbols = Vdso::parse(&image).unwrap().symbols.len();
    let (edit, memory) = edit(&image, ABOVE);
    check_all_ways(&image, &edit, &memory);
    assert_eq!(lookup::all_symbols(&memory).len(), symbols);
}

#[test]
fn section_headers_are_invented_where_the_kernel_left_none() {
    let mut image = own_image();
    image[40..48].fill(0);
    image[60..64].fill(0);
    assert!(Vdso::parse(&image).unwrap().sections.is_none());
    let (edit, memory) = edit(&image, ABOVE);
    check_all_ways(&image, &edit, &memory);
}

#[test]
fn missing_hash_table_takes_a_free_dynamic_entry() {
    let mut image = own_image();
    let at = lookup::dynamic_entry(&image, DT_HASH);
    image[at..at + 8].copy_from_slice(&0x6000_0000_u64.to_le_bytes());
    let (edit, memory) = edit(&image, ABOVE);
    for way in lookup::WAYS {
        assert_eq!(way(&memory, name()), Some(edit.enter));
    }
}

#[test]
fn strange_images_are_refused() {
    let image = own_image();
    assert_eq!(Vdso::parse(&[]).unwrap_err(), VdsoError::NotElf);
    assert_eq!(Vdso::parse(&image[..64]).unwrap_err(), VdsoError::NoLoad);
    let mut other = image.clone();
    other[18] = 3;
    assert_eq!(Vdso::parse(&other).unwrap_err(), VdsoError::NotElf);
    let mut other = image.clone();
    let version = other.windows(10).position(|bytes| bytes == b"LINUX_2.6\0").unwrap();
    other[version] = b'l';
    assert_eq!(Vdso::parse(&other).unwrap_err(), VdsoError::NoVersion);
}

proptest! {
    #[test]
    fn no_image_panics(
        cut in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..30),
        words in prop::collection::vec((any::<prop::sample::Index>(), any::<u64>()), 0..3),
        whole in any::<bool>(),
    ) {
        let mut image = own_image();
        if !whole {
            image.truncate(cut.index(image.len()));
        }
        // The tables are in the first half.
        let len = image.len() / 2;
        for (at, byte) in changes.iter().filter(|_| len > 64) {
            image[16 + at.index(len - 16)] = *byte;
        }
        for (at, word) in words.iter().filter(|_| len > 64) {
            let at = 16 + at.index(len - 24);
            image[at..at + 8].copy_from_slice(&word.to_le_bytes());
        }
        if let Ok(vdso) = Vdso::parse(&image) {
            let edit = vdso.edit(BASE, BELOW, &function());
            for (at, bytes) in &edit.edits {
                prop_assert!(at + bytes.len() <= image.len());
            }
        }
    }
}
