//! From an ELF file to the pages of an enclave: its segments from offset zero, a page left out as a guard,
//! then the TCS and its SSA frames.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use anyclave_arch::{PageType, SecInfo, SecInfoFlags, Tcs};
use anyclave_sign::{CHUNKS_PER_PAGE, Image, PAGE_BYTES, Page};
use object::LittleEndian;
use object::elf::{self, FileHeader64};
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader};
use thiserror::Error;
use zerocopy::{FromZeros, IntoBytes};

use crate::abi::ELRANGE;

/// SSA frames: one for the interrupted call, one for the handler of its exception, should that be
/// interrupted too.
const SSA_FRAMES: u32 = 2;
/// Pages in an SSA frame: enough for x87 and SSE, MISC and GPRSGX.
const SSA_FRAME_PAGES: u32 = 1;

const PAGE: u64 = PAGE_BYTES as u64;
const RW: SecInfoFlags = SecInfoFlags::R.union(SecInfoFlags::W);

/// Why an ELF file cannot become an enclave.
#[derive(Debug, Error)]
pub enum LayoutError {
    /// It is no ELF file, or a damaged one.
    #[error("{0}")]
    Elf(#[from] object::read::Error),
    /// A segment's bytes lie beyond its end.
    #[error("it is cut off")]
    Truncated,
    /// A relocation depends on the address, which a measurement must not.
    #[error("it has relocations")]
    Relocations,
    /// It wants an interpreter to load it.
    #[error("it is dynamically linked")]
    Interpreter,
    /// Two segments share a page.
    #[error("two segments share the page at {0:#x}")]
    SharedPage(u64),
    /// It does not fit.
    #[error("it is larger than the enclave's {ELRANGE:#x} bytes")]
    TooLarge,
}

/// Lays out a position-independent executable.
pub(crate) fn lay_out(file: &[u8]) -> Result<Image, LayoutError> {
    let header = FileHeader64::<LittleEndian>::parse(file)?;
    let endian = header.endian()?;
    for section in header.sections(endian, file)?.iter() {
        let kind = section.sh_type(endian);
        if matches!(kind, elf::SHT_RELA | elf::SHT_REL | elf::SHT_RELR) && section.sh_size(endian) != 0 {
            return Err(LayoutError::Relocations);
        }
    }

    let mut pages = BTreeMap::new();
    for segment in header.program_headers(endian, file)? {
        match segment.p_type(endian) {
            elf::PT_INTERP => return Err(LayoutError::Interpreter),
            elf::PT_LOAD => {
                let data = segment.data(endian, file).or(Err(LayoutError::Truncated))?;
                let rights = rights(segment.p_flags(endian));
                load(&mut pages, segment.p_vaddr(endian), segment.p_memsz(endian), data, rights)?;
            }
            _ => {}
        }
    }

    let end = pages.last_key_value().map_or(0, |(offset, _)| offset + PAGE);
    let tcs_at = end + PAGE;
    let ssa_at = tcs_at + PAGE;
    pages.insert(tcs_at, tcs_page(header.e_entry(endian), ssa_at));
    for frame in 0..u64::from(SSA_FRAMES) {
        pages.insert(ssa_at + frame * PAGE, page(SecInfo::new(PageType::Reg, RW)));
    }

    let size = ELRANGE as u64;
    if pages.last_key_value().is_none_or(|(offset, _)| offset + PAGE > size) {
        return Err(LayoutError::TooLarge);
    }
    let pages = pages.into_iter().map(|(offset, page)| Page { offset, ..page }).collect();
    Ok(Image { ssaframesize: SSA_FRAME_PAGES, size, pages })
}

/// Puts a segment into its pages, all of which are its alone.
fn load(
    pages: &mut BTreeMap<u64, Page>,
    start: u64,
    size: u64,
    data: &[u8],
    rights: SecInfoFlags,
) -> Result<(), LayoutError> {
    let end = start.checked_add(size).filter(|end| *end <= ELRANGE as u64).ok_or(LayoutError::TooLarge)?;
    for offset in (start & !(PAGE - 1)..end).step_by(PAGE_BYTES) {
        match pages.entry(offset) {
            Entry::Vacant(entry) => entry.insert(page(SecInfo::new(PageType::Reg, rights))),
            Entry::Occupied(_) => return Err(LayoutError::SharedPage(offset)),
        };
    }
    for (at, byte) in (start..end).zip(data) {
        if let Some(page) = pages.get_mut(&(at & !(PAGE - 1))) {
            let within = usize::try_from(at % PAGE).or(Err(LayoutError::TooLarge))?;
            page.data[within] = *byte;
        }
    }
    Ok(())
}

/// An empty page, measured whole. Its offset is its key in the map.
fn page(secinfo: SecInfo) -> Page {
    const _: () = assert!(CHUNKS_PER_PAGE == 16);
    Page { offset: 0, secinfo, data: Box::new([0; PAGE_BYTES]), measured: u16::MAX }
}

fn tcs_page(entry: u64, ssa: u64) -> Page {
    let mut tcs = Tcs::new_zeroed();
    tcs.ossa = ssa.into();
    tcs.nssa = SSA_FRAMES.into();
    tcs.oentry = entry.into();
    // GS points to the first SSA frame: there the handler finds what was interrupted.
    tcs.ofsbase = ssa.into();
    tcs.ogsbase = ssa.into();
    tcs.fslimit = u32::MAX.into();
    tcs.gslimit = u32::MAX.into();
    let mut page = page(SecInfo::new(PageType::Tcs, SecInfoFlags::empty()));
    page.data.copy_from_slice(tcs.as_bytes());
    page
}

fn rights(flags: elf::ProgramFlags) -> SecInfoFlags {
    let right =
        |bit: elf::ProgramFlags, right| if (flags & bit).0 == 0 { SecInfoFlags::empty() } else { right };
    right(elf::PF_R, SecInfoFlags::R) | right(elf::PF_W, SecInfoFlags::W) | right(elf::PF_X, SecInfoFlags::X)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_fills_its_pages_and_no_more() {
        let mut pages = BTreeMap::new();
        load(&mut pages, 0x1ffe, 0x1004, &[1, 2, 3], RW).unwrap();
        let offsets: Vec<_> = pages.keys().copied().collect();
        assert_eq!(offsets, [0x1000, 0x2000, 0x3000]);
        assert_eq!(pages[&0x1000].data[0xffd..], [0, 1, 2]);
        assert_eq!(pages[&0x2000].data[..2], [3, 0]);
    }

    #[test]
    fn segments_do_not_share_pages() {
        let mut pages = BTreeMap::new();
        load(&mut pages, 0, 0x1001, &[], RW).unwrap();
        let error = load(&mut pages, 0x1800, 1, &[], RW).unwrap_err();
        assert!(matches!(error, LayoutError::SharedPage(0x1000)));
    }

    #[test]
    fn a_segment_beyond_the_enclave_is_refused() {
        for (start, size) in [(0, ELRANGE as u64 + 1), (u64::MAX, 2), (ELRANGE as u64, 1)] {
            let error = load(&mut BTreeMap::new(), start, size, &[], RW).unwrap_err();
            assert!(matches!(error, LayoutError::TooLarge));
        }
    }

    #[test]
    fn files_that_are_no_executables_are_refused() {
        assert!(matches!(lay_out(b""), Err(LayoutError::Elf(_))));
        let own = std::fs::read("/proc/self/exe").unwrap();
        assert!(matches!(lay_out(&own), Err(LayoutError::Relocations)));
        for length in (0..0x1000).step_by(7) {
            assert!(lay_out(&own[..length]).is_err());
        }
    }
}
