//! The vDSO with `__vdso_sgx_enter_enclave` in it.
//!
//! The kernel's own page is edited in place, so that AT_SYSINFO_EHDR, the code, and every symbol stay what
//! and where they are: the dynamic section and the ELF header are led to new tables in a region that the
//! supervisor maps anywhere into the process. The tables hold every original symbol and ours. All places
//! are given relative to the page, modulo 2^64, as the loaders add them.
//!
//! The function goes into bytes of the page that belong to nothing, if there are enough of them. There an
//! unwinder finds it, as unwinders look for code by the range of its object; elsewhere it works but an
//! exception cannot be thrown through it. On kernels that export the function themselves it is replaced:
//! their own fix-up would otherwise swallow the fault of the ENCLU.

mod parse;
mod sections;
mod symbols;
#[cfg(test)]
mod tests;
mod unwind;

pub(crate) use self::parse::Vdso;

use self::symbols::Symbol;

/// Name of the function.
const NAME: &[u8] = b"__vdso_sgx_enter_enclave";
/// The symbol version of everything in the vDSO.
const VERSION: &[u8] = b"LINUX_2.6";

/// The function as the stub has it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EnterFunction<'a> {
    /// Its position-independent code.
    pub(crate) code: &'a [u8],
    /// Its call frame instructions; see `anyclave_stub::enter_enclave_cfi`.
    pub(crate) cfi: &'a [u8],
    /// Where a copy lies in the process already, for the case that the page has no room.
    pub(crate) address: u64,
}

/// What is to be written.
#[derive(Debug, Clone)]
pub(crate) struct VdsoEdit {
    /// The bytes of the region.
    pub(crate) region: Vec<u8>,
    /// Offsets in the vDSO, and the bytes to be written there.
    pub(crate) edits: Vec<(usize, Vec<u8>)>,
    /// Address of the function: in the vDSO, or where its copy was.
    pub(crate) enter: u64,
    /// Whether an exception can be thrown through it.
    #[cfg_attr(not(test), expect(dead_code, reason = "told to tests"))]
    pub(crate) unwinds: bool,
}

/// The region while it is filled.
struct Region {
    bytes: Vec<u8>,
}

impl Region {
    /// Appends a table and tells its offset.
    fn place(&mut self, table: &[u8]) -> u64 {
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        let at = self.bytes.len() as u64;
        self.bytes.extend_from_slice(table);
        at
    }
}

impl Vdso<'_> {
    /// Bytes that the region for [`edit`](Self::edit) must have.
    pub(crate) fn region_len(&self, enter: &EnterFunction<'_>) -> usize {
        self.edit(0, 0, enter).region.len()
    }

    /// What makes the vDSO at `base` export the function, with the tables at `region`.
    pub(crate) fn edit(&self, base: u64, region: u64, enter: &EnterFunction<'_>) -> VdsoEdit {
        let mut edits = Vec::new();
        let inside = unwind::place(self, enter);
        let (address, unwinds) = match &inside {
            Some(placed) => {
                edits.extend_from_slice(&placed.edits);
                (base.wrapping_add(placed.code as u64), true)
            }
            None => (enter.address, false),
        };
        // Offsets from the page, as sections have them, and virtual addresses, as the dynamic section has
        // them, differ where the image was linked for a place.
        let offset_of = |address: u64| address.wrapping_sub(base);
        let vaddr_of = |address: u64| offset_of(address).wrapping_add(self.link_base);

        let symbol = Symbol::function(vaddr_of(address), enter.code.len() as u64, self.text_index());
        let tables = symbols::build(self, symbol);
        let mut filled = Region { bytes: Vec::new() };
        let mut dynamic = Vec::new();
        let mut moved = Vec::new();
        for table in &tables {
            let at = region.wrapping_add(filled.place(&table.bytes));
            dynamic.push((table.tag, vaddr_of(at)));
            moved.push(sections::Moved {
                name: table.section,
                addr: vaddr_of(at),
                offset: offset_of(at),
                size: table.bytes.len() as u64,
            });
            if table.tag == parse::DT_STRTAB {
                dynamic.push((parse::DT_STRSZ, table.bytes.len() as u64));
            }
        }
        if let Some(placed) = &inside {
            moved.push(sections::Moved {
                name: b".eh_frame_hdr",
                addr: self.link_base.wrapping_add(placed.header as u64),
                offset: placed.header as u64,
                size: placed.header_len as u64,
            });
        }
        edits.extend(self.dynamic.edits(&dynamic));
        let headers =
            sections::build(self, &moved, &mut |names| offset_of(region.wrapping_add(filled.place(names))));
        let at = offset_of(region.wrapping_add(filled.place(&headers.table)));
        edits.push((40, at.to_le_bytes().to_vec()));
        edits.push((58, [headers.entry_size, headers.count, headers.names].map(u16::to_le_bytes).concat()));
        VdsoEdit { region: filled.bytes, edits, enter: address, unwinds }
    }
}
