//! EPC that is an array.

use std::mem;

use anyclave_arch::EpcAddr;
use anyclave_cpu::{Entropy, Frames, PAGE_BYTES, PageBuffer, Place};

type Page = Box<PageBuffer>;

/// So many pages from an address on. Where a page lies makes no difference: nobody maps them.
pub(super) struct Array {
    base: EpcAddr,
    /// None for a page of zeros.
    pages: Vec<Option<Page>>,
    /// What an address outside gets.
    outside: Option<Page>,
    /// Memory that was in use.
    spare: Vec<Page>,
}

impl Array {
    pub(super) fn new(base: EpcAddr, pages: usize) -> Self {
        Self { base, pages: vec![None; pages], outside: None, spare: Vec::new() }
    }

    fn page(&mut self, page: EpcAddr) -> &mut Option<Page> {
        let number = usize::try_from(page.0.wrapping_sub(self.base.0) / PAGE_BYTES as u64);
        number.ok().and_then(|number| self.pages.get_mut(number)).unwrap_or(&mut self.outside)
    }
}

impl Frames for Array {
    fn read(&mut self, page: EpcAddr, offset: usize, into: &mut [u8]) {
        match self.page(page).as_ref().and_then(|bytes| bytes.get(offset..offset + into.len())) {
            Some(bytes) => into.copy_from_slice(bytes),
            None => into.fill(0),
        }
    }

    fn write(&mut self, page: EpcAddr, offset: usize, from: &[u8]) {
        self.with(page, |bytes| {
            if let Some(bytes) = bytes.get_mut(offset..offset + from.len()) {
                bytes.copy_from_slice(from);
            }
        });
    }

    fn give(&mut self, page: EpcAddr, bytes: &mut Page) {
        if let Some(own) = self.page(page) {
            mem::swap(own, bytes);
            return;
        }
        let spare = self.spare.pop().unwrap_or_default();
        *self.page(page) = Some(mem::replace(bytes, spare));
    }

    fn with<R>(&mut self, page: EpcAddr, work: impl FnOnce(&mut [u8; PAGE_BYTES]) -> R) -> R {
        work(self.page(page).get_or_insert_default())
    }

    fn zero(&mut self, page: EpcAddr) {
        let bytes = self.page(page).take();
        self.spare.extend(bytes);
    }

    fn relocate(&mut self, _: EpcAddr, _: Place) {}

    fn enclave_created(&mut self, _: u64, _: EpcAddr) {}

    fn enclave_removed(&mut self, _: u64) {}
}

/// Always the same: what it makes is thrown away.
pub(super) struct Constant;

impl Entropy for Constant {
    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.fill(0x5a);
    }
}
