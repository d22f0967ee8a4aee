//! MRENCLAVE from the steps that build an enclave.

use anyclave_arch::tcs::TcsFlags;
use anyclave_arch::{PageType, SecInfo, SecInfoFlags, Tcs};
use anyclave_crypto::Measurement;
use zerocopy::{FromBytes, IntoBytes};

use crate::block::{AddBlock, BLOCK_BYTES, CreateBlock, ExtendBlock};

/// Bytes of an EPC page.
pub const PAGE_BYTES: usize = 4096;
/// Bytes that one EEXTEND measures.
pub const CHUNK_BYTES: usize = 256;
/// EEXTENDs that measure a whole page.
pub const CHUNKS_PER_PAGE: usize = PAGE_BYTES / CHUNK_BYTES;

/// The measurement of an enclave under construction. It hashes whatever steps it is given; whether a
/// processor would accept them (alignment, ranges, page types) is the processor's business.
#[derive(Clone, Debug)]
pub struct Measurer {
    measurement: Measurement,
}

impl Measurer {
    /// ECREATE with SSAFRAMESIZE in pages and SIZE in bytes.
    #[must_use]
    pub fn ecreate(ssaframesize: u32, size: u64) -> Self {
        let mut measurer = Self { measurement: Measurement::new() };
        measurer.update(&CreateBlock::new(ssaframesize, size));
        measurer
    }

    /// EADD of the page at `offset` from the enclave's base. As in the processor, a TCS is measured without
    /// access rights, whatever its SECINFO says.
    pub fn eadd(&mut self, offset: u64, secinfo: &SecInfo) {
        let mut secinfo = *secinfo;
        if secinfo.page_type() == Some(PageType::Tcs) {
            secinfo.flags &= !SecInfoFlags::RWX.bits();
        }
        self.update(&AddBlock::new(offset, &secinfo));
    }

    /// EEXTEND of the bytes at `offset` from the enclave's base, as they stand in the EPC.
    pub fn eextend(&mut self, offset: u64, chunk: &[u8; CHUNK_BYTES]) {
        self.update(&ExtendBlock::new(offset));
        let (blocks, _) = chunk.as_chunks::<BLOCK_BYTES>();
        self.measurement.update_blocks(blocks);
    }

    /// EADD of a page, and EEXTEND of all of it in ascending order if `measure`, as the Linux ioctl
    /// SGX_IOC_ENCLAVE_ADD_PAGES does with and without SGX_PAGE_MEASURE.
    ///
    /// `data` is what the loader passes; of a TCS the fields that EADD clears are measured as cleared.
    pub fn add_page(&mut self, offset: u64, secinfo: &SecInfo, data: &[u8; PAGE_BYTES], measure: bool) {
        self.eadd(offset, secinfo);
        if !measure {
            return;
        }
        let scrubbed = if secinfo.page_type() == Some(PageType::Tcs) { &scrubbed_tcs(data) } else { data };
        let (chunks, _) = scrubbed.as_chunks::<CHUNK_BYTES>();
        for (number, chunk) in (0_u64..).zip(chunks) {
            self.eextend(offset.wrapping_add(number * CHUNK_BYTES as u64), chunk);
        }
    }

    /// MRENCLAVE if EINIT came now.
    #[must_use]
    pub fn mrenclave(&self) -> [u8; 32] {
        self.measurement.finish()
    }

    fn update(&mut self, block: &(impl IntoBytes + zerocopy::Immutable)) {
        let (blocks, _) = block.as_bytes().as_chunks::<BLOCK_BYTES>();
        self.measurement.update_blocks(blocks);
    }
}

/// The page as EADD leaves it in the EPC.
fn scrubbed_tcs(data: &[u8; PAGE_BYTES]) -> [u8; PAGE_BYTES] {
    let mut page = *data;
    if let Ok(tcs) = Tcs::mut_from_bytes(&mut page) {
        tcs.state = 0.into();
        tcs.flags &= !TcsFlags::DBGOPTIN.bits();
        tcs.cssa = 0.into();
        tcs.aep = 0.into();
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::hex;

    const RX: SecInfo = SecInfo::new(PageType::Reg, SecInfoFlags::R.union(SecInfoFlags::X));
    const TCS: SecInfo = SecInfo::new(PageType::Tcs, SecInfoFlags::empty());

    /// Three steps whose hashes were computed by another program.
    #[test]
    fn a_tiny_enclave_step_by_step() {
        let mut measurer = Measurer::ecreate(1, 0x2000);
        let created = "9e197c8837c6d65632dbdd59cd7df4f1a25b68d8e4e5eb6ca3b20b05311fecb8";
        assert_eq!(measurer.mrenclave(), hex(created));

        measurer.eadd(0x1000, &TCS);
        let with_tcs = "11ef7ff1c56f61a6859722b16d806d7e42f745c26e21f1ad760f7e1f03bdf221";
        assert_eq!(measurer.mrenclave(), hex(with_tcs));

        measurer.add_page(0, &RX, &[0; PAGE_BYTES], true);
        let with_page = "014169a43f3267531c117ce69ebad3929779adb4db841b9599354129ae30009b";
        assert_eq!(measurer.mrenclave(), hex(with_page));
    }

    #[test]
    fn rights_of_a_tcs_do_not_count() {
        let mut plain = Measurer::ecreate(1, 0x2000);
        let mut with_rights = plain.clone();
        plain.eadd(0, &TCS);
        with_rights.eadd(0, &SecInfo::new(PageType::Tcs, SecInfoFlags::RWX));
        assert_eq!(plain.mrenclave(), with_rights.mrenclave());
    }

    #[test]
    fn fields_that_eadd_clears_do_not_count() {
        let mut page = [0; PAGE_BYTES];
        let measured = |page: &[u8; PAGE_BYTES]| {
            let mut measurer = Measurer::ecreate(1, 0x2000);
            measurer.add_page(0, &TCS, page, true);
            measurer.mrenclave()
        };
        let clean = measured(&page);
        // STATE, FLAGS.DBGOPTIN, CSSA, AEP
        for byte in [0, 8, 24, 40] {
            page[byte] = 1;
        }
        assert_eq!(measured(&page), clean);
        // FLAGS.AEXNOTIFY survives EADD.
        page[8] = 2;
        assert_ne!(measured(&page), clean);
    }

    #[test]
    fn unmeasured_pages_count_only_by_place_and_secinfo() {
        let measured = |fill, measure| {
            let mut measurer = Measurer::ecreate(1, 0x2000);
            measurer.add_page(0, &RX, &[fill; PAGE_BYTES], measure);
            measurer.mrenclave()
        };
        assert_eq!(measured(0, false), measured(1, false));
        assert_ne!(measured(0, true), measured(1, true));
        assert_ne!(measured(0, true), measured(0, false));
    }

    #[test]
    fn any_offset_is_hashed_without_panic() {
        let mut measurer = Measurer::ecreate(u32::MAX, u64::MAX);
        measurer.add_page(u64::MAX - 100, &RX, &[0; PAGE_BYTES], true);
        let _ = measurer.mrenclave();
    }
}
