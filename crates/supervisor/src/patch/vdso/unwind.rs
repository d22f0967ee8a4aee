//! The function inside the page, with what an unwinder needs to know of it.
//!
//! Unwinders search the object whose loaded segment covers the address, by the table of `.eh_frame_hdr`. So
//! the segment is extended to the end of the page, and a table with one more entry stands beside the code;
//! the old frame descriptions stay where they are.

use super::super::elf;
use super::symbols::word;
use super::{EnterFunction, Vdso};

/// The function in the page.
pub(super) struct Placed {
    /// Offset of the code in the image.
    pub(super) code: usize,
    /// Offset and length of the new `.eh_frame_hdr`.
    pub(super) header: usize,
    pub(super) header_len: usize,
    pub(super) edits: Vec<(usize, Vec<u8>)>,
}

/// Version 1; a pointer relative to itself; a plain count; table entries relative to the table.
const HEADER_START: [u8; 4] = [1, 0x1b, 0x03, 0x3b];

/// The common information entry: see `anyclave_stub::enter_enclave_cfi` for what it must say.
const CIE: [u8; 24] = [
    20,
    0,
    0,
    0,
    0,
    0,
    0,
    0, // length, "this is a CIE"
    1,
    b'z',
    b'R',
    0, // version, augmentation: an encoding follows
    1,
    0x78,
    16, // factors 1 and -8, column of the return address
    1,
    0x1b, // the encoding: 32 bits, relative to themselves
    0x0c,
    7,
    8, // CFA = rsp + 8
    0x80 + 16,
    1, // return address at CFA - 8
    0,
    0,
];

/// Puts the function into free bytes of the page, if it can be done with all that unwinding needs.
pub(super) fn place(vdso: &Vdso<'_>, enter: &EnterFunction<'_>) -> Option<Placed> {
    let code = vdso.free.start.next_multiple_of(64);
    let cie = (code + enter.code.len()).next_multiple_of(8);
    let fde = cie + CIE.len();
    let description = frame_description(fde, code, enter);
    let header = fde + description.len();
    let (segment, old) = (vdso.eh_frame_hdr?, table(vdso)?);
    let mut entries = old.entries;
    entries.push((code, fde));
    entries.sort_unstable();
    let table = header_bytes(header, old.eh_frame, &entries);
    if header + table.len() > vdso.image.len() {
        return None;
    }
    let vaddr = vdso.link_base.wrapping_add(header as u64);
    let (whole, header_len) = (vdso.image.len() as u64, table.len());
    let words = |values: &[u64]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
    let edits = vec![
        (code, enter.code.to_vec()),
        (cie, CIE.to_vec()),
        (fde, description),
        (header, table),
        (segment.header + 8, words(&[header as u64, vaddr, vaddr, header_len as u64, header_len as u64])),
        (vdso.load.header + 32, words(&[whole, whole])),
    ];
    Some(Placed { code, header, header_len, edits })
}

/// The distance from `from` to `to`, offsets in the image, as the 32 bits of a relative pointer.
fn distance(from: usize, to: usize) -> [u8; 4] {
    word(to).wrapping_sub(word(from)).to_le_bytes()
}

fn frame_description(at: usize, code: usize, enter: &EnterFunction<'_>) -> Vec<u8> {
    // The second word is the way back to the CIE, which ends where this begins.
    let mut bytes = [[0; 4], word(CIE.len() + 4).to_le_bytes(), distance(at + 8, code)].concat();
    bytes.extend_from_slice(&word(enter.code.len()).to_le_bytes());
    bytes.push(0);
    bytes.extend_from_slice(enter.cfi);
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    let len = word(bytes.len() - 4).to_le_bytes();
    bytes[..4].copy_from_slice(&len);
    // A reader that goes on without the table stops here.
    bytes.extend_from_slice(&[0; 4]);
    bytes
}

/// The kernel's search table, as offsets in the image.
struct Table {
    eh_frame: usize,
    /// Function, frame description.
    entries: Vec<(usize, usize)>,
}

fn table(vdso: &Vdso<'_>) -> Option<Table> {
    let segment = vdso.eh_frame_hdr?;
    let bytes = elf::slice(vdso.image, segment.offset, segment.filesz)?;
    let start = usize::try_from(segment.offset).ok()?;
    let offset = |base: usize, at: usize| {
        let distance = isize::try_from(elf::u32_at(bytes, at)?.cast_signed()).ok()?;
        base.checked_add_signed(distance).filter(|offset| *offset < vdso.image.len())
    };
    if !bytes.starts_with(&HEADER_START) {
        return None;
    }
    let count = usize::try_from(elf::u32_at(bytes, 8)?).ok()?;
    if count > vdso.image.len() / 8 {
        return None;
    }
    let entry = |index: usize| Some((offset(start, 12 + index * 8)?, offset(start, 16 + index * 8)?));
    Some(Table { eh_frame: offset(start + 4, 4)?, entries: (0..count).map(entry).collect::<Option<_>>()? })
}

fn header_bytes(at: usize, eh_frame: usize, entries: &[(usize, usize)]) -> Vec<u8> {
    let mut bytes = HEADER_START.to_vec();
    bytes.extend_from_slice(&distance(at + 4, eh_frame));
    bytes.extend_from_slice(&word(entries.len()).to_le_bytes());
    for (function, description) in entries {
        bytes.extend_from_slice(&distance(at, *function));
        bytes.extend_from_slice(&distance(at, *description));
    }
    bytes
}
