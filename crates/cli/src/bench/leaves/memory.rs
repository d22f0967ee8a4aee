//! EPC that is an array.

use std::mem;

use anyclave_arch::EpcAddr;
use anyclave_cpu::{Entropy, Frames, PAGE_BYTES, Place};

type Page = Box<[u8; PAGE_BYTES]>;

/// So many pages from an address on. Where a page lies makes no difference: nobody maps them.
pub(super) struct Array {
    base: EpcAddr,
    pages: Vec<Page>,
    /// What an address outside gets.
    outside: Page,
}

impl Array {
    pub(super) fn new(base: EpcAddr, pages: usize) -> Self {
        let outside = Box::new([0; PAGE_BYTES]);
        Self { base, pages: vec![outside.clone(); pages], outside }
    }

    fn page(&mut self, page: EpcAddr) -> &mut Page {
        let number =
            usize::try_from(page.0.wrapping_sub(self.base.0) / PAGE_BYTES as u64).unwrap_or(usize::MAX);
        self.pages.get_mut(number).unwrap_or(&mut self.outside)
    }
}

impl Frames for Array {
    fn read(&mut self, page: EpcAddr, offset: usize, into: &mut [u8]) {
        if let Some(bytes) = self.page(page).get(offset..offset + into.len()) {
            into.copy_from_slice(bytes);
        }
    }

    fn write(&mut self, page: EpcAddr, offset: usize, from: &[u8]) {
        if let Some(bytes) = self.page(page).get_mut(offset..offset + from.len()) {
            bytes.copy_from_slice(from);
        }
    }

    fn give(&mut self, page: EpcAddr, bytes: &mut Page) {
        mem::swap(self.page(page), bytes);
    }

    fn with<R>(&mut self, page: EpcAddr, work: impl FnOnce(&mut [u8; PAGE_BYTES]) -> R) -> R {
        work(self.page(page))
    }

    fn zero(&mut self, page: EpcAddr) {
        self.page(page).fill(0);
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
