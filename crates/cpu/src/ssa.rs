//! An SSA frame in the EPC, once an entry has found its pages.

use anyclave_arch::EpcAddr;
use anyclave_arch::ssa::GPRSGX_SIZE;

use crate::frames::Frames;

/// Bytes in a page, as an index.
const PAGE: usize = 4096;

/// Where GPRSGX begins in the last page of a frame.
pub(crate) const GPRSGX: usize = {
    assert!(GPRSGX_SIZE == 184);
    PAGE - 184
};

/// Where EXINFO begins in the last page of a frame.
pub(crate) const EXINFO: usize = GPRSGX - 16;

/// The EPC pages of an SSA frame that entries and exits use. Pages between the XSAVE area and GPRSGX are the
/// enclave's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SsaFrame {
    /// The pages of the XSAVE area, first to last.
    pub xsave: Vec<EpcAddr>,
    /// The last page of the frame, which holds the MISC region and GPRSGX.
    pub gprsgx: EpcAddr,
}

impl SsaFrame {
    /// Copies out of the XSAVE area. Offsets outside its pages give nothing: no component lies there.
    pub(crate) fn read_xsave(&self, frames: &mut impl Frames, mut offset: usize, mut into: &mut [u8]) {
        while let Some(page) = self.xsave.get(offset / PAGE) {
            let (now, later) = into.split_at_mut(into.len().min(PAGE - offset % PAGE));
            if now.is_empty() {
                return;
            }
            frames.read(*page, offset % PAGE, now);
            offset += now.len();
            into = later;
        }
    }

    /// Copies into the XSAVE area.
    pub(crate) fn write_xsave(&self, frames: &mut impl Frames, mut offset: usize, mut from: &[u8]) {
        while let Some(page) = self.xsave.get(offset / PAGE) {
            let (now, later) = from.split_at(from.len().min(PAGE - offset % PAGE));
            if now.is_empty() {
                return;
            }
            frames.write(*page, offset % PAGE, now);
            offset += now.len();
            from = later;
        }
    }
}
