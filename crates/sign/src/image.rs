//! An enclave as a loader sees it: its pages, read from a `.sgxs` stream.

use anyclave_arch::SecInfo;
use thiserror::Error;

use crate::measurer::{CHUNK_BYTES, CHUNKS_PER_PAGE, Measurer, PAGE_BYTES};
use crate::sgxs::{Record, Records, SgxsError};

/// An enclave that can be loaded page by page.
#[derive(Clone, Debug)]
pub struct Image {
    /// Pages in an SSA frame.
    pub ssaframesize: u32,
    /// Bytes of ELRANGE.
    pub size: u64,
    /// Pages in ascending order.
    pub pages: Vec<Page>,
}

/// One page of an [`Image`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Place, from the enclave's base; a multiple of 4096.
    pub offset: u64,
    /// Rights and type.
    pub secinfo: SecInfo,
    /// Contents; zero where the stream has none.
    pub data: Box<[u8; PAGE_BYTES]>,
    /// Bit n: the chunk of 256 bytes at n·256 is measured.
    pub measured: u16,
}

/// Why a stream is not a loadable enclave. `position` is the byte where the record at fault begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ImageError {
    /// The stream itself.
    #[error(transparent)]
    Stream(#[from] SgxsError),
    /// An EADD at an offset that is not a multiple of 4096.
    #[error("the page at byte {position} is not aligned")]
    PageUnaligned {
        /// Where the record begins.
        position: usize,
    },
    /// An EADD beyond the size that ECREATE gave.
    #[error("the page at byte {position} lies outside the enclave")]
    PageOutside {
        /// Where the record begins.
        position: usize,
    },
    /// An EADD at or below the one before it.
    #[error("the page at byte {position} does not lie above the one before it")]
    PageOrder {
        /// Where the record begins.
        position: usize,
    },
    /// Data at an offset that is not a multiple of 256.
    #[error("the data at byte {position} are not aligned")]
    ChunkUnaligned {
        /// Where the record begins.
        position: usize,
    },
    /// Data for another page than the one added last.
    #[error("the data at byte {position} do not belong to the page before them")]
    ChunkOutside {
        /// Where the record begins.
        position: usize,
    },
    /// Data at or below the data before them.
    #[error("the data at byte {position} do not lie above those before them")]
    ChunkOrder {
        /// Where the record begins.
        position: usize,
    },
}

impl Image {
    /// Reads a stream whose pages, and chunks within each page, ascend: the order in which loaders add and
    /// measure them.
    ///
    /// # Errors
    /// See [`ImageError`]; a stream that leaves the size open is refused.
    pub fn parse(stream: &[u8]) -> Result<Self, ImageError> {
        let mut records = Records::new(stream);
        let mut image = match records.next().ok_or(SgxsError::Empty)?? {
            (_, Record::Create { ssaframesize, size }) => Self { ssaframesize, size, pages: Vec::new() },
            (_, Record::Unsized { .. }) => return Err(SgxsError::Unsized.into()),
            (position, _) => return Err(SgxsError::CreateMisplaced { position }.into()),
        };
        let mut next_chunk = 0;
        for record in records {
            let (position, record) = record?;
            match record {
                Record::Add { offset, secinfo } => {
                    image.add(position, offset, secinfo)?;
                    next_chunk = 0;
                }
                Record::Extend { offset, data } => {
                    let number = image.fill(position, offset, data, next_chunk)?;
                    if let Some(page) = image.pages.last_mut() {
                        page.measured |= 1 << number;
                    }
                    next_chunk = number + 1;
                }
                Record::Unmeasured { offset, data } => {
                    next_chunk = image.fill(position, offset, data, next_chunk)? + 1;
                }
                Record::Create { .. } | Record::Unsized { .. } => {
                    return Err(SgxsError::CreateMisplaced { position }.into());
                }
            }
        }
        Ok(image)
    }

    /// MRENCLAVE of this enclave, loaded in this order.
    #[must_use]
    pub fn mrenclave(&self) -> [u8; 32] {
        let mut measurer = Measurer::ecreate(self.ssaframesize, self.size);
        for page in &self.pages {
            measurer.eadd(page.offset, &page.secinfo);
            let (chunks, _) = page.data.as_chunks::<CHUNK_BYTES>();
            for (number, chunk) in (0_u32..).zip(chunks) {
                if page.measured & (1 << number) != 0 {
                    measurer.eextend(page.offset + u64::from(number) * CHUNK_BYTES as u64, chunk);
                }
            }
        }
        measurer.mrenclave()
    }

    fn add(&mut self, position: usize, offset: u64, secinfo: SecInfo) -> Result<(), ImageError> {
        if !offset.is_multiple_of(PAGE_BYTES as u64) {
            return Err(ImageError::PageUnaligned { position });
        }
        if offset.checked_add(PAGE_BYTES as u64).is_none_or(|end| end > self.size) {
            return Err(ImageError::PageOutside { position });
        }
        if self.pages.last().is_some_and(|last| offset <= last.offset) {
            return Err(ImageError::PageOrder { position });
        }
        self.pages.push(Page { offset, secinfo, data: Box::new([0; PAGE_BYTES]), measured: 0 });
        Ok(())
    }

    /// Stores a chunk in the last page, where its number must be at least `lowest`; returns the number.
    fn fill(
        &mut self,
        position: usize,
        offset: u64,
        data: &[u8; CHUNK_BYTES],
        lowest: usize,
    ) -> Result<usize, ImageError> {
        if !offset.is_multiple_of(CHUNK_BYTES as u64) {
            return Err(ImageError::ChunkUnaligned { position });
        }
        let outside = ImageError::ChunkOutside { position };
        let page = self.pages.last_mut().ok_or(outside)?;
        let within = offset.checked_sub(page.offset).ok_or(outside)?;
        let number = usize::try_from(within / CHUNK_BYTES as u64).unwrap_or(usize::MAX);
        let (chunks, _) = page.data.as_chunks_mut::<CHUNK_BYTES>();
        let chunk = chunks.get_mut(number).ok_or(outside)?;
        if number < lowest {
            return Err(ImageError::ChunkOrder { position });
        }
        *chunk = *data;
        Ok(number)
    }
}

const _: () = assert!(CHUNKS_PER_PAGE == u16::BITS as usize);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sgxs::measure_stream;
    use crate::testing::{RX, chunk, eadd, ecreate};
    use proptest::prelude::*;

    const EXTEND: &[u8; 8] = b"EEXTEND\0";
    const UNMEASURED: &[u8; 8] = b"UNMEASRD";

    fn parse(records: &[Vec<u8>]) -> Result<Image, ImageError> {
        Image::parse(&records.concat())
    }

    #[test]
    fn pages_hold_the_data_of_their_records() {
        let image = parse(&[
            ecreate(0x4000),
            eadd(0, &RX),
            eadd(0x2000, &RX),
            chunk(EXTEND, 0x2100, 7),
            chunk(UNMEASURED, 0x2f00, 8),
        ])
        .unwrap();
        assert_eq!((image.ssaframesize, image.size), (1, 0x4000));
        let [empty, filled] = image.pages.as_slice() else { panic!("two pages") };
        assert_eq!((empty.offset, empty.measured, *empty.data), (0, 0, [0; PAGE_BYTES]));
        assert_eq!((filled.offset, filled.measured, filled.secinfo), (0x2000, 1 << 1, RX));
        assert_eq!(filled.data[0x100..0x200], [7; 256]);
        assert_eq!(filled.data[0xf00..], [8; 256]);
        assert_eq!(filled.data.iter().filter(|byte| **byte != 0).count(), 512);
    }

    #[test]
    fn an_image_measures_as_its_stream() {
        let stream = [
            ecreate(0x4000),
            eadd(0, &RX),
            chunk(EXTEND, 0, 1),
            chunk(EXTEND, 0x300, 2),
            chunk(UNMEASURED, 0x400, 3),
            eadd(0x3000, &RX),
            chunk(EXTEND, 0x3f00, 4),
        ]
        .concat();
        assert_eq!(Image::parse(&stream).unwrap().mrenclave(), measure_stream(&stream).unwrap());
    }

    #[test]
    fn each_rule_has_its_error() {
        let head = || vec![ecreate(0x4000), eadd(0x1000, &RX), chunk(EXTEND, 0x1200, 0)];
        let position = 64 + 64 + 320;
        let error = |record: Vec<u8>| {
            let mut records = head();
            records.push(record);
            parse(&records).err()
        };
        assert_eq!(error(eadd(0x2100, &RX)), Some(ImageError::PageUnaligned { position }));
        assert_eq!(error(eadd(0x4000, &RX)), Some(ImageError::PageOutside { position }));
        assert_eq!(error(eadd(0u64.wrapping_sub(4096), &RX)), Some(ImageError::PageOutside { position }));
        assert_eq!(error(eadd(0x1000, &RX)), Some(ImageError::PageOrder { position }));
        assert_eq!(error(eadd(0, &RX)), Some(ImageError::PageOrder { position }));
        assert_eq!(error(chunk(EXTEND, 0x1310, 0)), Some(ImageError::ChunkUnaligned { position }));
        assert_eq!(error(chunk(EXTEND, 0x2000, 0)), Some(ImageError::ChunkOutside { position }));
        assert_eq!(error(chunk(UNMEASURED, 0xf00, 0)), Some(ImageError::ChunkOutside { position }));
        assert_eq!(error(chunk(EXTEND, 0x1200, 0)), Some(ImageError::ChunkOrder { position }));
        assert_eq!(error(chunk(UNMEASURED, 0x1100, 0)), Some(ImageError::ChunkOrder { position }));
        assert_eq!(error(ecreate(0x4000)), Some(SgxsError::CreateMisplaced { position }.into()));

        let orphan = parse(&[ecreate(0x4000), chunk(EXTEND, 0, 0)]).err();
        assert_eq!(orphan, Some(ImageError::ChunkOutside { position: 64 }));
    }

    proptest! {
        /// A loadable stream survives any change of a byte: it is read or refused, and what is read measures
        /// as the stream does.
        #[test]
        fn damaged_streams_do_not_panic(at in 0..768_usize, byte: u8, length in 0..=768_usize) {
            let mut stream =
                [ecreate(0x4000), eadd(0, &RX), chunk(EXTEND, 0, 1), chunk(UNMEASURED, 0x100, 2)].concat();
            prop_assert_eq!(stream.len(), 768);
            stream[at] = byte;
            stream.truncate(length);
            if let Ok(image) = Image::parse(&stream) {
                prop_assert_eq!(measure_stream(&stream), Ok(image.mrenclave()));
            }
        }
    }
}
