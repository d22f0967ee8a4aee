//! What the tests of this crate share.

use anyclave_arch::{PageType, SecInfo, SecInfoFlags};

/// Bytes written as hexadecimal digits.
pub(crate) fn hex<const N: usize>(text: &str) -> [u8; N] {
    assert_eq!(text.len(), 2 * N);
    core::array::from_fn(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
}

/// The start of a `.sgxs` stream.
pub(crate) fn ecreate(size: u64) -> Vec<u8> {
    block(b"ECREATE\0", &[&1_u32.to_le_bytes(), &size.to_le_bytes()])
}

/// An EADD record.
pub(crate) fn eadd(offset: u64, secinfo: &SecInfo) -> Vec<u8> {
    block(b"EADD\0\0\0\0", &[&offset.to_le_bytes(), &secinfo.flags.get().to_le_bytes()])
}

/// An EEXTEND or UNMEASRD record.
pub(crate) fn chunk(tag: &[u8; 8], offset: u64, fill: u8) -> Vec<u8> {
    let mut record = block(tag, &[&offset.to_le_bytes()]);
    record.extend([fill; 256]);
    record
}

/// A record of 64 bytes.
pub(crate) fn block(tag: &[u8; 8], fields: &[&[u8]]) -> Vec<u8> {
    let mut block = tag.to_vec();
    block.extend(fields.concat());
    block.resize(64, 0);
    block
}

/// A regular page that may be read and executed.
pub(crate) const RX: SecInfo = SecInfo::new(PageType::Reg, SecInfoFlags::R.union(SecInfoFlags::X));
