//! The dynamic symbols and their tables.

use super::super::elf;
use super::parse::{DT_GNU_HASH, DT_HASH, DT_STRTAB, DT_SYMTAB, DT_VERSYM};
use super::{NAME, Vdso};

/// An entry of a symbol table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Symbol {
    pub(super) name: u32,
    /// Binding and type.
    pub(super) info: u8,
    pub(super) other: u8,
    /// Index of its section.
    pub(super) section: u16,
    pub(super) value: u64,
    pub(super) size: u64,
}

/// The first of the section indices that name no section.
const SHN_LORESERVE: u16 = 0xff00;

impl Symbol {
    /// Bytes of an entry.
    pub(super) const SIZE: usize = 24;

    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        Some(Self {
            name: elf::u32_at(bytes, 0)?,
            info: *bytes.get(4)?,
            other: *bytes.get(5)?,
            section: elf::u16_at(bytes, 6)?,
            value: elf::u64_at(bytes, 8)?,
            size: elf::u64_at(bytes, 16)?,
        })
    }

    /// A global function, whose name is given to it later.
    pub(super) fn function(value: u64, size: u64, section: u16) -> Self {
        const GLOBAL_FUNC: u8 = 1 << 4 | 2;
        Self { name: 0, info: GLOBAL_FUNC, other: 0, section, value, size }
    }

    fn is_in_a_section(&self) -> bool {
        (1..SHN_LORESERVE).contains(&self.section)
    }

    fn write(&self, table: &mut Vec<u8>) {
        table.extend_from_slice(&self.name.to_le_bytes());
        table.extend_from_slice(&[self.info, self.other]);
        table.extend_from_slice(&self.section.to_le_bytes());
        table.extend_from_slice(&self.value.to_le_bytes());
        table.extend_from_slice(&self.size.to_le_bytes());
    }
}

/// A table that moves to the region.
pub(super) struct Table {
    /// What names it in the dynamic section.
    pub(super) tag: u64,
    /// Its section.
    pub(super) section: &'static [u8],
    pub(super) bytes: Vec<u8>,
}

/// The tables with `function` in them; an older symbol of its name is replaced.
pub(super) fn build(vdso: &Vdso<'_>, mut function: Symbol) -> [Table; 5] {
    let mut strings = vdso.strings.to_vec();
    let name_at = strings.len();
    strings.extend_from_slice(NAME);
    strings.push(0);

    let mut symbols = vdso.symbols.clone();
    let mut versions = vdso.versions.clone();
    if vdso.sections.is_none() {
        // Our section headers have the text at one place.
        for symbol in symbols.iter_mut().filter(|symbol| symbol.is_in_a_section()) {
            symbol.section = function.section;
        }
    }
    let is_ours = |symbol: &Symbol| elf::string_at(vdso.strings, symbol.name) == Some(NAME);
    match symbols.iter().position(is_ours) {
        Some(index) => {
            function.name = symbols[index].name;
            symbols[index] = function;
            versions[index] = vdso.version;
        }
        None => {
            function.name = word(name_at);
            symbols.push(function);
            versions.push(vdso.version);
        }
    }
    let names: Vec<&[u8]> =
        symbols.iter().map(|it| elf::string_at(&strings, it.name).unwrap_or_default()).collect();
    // The symbols that can be found are behind those that cannot.
    let first = symbols.iter().position(|it| it.info >> 4 != 0).unwrap_or(symbols.len());
    let (hash, gnu_hash) = (hash_table(&names, first), gnu_hash_table(&names, first));
    let mut table = Vec::with_capacity(symbols.len() * Symbol::SIZE);
    for symbol in &symbols {
        symbol.write(&mut table);
    }
    let versions = versions.into_iter().flat_map(u16::to_le_bytes).collect();
    [
        Table { tag: DT_HASH, section: b".hash", bytes: hash },
        Table { tag: DT_GNU_HASH, section: b".gnu.hash", bytes: gnu_hash },
        Table { tag: DT_SYMTAB, section: b".dynsym", bytes: table },
        Table { tag: DT_STRTAB, section: b".dynstr", bytes: strings },
        Table { tag: DT_VERSYM, section: b".gnu.version", bytes: versions },
    ]
}

/// A number of a table; an image is too short for a number that does not fit.
#[expect(clippy::cast_possible_truncation, reason = "offsets and counts in an image of at most a MiB")]
pub(super) fn word(number: usize) -> u32 {
    number as u32
}

fn bytes_of(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// The hash table of the System V ABI over the names from `first` on.
fn hash_table(names: &[&[u8]], first: usize) -> Vec<u8> {
    const BUCKETS: usize = 8;
    let mut heads = [0; BUCKETS];
    let mut chains = vec![0; names.len()];
    for (index, name) in names.iter().enumerate().skip(first) {
        let head = &mut heads[sysv_hash(name) as usize % BUCKETS];
        chains[index] = std::mem::replace(head, word(index));
    }
    bytes_of(&[&[word(BUCKETS), word(names.len())][..], &heads, &chains].concat())
}

fn sysv_hash(name: &[u8]) -> u32 {
    name.iter().fold(0, |hash: u32, byte| {
        let hash = (hash << 4).wrapping_add(u32::from(*byte));
        let top = hash & 0xf000_0000;
        (hash ^ top >> 24) & !top
    })
}

/// The GNU hash table over the names from `first` on: one bucket, since the chains of a bucket must be
/// neighbours in the symbol table and our symbols keep their order; and a filter that lets all through.
fn gnu_hash_table(names: &[&[u8]], first: usize) -> Vec<u8> {
    let mut words = vec![1, word(first), 1, 0, u32::MAX, u32::MAX];
    words.push(if first < names.len() { word(first) } else { 0 });
    words.extend(names.iter().skip(first).map(|name| gnu_hash(name) & !1));
    if first < names.len()
        && let Some(last) = words.last_mut()
    {
        // Marks the end of the chain.
        *last |= 1;
    }
    bytes_of(&words)
}

fn gnu_hash(name: &[u8]) -> u32 {
    name.iter().fold(5381, |hash: u32, byte| hash.wrapping_mul(33).wrapping_add(u32::from(*byte)))
}
