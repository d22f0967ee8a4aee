//! The ways in which runtimes find a symbol, each written from what its users do.

use super::Memory;

const DT_HASH: u64 = 4;
const DT_STRTAB: u64 = 5;
const DT_SYMTAB: u64 = 6;
const DT_GNU_HASH: u64 = 0x6fff_fef5;
const DT_VERSYM: u64 = 0x6fff_fff0;
const DT_VERDEF: u64 = 0x6fff_fffc;

pub(super) type Way = fn(&Memory, &str) -> Option<u64>;
pub(super) const WAYS: [Way; 4] = [by_hash, by_gnu_hash, by_section_headers, by_scan];

/// Offset of the dynamic section.
fn dynamic_offset(image: &[u8]) -> usize {
    let word = |at: usize| u64::from_le_bytes(*image[at..].first_chunk().unwrap());
    let headers = (0..usize::from(image[56])).map(|index| 64 + index * 56);
    let header = headers.into_iter().find(|at| image[*at..*at + 4] == [2, 0, 0, 0]).unwrap();
    usize::try_from(word(header + 8)).unwrap()
}

pub(super) fn dynamic_entry(image: &[u8], tag: u64) -> usize {
    let start = dynamic_offset(image);
    (start..).step_by(16).find(|at| image[*at..*at + 8] == tag.to_le_bytes()).unwrap()
}

/// Address of the table that a dynamic entry names.
fn table(memory: &Memory, tag: u64) -> u64 {
    let at = dynamic_entry(&memory.image, tag);
    memory.base.wrapping_add(memory.u64(memory.base + at as u64 + 8))
}

fn symbol(memory: &Memory, index: u64) -> u64 {
    table(memory, DT_SYMTAB) + index * 24
}

fn name_of(memory: &Memory, symbol: u64) -> String {
    memory.string(table(memory, DT_STRTAB) + u64::from(memory.u32(symbol)))
}

/// Value of a symbol as an address.
fn address_of(memory: &Memory, symbol: u64) -> u64 {
    match memory.u16(symbol + 6) {
        0 => 0,
        0xfff1 => memory.u64(symbol + 8),
        _ => memory.base.wrapping_add(memory.u64(symbol + 8)),
    }
}

fn index_by_hash(memory: &Memory, name: &str) -> Option<u64> {
    let hash = table(memory, DT_HASH);
    let word = |index: u32| memory.u32(hash + 4 * u64::from(index));
    let mut h = 0_u32;
    for byte in name.bytes() {
        h = (h << 4).wrapping_add(byte.into());
        let top = h & 0xf000_0000;
        if top != 0 {
            h ^= top >> 24;
        }
        h &= !top;
    }
    let buckets = word(0);
    let mut index = word(2 + h % buckets);
    while index != 0 {
        if name_of(memory, symbol(memory, index.into())) == name {
            return Some(index.into());
        }
        index = word(2 + buckets + index);
    }
    None
}

fn by_hash(memory: &Memory, name: &str) -> Option<u64> {
    Some(address_of(memory, symbol(memory, index_by_hash(memory, name)?)))
}

fn by_gnu_hash(memory: &Memory, name: &str) -> Option<u64> {
    let table = table(memory, DT_GNU_HASH);
    let word = |index: u32| memory.u32(table + 4 * u64::from(index));
    let (buckets, first, bloom, shift) = (word(0), word(1), word(2), word(3));
    let hash = name.bytes().fold(5381_u32, |h, byte| h.wrapping_mul(33).wrapping_add(byte.into()));
    let filter = memory.u64(table + 16 + 8 * u64::from(hash / 64 % bloom));
    if filter >> (hash % 64) & filter >> ((hash >> shift) % 64) & 1 == 0 {
        return None;
    }
    let mut index = word(4 + 2 * bloom + hash % buckets);
    while index != 0 {
        let chain = word(4 + 2 * bloom + buckets + index - first);
        let at = symbol(memory, index.into());
        if chain | 1 == hash | 1 && name_of(memory, at) == name {
            return Some(address_of(memory, at));
        }
        index = if chain & 1 == 1 { 0 } else { index + 1 };
    }
    None
}

/// Address and size of a section.
fn section(memory: &Memory, name: &str) -> (u64, u64) {
    let headers = memory.base.wrapping_add(memory.u64(memory.base + 40));
    assert_eq!(memory.u16(memory.base + 58), 64);
    let header = |index: u16| headers + 64 * u64::from(index);
    let place = |header: u64| memory.base.wrapping_add(memory.u64(header + 24));
    let names = place(header(memory.u16(memory.base + 62)));
    let found = (0..memory.u16(memory.base + 60))
        .map(header)
        .find(|at| memory.string(names + u64::from(memory.u32(*at))) == name)
        .unwrap();
    (place(found), memory.u64(found + 32))
}

fn by_section_headers(memory: &Memory, name: &str) -> Option<u64> {
    let ((symbols, size), (strings, _)) = (section(memory, ".dynsym"), section(memory, ".dynstr"));
    let symbol = (symbols..symbols + size)
        .step_by(24)
        .find(|at| memory.string(strings + u64::from(memory.u32(*at))) == name)?;
    Some(address_of(memory, symbol))
}

/// The symbols from the first to the last that the hash table knows.
pub(super) fn all_symbols(memory: &Memory) -> Vec<(String, u64)> {
    let count = memory.u32(table(memory, DT_HASH) + 4);
    let symbols = (0..count).map(|index| symbol(memory, index.into()));
    symbols.map(|at| (name_of(memory, at), address_of(memory, at))).collect()
}

fn by_scan(memory: &Memory, name: &str) -> Option<u64> {
    all_symbols(memory).into_iter().find(|symbol| symbol.0 == name).map(|symbol| symbol.1)
}

/// Name of the version of a symbol.
pub(super) fn version(memory: &Memory, name: &str) -> String {
    let index = index_by_hash(memory, name).unwrap();
    let version = memory.u16(table(memory, DT_VERSYM) + 2 * index);
    let mut definition = table(memory, DT_VERDEF);
    while memory.u16(definition + 4) != version {
        definition += u64::from(memory.u32(definition + 16));
    }
    let name = memory.u32(definition + u64::from(memory.u32(definition + 12)));
    memory.string(table(memory, DT_STRTAB) + u64::from(name))
}
