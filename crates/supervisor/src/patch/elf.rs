//! The few words of 64-bit little-endian ELF that patching reads. Every access is checked.

/// `p_type` of a segment that is mapped.
pub(super) const PT_LOAD: u32 = 1;
/// `p_type` of the dynamic section.
pub(super) const PT_DYNAMIC: u32 = 2;
/// `p_type` of notes.
pub(crate) const PT_NOTE: u32 = 4;
/// `p_type` of the search table of the unwind information.
pub(super) const PT_GNU_EH_FRAME: u32 = 0x6474_e550;
/// `p_flags`: executable.
pub(super) const PF_X: u32 = 1;
/// `sh_type` of a section without bytes in the file.
pub(super) const SHT_NOBITS: u32 = 8;

/// Size of a program header.
const PHDR_SIZE: usize = 56;
/// Size of a section header.
pub(super) const SHDR_SIZE: usize = 64;
/// Section headers beyond this many are taken for nonsense.
const MAX_SECTIONS: usize = 4096;

/// The two bytes at `at`.
pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// The four bytes at `at`.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// The eight bytes at `at`.
pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// The bytes `offset..offset + len`.
pub(super) fn slice(bytes: &[u8], offset: u64, len: u64) -> Option<&[u8]> {
    let start = usize::try_from(offset).ok()?;
    bytes.get(start..start.checked_add(usize::try_from(len).ok()?)?)
}

/// The string that starts at `at`, without its terminator.
pub(super) fn string_at(strings: &[u8], at: u32) -> Option<&[u8]> {
    let rest = strings.get(usize::try_from(at).ok()?..)?;
    Some(&rest[..rest.iter().position(|byte| *byte == 0)?])
}

/// Whether `bytes` begin as a 64-bit little-endian x86-64 ELF file does.
pub(crate) fn is_x86_64(bytes: &[u8]) -> bool {
    const EM_X86_64: u16 = 62;
    bytes.starts_with(b"\x7fELF\x02\x01") && u16_at(bytes, 18) == Some(EM_X86_64)
}

/// A program header.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Segment {
    /// Where the header itself lies in the file.
    pub(super) header: usize,
    pub(crate) kind: u32,
    pub(crate) flags: u32,
    pub(crate) offset: u64,
    pub(crate) vaddr: u64,
    pub(crate) filesz: u64,
    pub(super) memsz: u64,
}

/// The program headers that lie inside the file.
pub(crate) fn segments(bytes: &[u8]) -> Option<impl Iterator<Item = Segment>> {
    let start = usize::try_from(u64_at(bytes, 32)?).ok()?;
    let (size, count) = (usize::from(u16_at(bytes, 54)?), usize::from(u16_at(bytes, 56)?));
    if size != PHDR_SIZE {
        return None;
    }
    Some((0..count).map_while(move |index| {
        let header = start.checked_add(index * PHDR_SIZE)?;
        let bytes = bytes.get(header..header.checked_add(PHDR_SIZE)?)?;
        Some(Segment {
            header,
            kind: u32_at(bytes, 0)?,
            flags: u32_at(bytes, 4)?,
            offset: u64_at(bytes, 8)?,
            vaddr: u64_at(bytes, 16)?,
            filesz: u64_at(bytes, 32)?,
            memsz: u64_at(bytes, 40)?,
        })
    }))
}

/// A section header.
#[derive(Debug, Clone, Copy)]
pub(super) struct Section<'a> {
    pub(super) name: &'a [u8],
    pub(super) kind: u32,
    pub(super) addr: u64,
    pub(super) offset: u64,
    pub(super) size: u64,
    /// The header itself.
    pub(super) raw: &'a [u8; SHDR_SIZE],
}

/// All section headers, or nothing if any of them is not in order.
pub(super) fn sections(bytes: &[u8]) -> Option<Vec<Section<'_>>> {
    let start = usize::try_from(u64_at(bytes, 40)?).ok()?;
    let (size, count) = (usize::from(u16_at(bytes, 58)?), usize::from(u16_at(bytes, 60)?));
    let names = usize::from(u16_at(bytes, 62)?);
    if size != SHDR_SIZE || names >= count || count > MAX_SECTIONS {
        return None;
    }
    let table = bytes.get(start..start.checked_add(count * SHDR_SIZE)?)?;
    let names = &table[names * SHDR_SIZE..];
    let names = slice(bytes, u64_at(names, 24)?, u64_at(names, 32)?)?;
    let (headers, _) = table.as_chunks::<SHDR_SIZE>();
    headers
        .iter()
        .map(|raw| {
            Some(Section {
                name: string_at(names, u32_at(raw, 0)?)?,
                kind: u32_at(raw, 4)?,
                addr: u64_at(raw, 16)?,
                offset: u64_at(raw, 24)?,
                size: u64_at(raw, 32)?,
                raw,
            })
        })
        .collect()
}
