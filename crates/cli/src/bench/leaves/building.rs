//! EADD and EEXTEND, by the driver's own way into the processor.

use std::hint;
use std::io;

use anyclave_arch::{EpcAddr, PAGE_SIZE, PageType, SecInfo, SecInfoFlags, Secs};
use anyclave_cpu::{Bare, Encls, EnclsError, PAGE_BYTES, Processor};
use anyclave_crypto::{BLOCK_BYTES, Measurement};
use zerocopy::{FromZeros, IntoBytes};

use super::memory::{Array, Constant};
use super::{BASE, EADD, EEXTEND, MEASURED, PAGES, Page, ROUNDS, lap, package};
use crate::bench::part::Said;

pub(super) const COPY_AND_BLOCK: &str = "copy_and_block";
pub(super) const HASH_OF_16: &str = "hash_of_16";
pub(super) const HASH_OF_PAGE: &str = "hash_of_page";
/// Bytes that one EEXTEND measures.
const CHUNK: usize = 256;

/// Builds an enclave again and again.
pub(super) fn figures() -> Said {
    let (mut package, base) = package(1)?;
    let mut kernel = Processor::default();
    let mut enclave = Enclave::create(Bare::new(&mut package, &mut kernel), base)?;
    let mut bare = BarePages::new();

    let mut laps = [f64::MAX; 6];
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
    let names = [COPY_AND_BLOCK, EADD, HASH_OF_16, EEXTEND, HASH_OF_PAGE, MEASURED];
    Ok(names.into_iter().zip(laps).collect())
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
pub(super) struct Enclave<'a> {
    leaves: Bare<'a, Array, Constant>,
    secs: EpcAddr,
    sources: Vec<Page>,
}

impl<'a> Enclave<'a> {
    pub(super) fn create(mut leaves: Bare<'a, Array, Constant>, secs: EpcAddr) -> io::Result<Self> {
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

    pub(super) fn eadd(&mut self, number: usize) -> io::Result<()> {
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

pub(super) fn failed(error: EnclsError) -> io::Error {
    io::Error::other(format!("a leaf fails: {error:?}"))
}
