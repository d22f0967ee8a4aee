//! `PROCMAP_QUERY`: one memory area without reading the whole maps file (`fs/proc/task_mmu.c`).

use super::Vma;
use crate::{Errno, Result};
use std::ffi::OsString;
use std::fs::File;
use std::mem::{offset_of, size_of};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStringExt;

/// `struct procmap_query` of `linux/fs.h`.
#[repr(C)]
#[derive(Default)]
struct Query {
    size: u64,
    flags: u64,
    addr: u64,
    vma_start: u64,
    vma_end: u64,
    vma_flags: u64,
    vma_page_size: u64,
    vma_offset: u64,
    inode: u64,
    dev_major: u32,
    dev_minor: u32,
    name_size: u32,
    build_id_size: u32,
    name_addr: u64,
    build_id_addr: u64,
}

const SIZE: usize = size_of::<Query>();
const _: () = assert!(SIZE == 104);
const _: () = assert!(offset_of!(Query, name_addr) == 88);

/// `_IOWR('f', 17, struct procmap_query)`.
const PROCMAP_QUERY: libc::Ioctl = libc::_IOWR::<Query>(b'f' as u32, 17);

const VMA_READABLE: u64 = 0x01;
const VMA_WRITABLE: u64 = 0x02;
const VMA_EXECUTABLE: u64 = 0x04;
const VMA_SHARED: u64 = 0x08;
const COVERING_OR_NEXT_VMA: u64 = 0x10;

/// The area that holds `addr` or the next above. `ENOTTY`: the kernel does not know the query.
pub(super) fn at_or_above(maps: &File, addr: u64) -> Result<Option<Vma>> {
    // PATH_MAX and the kernel's " (deleted)".
    query(maps, addr, vec![0; 4096 + 16])
}

/// The same without its path.
pub(super) fn unnamed_at_or_above(maps: &File, addr: u64) -> Result<Option<Vma>> {
    query(maps, addr, Vec::new())
}

/// The query with room for the name.
fn query(maps: &File, addr: u64, mut name: Vec<u8>) -> Result<Option<Vma>> {
    let mut query = Query {
        size: SIZE as u64,
        flags: COVERING_OR_NEXT_VMA,
        addr,
        name_size: u32::try_from(name.len()).or(Err(Errno::EOVERFLOW))?,
        // Zero means that none is wanted, and goes with no size.
        name_addr: if name.is_empty() { 0 } else { name.as_mut_ptr() as u64 },
        ..Query::default()
    };
    // SAFETY: the request's size is that of `query`, a live structure, and the name's address and size are
    // those of a live vector or both zero; the kernel writes to nothing else as build_id_size is 0.
    let done = unsafe { libc::ioctl(maps.as_raw_fd(), PROCMAP_QUERY, &raw mut query) };
    match Errno::result(done) {
        Err(Errno::ENOENT) => return Ok(None),
        other => other?,
    };
    // The size comes back with the closing zero, or as 0 for no name.
    name.truncate(usize::try_from(query.name_size).or(Err(Errno::EOVERFLOW))?.saturating_sub(1));
    let has = |flag| query.vma_flags & flag != 0;
    Ok(Some(Vma {
        start: query.vma_start,
        end: query.vma_end,
        read: has(VMA_READABLE),
        write: has(VMA_WRITABLE),
        exec: has(VMA_EXECUTABLE),
        shared: has(VMA_SHARED),
        offset: query.vma_offset,
        dev: (query.dev_major, query.dev_minor),
        inode: query.inode,
        path: OsString::from_vec(name),
    }))
}
