//! How long ADD_PAGES takes for one page: every loader adds its pages one by one.
//!
//! A bare host has nothing to compare with. The baseline is the least that must be done for a page: a system call that
//! copies it into a memory file, and where it is measured the SHA-256 of what EADD and sixteen EEXTENDs measure.

use std::hint;
use std::io;
use std::path::Path;

use anyclave_arch::{PageType, SecInfo, SecInfoFlags, Secs};
use anyclave_crypto::{BLOCK_BYTES, Measurement};
use anyclave_sys::client::{Area, Device};
use anyclave_sys::memfd::Memfd;
use anyclave_sys::sched::{self, Cpus};
use anyclave_sys::{Errno, Pid};
use zerocopy::{FromZeros, IntoBytes};

use super::lab::Lab;
use super::part::{Said, best};
use super::{BenchError, Entry};
use crate::demo::abi::{ADD_PAGES, AddPages, CREATE, PAGE_MEASURE, exposed};

pub(super) const NAME: &str = "addpages";
/// The part that copies pages into a memory file, and hashes them.
pub(super) const COPY: &str = "copy";
/// A measured page, with program and machine on one CPU.
pub(super) const ONE_CPU: &str = "one_cpu";
/// A measured page, with program and machine on any CPU.
pub(super) const ANY_CPU: &str = "any_cpu";
/// A page that is not measured, with program and machine on one CPU.
pub(super) const UNMEASURED: &str = "unmeasured";
/// What a part gives beside that.
const PAGE: &str = "page";

const BATCHES: u32 = 64;
const STEPS: u32 = 32;
/// Bytes of the enclave.
const SIZE: usize = ((2 * BATCHES * STEPS) as usize).next_power_of_two() * 4096;

/// A page of ordinary memory, aligned as ADD_PAGES wants it.
#[derive(Clone)]
#[repr(C, align(4096))]
struct Source([u8; 4096]);

pub(super) fn measure(lab: &Lab) -> Result<Vec<Entry>, BenchError> {
    let here = Pid::from_raw(0);
    let before = sched::affinity(here)?;
    // The programs that are started inherit it, the supervisor too.
    sched::set_affinity(here, &Cpus::only(sched::getcpu()?)?)?;
    let one = lab.beside(COPY, NAME, PAGE, ONE_CPU);
    let unmeasured = lab.beside(COPY, NAME, UNMEASURED, UNMEASURED);
    sched::set_affinity(here, &before)?;
    let any = lab.beside(COPY, NAME, PAGE, ANY_CPU);
    Ok(vec![Entry::Figure(one?), Entry::Figure(unmeasured?), Entry::Figure(any?)])
}

pub(super) fn part(_folder: &Path) -> Said {
    let (area, device) = (Area::reserve(SIZE)?, Device::open()?);
    create(&device, &area)?;
    let sources = sources();
    let page = best(BATCHES, STEPS, |index| add(&device, &sources, index, index, PAGE_MEASURE))?;
    let unmeasured = best(BATCHES, STEPS, |index| add(&device, &sources, index, BATCHES * STEPS + index, 0))?;
    Ok(vec![(PAGE, page), (UNMEASURED, unmeasured)])
}

/// Adds the source with this number as the page with that one.
fn add(device: &Device, sources: &[Source], source: u32, page: u32, flags: u64) -> io::Result<()> {
    let secinfo = SecInfo::new(PageType::Reg, SecInfoFlags::R | SecInfoFlags::W);
    let source = sources.get(source as usize).ok_or(Errno::EFAULT)?;
    let mut add = AddPages {
        src: exposed(source),
        offset: u64::from(page) * 4096,
        length: 4096,
        secinfo: exposed(&secinfo),
        flags,
        count: 0,
    };
    device.request(ADD_PAGES, add.as_mut_bytes())?;
    if add.count == 4096 { Ok(()) } else { Err(io::Error::other("a page was not added")) }
}

pub(super) fn copy(_folder: &Path) -> Said {
    let file = Memfd::create(c"copies", SIZE as u64)?;
    let sources = sources();
    let copy = |source: u32, page: u32| -> io::Result<&Source> {
        let source = sources.get(source as usize).ok_or(Errno::EFAULT)?;
        file.pwrite(&source.0, u64::from(page) * 4096)?;
        Ok(source)
    };
    let mut measurement = Measurement::new();
    let page = best(BATCHES, STEPS, |index| {
        let source = copy(index, index)?;
        let (blocks, _) = source.0.as_chunks();
        // What EADD measures, and before each part of a page what EEXTEND says of it.
        measurement.update(&[0; BLOCK_BYTES]);
        for part in blocks.chunks(4) {
            measurement.update(&[0; BLOCK_BYTES]);
            measurement.update_blocks(part);
        }
        Ok(())
    })?;
    hint::black_box(measurement);
    let unmeasured = best(BATCHES, STEPS, |index| copy(index, BATCHES * STEPS + index).map(drop))?;
    Ok(vec![(PAGE, page), (UNMEASURED, unmeasured)])
}

/// The pages of a program, none like the other.
fn sources() -> Vec<Source> {
    let mut sources = vec![Source([0x5a; 4096]); (BATCHES * STEPS) as usize];
    for (index, Source(bytes)) in sources.iter_mut().enumerate() {
        bytes[..8].copy_from_slice(&index.to_le_bytes());
    }
    sources
}

fn create(device: &Device, area: &Area) -> io::Result<()> {
    let mut secs = Secs::new_zeroed();
    secs.size = (SIZE as u64).into();
    secs.base = area.base().into();
    secs.ssaframesize = 1.into();
    secs.attributes = anyclave_hello::ATTRIBUTES;
    let mut argument = exposed(&secs);
    device.request(CREATE, argument.as_mut_bytes())?;
    Ok(())
}
