//! The unwinder of the enclave: the crate `unwinding`, told where the tables are.
//!
//! `ftxsgx-elf2sgxs` writes the place of `.eh_frame_hdr` into `EH_FRM_HDR_OFFSET`, a symbol that the standard
//! library of this target defines for its libunwind.

#![feature(sgx_platform)]

use std::os::fortanix_sgx::mem::image_base;

use unwinding::custom_eh_frame_finder::{
    EhFrameFinder, FrameInfo, FrameInfoKind, set_custom_eh_frame_finder,
};

// SAFETY: the standard library's entry code defines it as eight bytes, which nothing writes at run time.
unsafe extern "C" {
    safe static EH_FRM_HDR_OFFSET: u64;
}

struct Image;

// SAFETY: the table is the one that the linker made of this image and covers all its code.
unsafe impl EhFrameFinder for Image {
    fn find(&self, _pc: usize) -> Option<FrameInfo> {
        let table = image_base().checked_add(EH_FRM_HDR_OFFSET)?;
        Some(FrameInfo { text_base: None, kind: FrameInfoKind::EhFrameHdr(usize::try_from(table).ok()?) })
    }
}

/// Makes panics unwind. A second call changes nothing.
pub fn install() {
    static IMAGE: Image = Image;
    // The only error is that it is there already.
    let _ = set_custom_eh_frame_finder(&IMAGE);
}
