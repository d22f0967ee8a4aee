//! EWB and ELDU, by the way into the processor that a driver has.

use std::hint;
use std::io;

use anyclave_arch::{EpcAddr, PAGE_SIZE, Pcmd};
use anyclave_cpu::{Bare, Encls, EvictedPage, PAGE_BYTES, Processor};
use anyclave_crypto::{Gcm, IV_BYTES, TAG_BYTES};
use zerocopy::FromZeros;

use super::building::{Enclave, failed};
use super::memory::{Array, Constant};
use super::{BASE, ELDU, EWB, PAGES, Page, ROUNDS, lap, package};
use crate::bench::part::Said;

pub(super) const PASS: &str = "pass";

/// Sends the pages of an enclave out and brings them back, again and again.
pub(super) fn figures() -> Said {
    let (mut package, secs) = package(2)?;
    let mut kernel = Processor::default();
    let mut enclave = Enclave::create(Bare::new(&mut package, &mut kernel), secs)?;
    (0..PAGES).try_for_each(|number| enclave.eadd(number))?;
    let mut reclaimer = Reclaimer::new(Bare::new(&mut package, &mut kernel), secs)?;
    let mut bare = BarePages::new();

    let mut laps = [f64::MAX; 3];
    let [pass, ewb, eldu] = &mut laps;
    for _ in 0..ROUNDS {
        lap(pass, |number| bare.encrypt(number))?;
        reclaimer.block_and_track()?;
        lap(ewb, |number| reclaimer.ewb(number))?;
        lap(eldu, |number| reclaimer.eldu(number))?;
    }
    hint::black_box(bare);
    Ok([PASS, EWB, ELDU].into_iter().zip(laps).collect())
}

/// What must be done for a page whatever does it: one pass of AES-GCM, with a header as long as the leaves'.
struct BarePages {
    key: Gcm,
    pages: Vec<(Page, [u8; TAG_BYTES])>,
}

const IV: [u8; IV_BYTES] = [7; IV_BYTES];
const HEADER: [u8; 128] = [7; 128];

impl BarePages {
    fn new() -> Self {
        let page = (Page([0x5a; PAGE_BYTES]), [0; TAG_BYTES]);
        Self { key: Gcm::new(&[7; 16]), pages: vec![page; PAGES] }
    }

    fn encrypt(&mut self, number: usize) -> io::Result<()> {
        let (page, tag) = self.pages.get_mut(number).ok_or(io::ErrorKind::NotFound)?;
        *tag = self.key.encrypt(&IV, &HEADER, &mut page.0);
        Ok(())
    }
}

/// A kernel that is short of EPC, and the pages it has sent out.
struct Reclaimer<'a> {
    leaves: Bare<'a, Array, Constant>,
    secs: EpcAddr,
    /// The version array.
    versions: EpcAddr,
    out: Vec<(Page, Pcmd)>,
}

impl<'a> Reclaimer<'a> {
    fn new(mut leaves: Bare<'a, Array, Constant>, secs: EpcAddr) -> io::Result<Self> {
        let versions = EpcAddr(secs.0 + (1 + PAGES as u64) * PAGE_SIZE);
        leaves.epa(versions).map_err(failed)?;
        let out = vec![(Page([0; PAGE_BYTES]), Pcmd::new_zeroed()); PAGES];
        Ok(Self { leaves, secs, versions, out })
    }

    /// An EPC page and the slot of its version.
    fn page(&self, number: usize) -> (EpcAddr, EpcAddr) {
        let number = number as u64;
        (EpcAddr(self.secs.0 + (1 + number) * PAGE_SIZE), EpcAddr(self.versions.0 + 8 * number))
    }

    fn block_and_track(&mut self) -> io::Result<()> {
        for number in 0..PAGES {
            let (page, _) = self.page(number);
            self.leaves.eblock(page).map_err(failed)?;
        }
        self.leaves.etrack(self.secs).map_err(failed)
    }

    fn ewb(&mut self, number: usize) -> io::Result<()> {
        let (page, slot) = self.page(number);
        let (contents, pcmd) = self.out.get_mut(number).ok_or(io::ErrorKind::NotFound)?;
        self.leaves.ewb(page, slot, &mut contents.0, pcmd).map(drop).map_err(failed)
    }

    fn eldu(&mut self, number: usize) -> io::Result<()> {
        let (page, slot) = self.page(number);
        let (contents, pcmd) = self.out.get(number).ok_or(io::ErrorKind::NotFound)?;
        let linaddr = BASE.offset(number as u64 * PAGE_SIZE);
        let from = EvictedPage { contents: &contents.0, pcmd, linaddr, secs: Some(self.secs) };
        self.leaves.eldu(page, &from, slot).map_err(failed)
    }
}
