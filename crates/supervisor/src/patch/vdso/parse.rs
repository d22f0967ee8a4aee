//! Reading the kernel's image.

use super::super::elf::{self, Section, Segment};
use super::VERSION;
use super::symbols::Symbol;
use core::ops::Range;
use thiserror::Error;

const DT_NULL: u64 = 0;
pub(super) const DT_HASH: u64 = 4;
pub(super) const DT_STRTAB: u64 = 5;
pub(super) const DT_SYMTAB: u64 = 6;
pub(super) const DT_STRSZ: u64 = 10;
const DT_SYMENT: u64 = 11;
pub(super) const DT_GNU_HASH: u64 = 0x6fff_fef5;
pub(super) const DT_VERSYM: u64 = 0x6fff_fff0;
const DT_VERDEF: u64 = 0x6fff_fffc;
const DT_VERDEFNUM: u64 = 0x6fff_fffd;

/// No vDSO is longer; all distances inside one fit in 32 bits.
const MAX_IMAGE: usize = 1 << 20;
/// No vDSO has more symbols.
const MAX_SYMBOLS: usize = 1024;

/// Why an image cannot be edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum VdsoError {
    /// Not a 64-bit ELF image for this architecture, or longer than any vDSO.
    #[error("not an x86-64 ELF image")]
    NotElf,
    /// No loaded segment starts at the start of the image.
    #[error("no segment maps the start of the image")]
    NoLoad,
    /// No dynamic section inside the image.
    #[error("no dynamic section")]
    NoDynamic,
    /// A table that the dynamic section should name is missing, or lies outside.
    #[error("no {0} in the dynamic section, or not inside the image")]
    NoTable(&'static str),
    /// The dynamic section lacks a hash table and has no room for its entry.
    #[error("the dynamic section is full")]
    DynamicFull,
    /// There are more symbols than any vDSO has, or fewer than none.
    #[error("strange number of symbols")]
    SymbolCount,
    /// The version `LINUX_2.6` is not defined.
    #[error("version LINUX_2.6 is not defined")]
    NoVersion,
}

/// The dynamic section.
#[derive(Debug)]
pub(super) struct Dynamic {
    /// Offset in the image.
    at: usize,
    /// Tags and values, up to the first DT_NULL.
    entries: Vec<(u64, u64)>,
}

impl Dynamic {
    fn parse(image: &[u8], offset: u64, size: u64) -> Result<Self, VdsoError> {
        let bytes = elf::slice(image, offset, size).ok_or(VdsoError::NoDynamic)?;
        let at = usize::try_from(offset).or(Err(VdsoError::NoDynamic))?;
        let (all, _) = bytes.as_chunks::<16>();
        let all: Vec<(u64, u64)> =
            all.iter().filter_map(|entry| Some((elf::u64_at(entry, 0)?, elf::u64_at(entry, 8)?))).collect();
        let len = all.iter().position(|(tag, _)| *tag == DT_NULL).ok_or(VdsoError::NoDynamic)?;
        let dynamic = Self { at, entries: all[..len].to_vec() };
        let missing = [DT_HASH, DT_GNU_HASH].iter().filter(|tag| dynamic.get(**tag).is_none()).count();
        // One DT_NULL has to stay.
        if len + missing >= all.len() { Err(VdsoError::DynamicFull) } else { Ok(dynamic) }
    }

    fn get(&self, tag: u64) -> Option<u64> {
        self.entries.iter().find(|entry| entry.0 == tag).map(|entry| entry.1)
    }

    /// The writes that give each tag its new value; a tag that was not there takes the next free entry.
    pub(super) fn edits(&self, values: &[(u64, u64)]) -> Vec<(usize, Vec<u8>)> {
        let mut free = self.entries.len();
        let mut edits = Vec::new();
        for (tag, value) in values {
            let index = self.entries.iter().position(|entry| entry.0 == *tag).unwrap_or_else(|| {
                free += 1;
                free - 1
            });
            edits.push((self.at + index * 16, [tag.to_le_bytes(), value.to_le_bytes()].concat()));
        }
        edits
    }
}

/// A vDSO image that can be edited.
#[derive(Debug)]
pub(crate) struct Vdso<'a> {
    /// The whole mapping.
    pub(super) image: &'a [u8],
    /// Virtual address of the start of the image, as it was linked.
    pub(super) link_base: u64,
    pub(super) load: Segment,
    pub(super) eh_frame_hdr: Option<Segment>,
    pub(super) dynamic: Dynamic,
    pub(super) symbols: Vec<Symbol>,
    pub(super) strings: &'a [u8],
    /// Version of each symbol.
    pub(super) versions: Vec<u16>,
    /// The version of our symbol.
    pub(super) version: u16,
    /// The section headers, if they are usable and name the symbol table.
    pub(super) sections: Option<Vec<Section<'a>>>,
    /// Bytes of the image that belong to nothing.
    pub(super) free: Range<usize>,
}

impl<'a> Vdso<'a> {
    /// Reads an image: the bytes of the whole mapping.
    ///
    /// # Errors
    /// Each says what is wrong with the image; such a vDSO cannot be edited and stays as it is.
    pub(crate) fn parse(image: &'a [u8]) -> Result<Self, VdsoError> {
        if !elf::is_x86_64(image) || image.len() > MAX_IMAGE {
            return Err(VdsoError::NotElf);
        }
        let segments: Vec<_> = elf::segments(image).ok_or(VdsoError::NotElf)?.collect();
        let find = |kind| segments.iter().copied().find(move |segment| segment.kind == kind);
        let load = find(elf::PT_LOAD).filter(|load| load.offset == 0).ok_or(VdsoError::NoLoad)?;
        let dynamic = find(elf::PT_DYNAMIC).ok_or(VdsoError::NoDynamic)?;
        let dynamic = Dynamic::parse(image, dynamic.offset, dynamic.filesz)?;
        let tables = Tables { image, link_base: load.vaddr, dynamic: &dynamic };
        let strings = tables.at(DT_STRTAB, "DT_STRTAB")?;
        let strings = dynamic
            .get(DT_STRSZ)
            .and_then(|size| elf::slice(strings, 0, size))
            .ok_or(VdsoError::NoTable("DT_STRSZ"))?;
        let symbols = tables.symbols()?;
        let versions = tables.at(DT_VERSYM, "DT_VERSYM")?;
        let versions = (0..symbols.len()).map(|index| elf::u16_at(versions, index * 2));
        let versions = versions.collect::<Option<Vec<u16>>>().ok_or(VdsoError::NoTable("DT_VERSYM"))?;
        let version = tables.version(strings)?;
        let sections = elf::sections(image).filter(|sections| {
            [&b".dynsym"[..], b".dynstr"].iter().all(|name| sections.iter().any(|it| it.name == *name))
        });
        let free = free_bytes(image, &segments, sections.as_deref());
        Ok(Self {
            image,
            link_base: load.vaddr,
            load,
            eh_frame_hdr: find(elf::PT_GNU_EH_FRAME),
            dynamic,
            symbols,
            strings,
            versions,
            version,
            sections,
            free,
        })
    }
}

/// The end of the image that no segment and no section covers. The section headers themselves may lie
/// there: they move. Without any, whatever is not zero is taken for used.
fn free_bytes(image: &[u8], segments: &[Segment], sections: Option<&[Section<'_>]>) -> Range<usize> {
    let segments = segments.iter().map(|it| it.offset.saturating_add(it.filesz.max(it.memsz)));
    let used = match sections {
        Some(sections) => {
            let sections = sections.iter().filter(|it| it.kind != elf::SHT_NOBITS);
            segments.chain(sections.map(|it| it.offset.saturating_add(it.size))).max()
        }
        None => segments.chain(image.iter().rposition(|byte| *byte != 0).map(|last| last as u64 + 1)).max(),
    };
    let used = used.and_then(|used| usize::try_from(used).ok()).unwrap_or(image.len());
    used.min(image.len())..image.len()
}

/// The tables of the dynamic section.
struct Tables<'a, 'd> {
    image: &'a [u8],
    link_base: u64,
    dynamic: &'d Dynamic,
}

impl<'a> Tables<'a, '_> {
    /// The image from the table named by `tag` on.
    fn at(&self, tag: u64, name: &'static str) -> Result<&'a [u8], VdsoError> {
        let at = self.dynamic.get(tag).map(|vaddr| vaddr.wrapping_sub(self.link_base));
        at.and_then(|at| self.image.get(usize::try_from(at).ok()?..)).ok_or(VdsoError::NoTable(name))
    }

    fn symbols(&self) -> Result<Vec<Symbol>, VdsoError> {
        if self.dynamic.get(DT_SYMENT) != Some(Symbol::SIZE as u64) {
            return Err(VdsoError::NoTable("DT_SYMENT"));
        }
        let count = match self.at(DT_HASH, "DT_HASH") {
            // The number of chains is the number of symbols.
            Ok(hash) => elf::u32_at(hash, 4).and_then(|count| usize::try_from(count).ok()),
            Err(_) => gnu_hash_symbols(self.at(DT_GNU_HASH, "DT_GNU_HASH")?),
        };
        let count = count.filter(|count| (1..=MAX_SYMBOLS).contains(count)).ok_or(VdsoError::SymbolCount)?;
        let table = self.at(DT_SYMTAB, "DT_SYMTAB")?;
        let symbols = (0..count).map(|index| Symbol::parse(table.get(index * Symbol::SIZE..)?));
        symbols.collect::<Option<_>>().ok_or(VdsoError::NoTable("DT_SYMTAB"))
    }

    /// The index of the version `LINUX_2.6`.
    fn version(&self, strings: &[u8]) -> Result<u16, VdsoError> {
        let mut rest = self.at(DT_VERDEF, "DT_VERDEF")?;
        let count = self.dynamic.get(DT_VERDEFNUM).ok_or(VdsoError::NoTable("DT_VERDEFNUM"))?;
        for _ in 0..count {
            // vd_ndx at 4, vd_aux at 12, vd_next at 16; vda_name is the first word of what vd_aux leads to.
            let definition = || {
                let aux = usize::try_from(elf::u32_at(rest, 12)?).ok()?;
                let next = usize::try_from(elf::u32_at(rest, 16)?).ok()?;
                let name = elf::string_at(strings, elf::u32_at(rest, aux)?)?;
                Some((elf::u16_at(rest, 4)? & 0x7fff, name, next))
            };
            let (index, name, next) = definition().ok_or(VdsoError::NoVersion)?;
            if name == VERSION {
                return Ok(index);
            }
            // The last one leads nowhere; so does one that would make this loop turn on the spot.
            rest = Some(next).filter(|next| *next > 0).and_then(|next| rest.get(next..)).unwrap_or_default();
        }
        Err(VdsoError::NoVersion)
    }
}

/// The number of symbols, of which a GNU hash table tells only the end of each chain.
fn gnu_hash_symbols(table: &[u8]) -> Option<usize> {
    let word = |index: usize| usize::try_from(elf::u32_at(table, index.checked_mul(4)?)?).ok();
    let (buckets, first, bloom) = (word(0)?, word(1)?, word(2)?);
    let buckets_at = bloom.checked_mul(2)?.checked_add(4)?;
    let chains_at = buckets_at.checked_add(buckets)?;
    let heads = (0..buckets.min(MAX_SYMBOLS)).map(|bucket| word(buckets_at.checked_add(bucket)?));
    let mut last = heads.collect::<Option<Vec<_>>>()?.into_iter().max()?;
    if last < first {
        return Some(first);
    }
    while last < MAX_SYMBOLS && word(chains_at.checked_add(last - first)?)? & 1 == 0 {
        last += 1;
    }
    Some(last + 1)
}
