//! What the leaves that loaders and a kernel's reclaimer execute for each page take, beside the copying and the
//! cryptography that they cannot do without, of the same bytes and in the same run.
//!
//! The leaves are executed as the driver executes them, from the registers of ENCLS on, but in the bench's own
//! process and on EPC that is an array: nothing of the host is in these figures. What its calls add is
//! measured by `addpages`.

use std::hint;
use std::io;
use std::path::Path;
use std::time::Instant;

use anyclave_arch::{EpcAddr, Linear, PAGE_SIZE, PageType, SecInfo, SecInfoFlags, Secs};
use anyclave_cpu::{Bare, Encls, EnclsError, PAGE_BYTES, Package, Processor};
use anyclave_crypto::{BLOCK_BYTES, Measurement};
use zerocopy::{FromZeros, IntoBytes};

use super::lab::{Lab, nanoseconds};
use super::part::Said;
use super::{BenchError, Entry};
use crate::machine::Machine;

mod memory;

use memory::{Array, Constant};

pub(super) const NAME: &str = "leaves";
/// EADD of a page; bare, copying it and one block of the hash.
pub(super) const EADD: &str = "eadd";
/// Sixteen EEXTENDs of a page; bare, the hash of what they measure.
pub(super) const EEXTEND: &str = "eextend_16";
/// EADD and sixteen EEXTENDs; bare, the hash of the 5,184 bytes that they measure.
pub(super) const MEASURED: &str = "measured";
const FIGURES: [(&str, &str); 3] =
    [(EADD, "copy_and_block"), (EEXTEND, "hash_of_16"), (MEASURED, "hash_of_page")];

const ROUNDS: u32 = 400;
/// Pages of a lap: their sources, the EPC and a copy fit into a processor's second cache.
const PAGES: usize = 32;
const BASE: Linear = Linear(0x7000_0000_0000);
/// Bytes that one EEXTEND measures.
const CHUNK: usize = 256;

/// A page of ordinary memory, aligned as EADD wants it.
#[derive(Clone)]
#[repr(C, align(4096))]
struct Page([u8; PAGE_BYTES]);

pub(super) fn measure(lab: &Lab) -> Result<Vec<Entry>, BenchError> {
    Ok(lab.alone(NAME, &FIGURES)?.into_iter().map(Entry::Figure).collect())
}

pub(super) fn part(_folder: &Path) -> Said {
    let config = Machine::seeded(NAME).config().map_err(io::Error::other)?.0.processor();
    let base = EpcAddr(config.sections.first().map_or(0, |section| section.base));
    let mut package = Package::new(config, Array::new(base, 1 + PAGES), Constant);
    let mut kernel = Processor::default();
    let mut enclave = Enclave::create(Bare::new(&mut package, &mut kernel), base)?;
    let mut bare = BarePages::new();

    let mut laps = [(); 2 * FIGURES.len()].map(|()| f64::MAX);
    let [copy, eadd, hash_of_16, eextend, hash, measured] = &mut laps;
    for _ in 0..ROUNDS {
        lap(copy, |number| bare.copy_and_block(number))?;
        lap(eadd, |number| enclave.eadd(number))?;
        lap(hash_of_16, |number| bare.hash(number))?;
        lap(eextend, |number| enclave.eextend(number))?;
        enclave.empty()?;
        lap(hash, |number| bare.hash_with_block(number))?;
        lap(measured, |number| enclave.eadd(number).and_then(|()| enclave.eextend(number)))?;
        enclave.empty()?;
    }
    hint::black_box(bare);
    let names = FIGURES.iter().flat_map(|(name, bare)| [*bare, *name]);
    Ok(names.zip(laps).collect())
}

/// One step for each page; keeps the shortest time that a page took on average.
fn lap(best: &mut f64, mut step: impl FnMut(usize) -> io::Result<()>) -> io::Result<()> {
    let begin = Instant::now();
    for number in 0..PAGES {
        step(number)?;
    }
    *best = best.min(nanoseconds(begin.elapsed()) / PAGES as f64);
    Ok(())
}

/// What must be done for a page whatever does it.
struct BarePages {
    sources: Vec<Page>,
    copies: Vec<Page>,
    measurement: Measurement,
}

impl BarePages {
    fn new() -> Self {
        let pages = vec![Page([0x5a; PAGE_BYTES]); PAGES];
        Self { sources: pages.clone(), copies: pages, measurement: Measurement::new() }
    }

    fn copy_and_block(&mut self, number: usize) -> io::Result<()> {
        let source = self.sources.get(number).ok_or(io::ErrorKind::NotFound)?;
        let copy = self.copies.get_mut(number).ok_or(io::ErrorKind::NotFound)?;
        copy.0.copy_from_slice(&hint::black_box(source).0);
        hint::black_box(copy);
        self.measurement.update(&[0; BLOCK_BYTES]);
        Ok(())
    }

    fn hash(&mut self, number: usize) -> io::Result<()> {
        let source = self.sources.get(number).ok_or(io::ErrorKind::NotFound)?;
        let (blocks, _) = source.0.as_chunks();
        for part in blocks.chunks(CHUNK / BLOCK_BYTES) {
            self.measurement.update(&[0; BLOCK_BYTES]);
            self.measurement.update_blocks(part);
        }
        Ok(())
    }

    fn hash_with_block(&mut self, number: usize) -> io::Result<()> {
        self.measurement.update(&[0; BLOCK_BYTES]);
        self.hash(number)
    }
}

/// An enclave that is being built, its SECS in the first page of the EPC.
struct Enclave<'a> {
    leaves: Bare<'a, Array, Constant>,
    secs: EpcAddr,
    sources: Vec<Page>,
}

impl<'a> Enclave<'a> {
    fn create(mut leaves: Bare<'a, Array, Constant>, secs: EpcAddr) -> io::Result<Self> {
        let mut source = Secs::new_zeroed();
        source.size = (PAGES as u64 * PAGE_SIZE).next_power_of_two().into();
        source.base = BASE.0.into();
        source.ssaframesize = 1.into();
        source.attributes = anyclave_hello::ATTRIBUTES;
        let mut page = [0; PAGE_BYTES];
        page.copy_from_slice(source.as_bytes());
        let secinfo = SecInfo::new(PageType::Secs, SecInfoFlags::empty());
        leaves.ecreate(secs, &page, &secinfo).map_err(failed)?;
        Ok(Self { leaves, secs, sources: vec![Page([0x5a; PAGE_BYTES]); PAGES] })
    }

    /// The EPC page with this number.
    fn page(&self, number: usize) -> EpcAddr {
        EpcAddr(self.secs.0 + (1 + number as u64) * PAGE_SIZE)
    }

    fn eadd(&mut self, number: usize) -> io::Result<()> {
        let secinfo = SecInfo::new(PageType::Reg, SecInfoFlags::R | SecInfoFlags::W);
        let (page, linaddr) = (self.page(number), BASE.offset(number as u64 * PAGE_SIZE));
        let source = self.sources.get(number).ok_or(io::ErrorKind::NotFound)?;
        self.leaves.eadd(page, self.secs, linaddr, &source.0, &secinfo).map_err(failed)
    }

    /// All sixteen of a page.
    fn eextend(&mut self, number: usize) -> io::Result<()> {
        for offset in (0..PAGE_SIZE).step_by(CHUNK) {
            let chunk = EpcAddr(self.page(number).0 + offset);
            self.leaves.eextend(self.secs, chunk).map_err(failed)?;
        }
        Ok(())
    }

    /// EREMOVE of all pages but the SECS.
    fn empty(&mut self) -> io::Result<()> {
        (0..PAGES).try_for_each(|number| self.leaves.eremove(self.page(number)).map_err(failed))
    }
}

fn failed(error: EnclsError) -> io::Error {
    io::Error::other(format!("a leaf fails: {error:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_leaf_stands_beside_what_it_cannot_do_without() {
        let said = part(Path::new("/")).unwrap();
        for (name, bare) in FIGURES {
            let time = |name| said.iter().find(|(known, _)| *known == name).unwrap().1;
            assert!(time(name) > 0.0 && time(bare) > 0.0, "{name}");
        }
    }
}
