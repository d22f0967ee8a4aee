//! EPC that is an array.

use anyclave_arch::EpcAddr;
use anyclave_cpu::{Entropy, Frames, PAGE_BYTES, Place};

/// A page, aligned as pages are.
#[derive(Clone)]
#[repr(C, align(4096))]
pub(super) struct Page(pub(super) [u8; PAGE_BYTES]);

/// So many pages from an address on. Where a page lies makes no difference: nobody maps them.
pub(super) struct Array {
    base: EpcAddr,
    pages: Vec<Page>,
}

impl Array {
    pub(super) fn new(base: EpcAddr, pages: usize) -> Self {
        Self { base, pages: vec![Page([0; PAGE_BYTES]); pages] }
    }

    fn page(&mut self, page: EpcAddr) -> Option<&mut [u8; PAGE_BYTES]> {
        let number = usize::try_from(page.0.wrapping_sub(self.base.0) / PAGE_BYTES as u64).ok()?;
        self.pages.get_mut(number).map(|page| &mut page.0)
    }

    fn part(&mut self, page: EpcAddr, offset: usize, length: usize) -> Option<&mut [u8]> {
        self.page(page)?.get_mut(offset..offset + length)
    }
}

impl Frames for Array {
    fn read(&mut self, page: EpcAddr, offset: usize, into: &mut [u8]) {
        if let Some(bytes) = self.part(page, offset, into.len()) {
            into.copy_from_slice(bytes);
        }
    }

    fn write(&mut self, page: EpcAddr, offset: usize, from: &[u8]) {
        if let Some(bytes) = self.part(page, offset, from.len()) {
            bytes.copy_from_slice(from);
        }
    }

    fn with<R>(&mut self, page: EpcAddr, work: impl FnOnce(&mut [u8; PAGE_BYTES]) -> R) -> R {
        match self.page(page) {
            Some(bytes) => work(bytes),
            None => work(&mut [0; PAGE_BYTES]),
        }
    }

    fn zero(&mut self, page: EpcAddr) {
        if let Some(bytes) = self.page(page) {
            *bytes = [0; PAGE_BYTES];
        }
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
