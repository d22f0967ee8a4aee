//! The functions of a file, by its unwind information.

use super::super::elf::{self, Segment};
use core::ops::Range;
use gimli::{BaseAddresses, CieOrFde, EhFrame, EhFrameHdr, EndianSlice, LittleEndian, ParsedEhFrameHdr};
use gimli::{EhFrameOffset, UnwindSection};

type Bytes<'a> = EndianSlice<'a, LittleEndian>;

/// Where functions start and end.
pub(super) enum Frames<'a> {
    /// A search table leads to the description of each.
    Table(Table<'a>),
    /// The functions by their starts, read from all descriptions.
    List(Vec<Range<u64>>),
}

/// `.eh_frame_hdr` and `.eh_frame`.
pub(super) struct Table<'a> {
    header: ParsedEhFrameHdr<Bytes<'a>>,
    frames: EhFrame<Bytes<'a>>,
    bases: BaseAddresses,
}

impl<'a> Frames<'a> {
    /// The functions of a file, or nothing if it has no unwind information at all. Broken information
    /// describes no function.
    pub(super) fn of(file: &'a [u8], segments: &[Segment]) -> Option<Self> {
        let header = segments.iter().find(|it| it.kind == elf::PT_GNU_EH_FRAME);
        if let Some(table) = header.and_then(|header| Table::of(file, segments, header)) {
            return Some(Self::Table(table));
        }
        let sections = elf::sections(file).unwrap_or_default();
        match sections.iter().find(|it| it.name == b".eh_frame" && it.kind != elf::SHT_NOBITS) {
            Some(section) => {
                let bytes = elf::slice(file, section.offset, section.size).unwrap_or_default();
                Some(Self::List(functions(bytes, section.addr)))
            }
            None => header.map(|_| Self::List(Vec::new())),
        }
    }

    /// The addresses of the function around `address`.
    pub(super) fn function(&self, address: u64) -> Option<Range<u64>> {
        match self {
            Self::Table(table) => table.function(address),
            Self::List(list) => {
                let behind = list.partition_point(|function| function.start <= address);
                list[..behind].last().filter(|function| function.contains(&address)).cloned()
            }
        }
    }
}

impl<'a> Table<'a> {
    fn of(file: &'a [u8], segments: &[Segment], header: &Segment) -> Option<Self> {
        let bytes = elf::slice(file, header.offset, header.filesz)?;
        let bases = BaseAddresses::default().set_eh_frame_hdr(header.vaddr);
        let header = EhFrameHdr::new(bytes, LittleEndian).parse(&bases, 8).ok()?;
        header.table()?;
        // The descriptions reach at most to the end of what is mapped around them.
        let start = header.eh_frame_ptr().direct().ok()?;
        let mapped = |it: &&Segment| it.kind == elf::PT_LOAD && start.wrapping_sub(it.vaddr) < it.filesz;
        let segment = segments.iter().find(mapped)?;
        let skip = start.wrapping_sub(segment.vaddr);
        let bytes = elf::slice(file, segment.offset.checked_add(skip)?, segment.filesz - skip)?;
        Some(Self { header, frames: EhFrame::new(bytes, LittleEndian), bases: bases.set_eh_frame(start) })
    }

    fn function(&self, address: u64) -> Option<Range<u64>> {
        let table = self.header.table()?;
        let pointer = table.lookup(address, &self.bases).ok()?;
        let offset = table.pointer_to_offset(pointer).ok()?;
        let description = self.frames.fde_from_offset(&self.bases, offset, EhFrame::cie_from_offset).ok()?;
        let function = description.initial_address()..description.end_address();
        function.contains(&address).then_some(function)
    }
}

/// The functions that `.eh_frame` at `vaddr` describes, by their starts.
fn functions(bytes: &[u8], vaddr: u64) -> Vec<Range<u64>> {
    let frames = EhFrame::new(bytes, LittleEndian);
    let bases = BaseAddresses::default().set_eh_frame(vaddr);
    let mut entries = frames.entries(&bases);
    let mut functions = Vec::new();
    while let Ok(Some(entry)) = entries.next() {
        if let CieOrFde::Fde(partial) = entry
            && let Ok(fde) =
                partial.parse(|_, bases, offset: EhFrameOffset| frames.cie_from_offset(bases, offset))
        {
            functions.push(fde.initial_address()..fde.end_address());
        }
    }
    functions.sort_unstable_by_key(|function| function.start);
    functions
}
