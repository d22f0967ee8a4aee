//! The section headers, by which some runtimes look for the symbol.

use super::super::elf::{self, SHDR_SIZE};
use super::Vdso;
use super::symbols::word;

/// A section that lies at a new place.
pub(super) struct Moved {
    pub(super) name: &'static [u8],
    pub(super) addr: u64,
    pub(super) offset: u64,
    pub(super) size: u64,
}

/// New section headers, and what the ELF header says of them.
pub(super) struct Headers {
    pub(super) table: Vec<u8>,
    pub(super) entry_size: u16,
    pub(super) count: u16,
    /// Index of the section with the names.
    pub(super) names: u16,
}

impl Vdso<'_> {
    /// Index of the section with the code.
    pub(super) fn text_index(&self) -> u16 {
        let text = |sections: &Vec<elf::Section<'_>>| sections.iter().position(|it| it.name == b".text");
        match &self.sections {
            Some(sections) => text(sections).and_then(|index| u16::try_from(index).ok()).unwrap_or(1),
            None => 1,
        }
    }
}

/// The kernel's headers with the moved sections at their new places; where the kernel left none, just
/// those, the text and the names. `place` stores the names and tells their offset.
pub(super) fn build(vdso: &Vdso<'_>, moved: &[Moved], place: &mut dyn FnMut(&[u8]) -> u64) -> Headers {
    match &vdso.sections {
        Some(sections) => kept(vdso, sections, moved),
        None => invented(vdso, moved, place),
    }
}

fn kept(vdso: &Vdso<'_>, sections: &[elf::Section<'_>], moved: &[Moved]) -> Headers {
    let mut table = Vec::with_capacity(sections.len() * SHDR_SIZE);
    for section in sections {
        let mut header = *section.raw;
        if let Some(moved) = moved.iter().find(|moved| moved.name == section.name) {
            let place = [moved.addr, moved.offset, moved.size].map(u64::to_le_bytes).concat();
            header[16..40].copy_from_slice(&place);
        }
        table.extend_from_slice(&header);
    }
    let word = |at| elf::u16_at(vdso.image, at).unwrap_or_default();
    Headers { table, entry_size: word(58), count: word(60), names: word(62) }
}

/// A header that is not the kernel's.
struct Invented {
    name: &'static [u8],
    kind: u32,
    flags: u64,
    place: [u64; 3],
    /// `sh_link`, `sh_info`.
    link: [u32; 2],
    align: u64,
    entry_size: u64,
}

fn invented(vdso: &Vdso<'_>, moved: &[Moved], place: &mut dyn FnMut(&[u8]) -> u64) -> Headers {
    const ALLOC: u64 = 2;
    const EXEC: u64 = 4;
    let text = [vdso.link_base, 0, vdso.load.filesz];
    let entry = |name, kind, flags, place, link, align, entry_size| Invented {
        name,
        kind,
        flags,
        place,
        link,
        align,
        entry_size,
    };
    // Indices count from 1, behind the empty header.
    let index = |name: &[u8]| moved.iter().position(|it| it.name == name).map_or(0, |at| word(at + 2));
    let (dynsym, dynstr) = (index(b".dynsym"), index(b".dynstr"));
    let mut list = vec![entry(b".text", 1, ALLOC | EXEC, text, [0, 0], 16, 0)];
    list.extend(moved.iter().map(|it| {
        let (kind, link, align, entry_size) = match it.name {
            b".hash" => (5, [dynsym, 0], 8, 4),
            b".gnu.hash" => (0x6fff_fff6, [dynsym, 0], 8, 0),
            b".dynsym" => (11, [dynstr, 1], 8, 24),
            b".dynstr" => (3, [0, 0], 1, 0),
            b".gnu.version" => (0x6fff_ffff, [dynsym, 0], 2, 2),
            _ => (1, [0, 0], 4, 0),
        };
        entry(it.name, kind, ALLOC, [it.addr, it.offset, it.size], link, align, entry_size)
    }));
    list.push(entry(b".shstrtab", 3, 0, [0; 3], [0, 0], 1, 0));
    let names = list.iter().flat_map(|it| [b"\0", it.name].concat()).chain([0]).collect::<Vec<u8>>();
    if let Some(last) = list.last_mut() {
        last.place = [0, place(&names), names.len() as u64];
    }
    let mut table = vec![0; SHDR_SIZE];
    let mut name_at = 1;
    for it in &list {
        table.extend_from_slice(&[name_at, it.kind].map(u32::to_le_bytes).concat());
        table.extend_from_slice(&it.flags.to_le_bytes());
        table.extend_from_slice(&it.place.map(u64::to_le_bytes).concat());
        table.extend_from_slice(&it.link.map(u32::to_le_bytes).concat());
        table.extend_from_slice(&[it.align, it.entry_size].map(u64::to_le_bytes).concat());
        name_at += word(it.name.len() + 1);
    }
    let count = u16::try_from(list.len() + 1).unwrap_or(u16::MAX);
    Headers { table, entry_size: 64, count, names: count - 1 }
}
