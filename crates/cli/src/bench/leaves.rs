//! What the leaves that loaders and a kernel's reclaimer execute for each page take, beside the copying and the
//! cryptography that they cannot do without, of the same bytes and in the same run.
//!
//! The leaves are executed from the registers of ENCLS on, as the driver executes them, but in the bench's own
//! process, and EPC and operands are arrays: nothing of the host is in these figures. What its calls add is
//! measured by `addpages`.

mod building;
mod memory;
mod paging;

use std::io;
use std::path::Path;
use std::time::Instant;

use anyclave_arch::{EpcAddr, Linear};
use anyclave_cpu::{PAGE_BYTES, Package};

use super::lab::{Lab, nanoseconds};
use super::part::Said;
use super::{BenchError, Entry};
use crate::machine::Machine;
use memory::{Array, Constant};

pub(super) const NAME: &str = "leaves";
/// EADD of a page; bare, copying it and one block of the hash.
pub(super) const EADD: &str = "eadd";
/// Sixteen EEXTENDs of a page; bare, the hash of what they measure.
pub(super) const EEXTEND: &str = "eextend_16";
/// EADD and sixteen EEXTENDs; bare, the hash of the 5,184 bytes that they measure.
pub(super) const MEASURED: &str = "measured";
/// EWB of a page; bare, one pass of AES-GCM over a page.
pub(super) const EWB: &str = "ewb";
/// ELDU of a page; bare, the same pass.
pub(super) const ELDU: &str = "eldu";
const FIGURES: [(&str, &str); 5] = [
    (EADD, building::COPY_AND_BLOCK),
    (EEXTEND, building::HASH_OF_16),
    (MEASURED, building::HASH_OF_PAGE),
    (EWB, paging::PASS),
    (ELDU, paging::PASS),
];

const ROUNDS: u32 = 400;
/// Pages of a lap: their sources, the EPC and a copy fit into a processor's second cache.
const PAGES: usize = 32;
/// First address of the enclave.
const BASE: Linear = Linear(0x7000_0000_0000);

/// A page of ordinary memory, aligned as the leaves want it.
#[derive(Clone)]
#[repr(C, align(4096))]
struct Page([u8; PAGE_BYTES]);

pub(super) fn measure(lab: &Lab) -> Result<Vec<Entry>, BenchError> {
    Ok(lab.alone(NAME, &FIGURES)?.into_iter().map(Entry::Figure).collect())
}

pub(super) fn part(_folder: &Path) -> Said {
    let mut said = building::figures()?;
    said.extend(paging::figures()?);
    Ok(said)
}

/// A processor with an EPC of the pages of a lap and these more; gives the first page.
fn package(more: usize) -> io::Result<(Package<Array, Constant>, EpcAddr)> {
    let config = Machine::seeded(NAME).config().map_err(io::Error::other)?.0.processor();
    let base = EpcAddr(config.sections.first().map_or(0, |section| section.base));
    Ok((Package::new(config, Array::new(base, PAGES + more), Constant), base))
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
