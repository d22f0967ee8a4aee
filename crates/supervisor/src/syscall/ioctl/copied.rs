//! A structure that was copied from a program, or could not be.

use anyclave_driver::AccessError;

/// Bytes of the structures that come with every page.
const SHORT: usize = 64;

/// An answer to a read.
pub(super) struct Copied {
    address: u64,
    length: usize,
    short: [u8; SHORT],
    /// Instead of those, for what is longer.
    long: Vec<u8>,
    /// How the copying ended.
    pub(super) outcome: Result<(), AccessError>,
}

impl Copied {
    /// Room for so many bytes at an address, none of them read yet.
    pub(super) fn new(address: u64, length: usize) -> Self {
        let long = if length > SHORT { vec![0; length] } else { Vec::new() };
        Self { address, length, short: [0; SHORT], long, outcome: Err(AccessError::Efault) }
    }

    /// These bytes.
    pub(super) fn of(address: u64, bytes: &[u8], outcome: Result<(), AccessError>) -> Self {
        let mut copied = Self::new(address, bytes.len());
        copied.bytes_mut().copy_from_slice(bytes);
        Self { outcome, ..copied }
    }

    /// Whether it is what was at an address.
    pub(super) const fn is(&self, address: u64, length: usize) -> bool {
        self.address == address && self.length == length
    }

    pub(super) fn bytes(&self) -> &[u8] {
        if self.length > SHORT { &self.long } else { &self.short[..self.length] }
    }

    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        if self.length > SHORT { &mut self.long } else { &mut self.short[..self.length] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_ones_keep_their_bytes() {
        for length in [0, 1, SHORT, SHORT + 1, 4096] {
            let bytes = vec![7; length];
            let copied = Copied::of(0x1000, &bytes, Ok(()));
            assert_eq!(copied.bytes(), bytes);
            assert!(copied.is(0x1000, length) && !copied.is(0x1000, length + 1) && !copied.is(0, length));
            assert_eq!(copied.outcome, Ok(()));
        }
    }
}
