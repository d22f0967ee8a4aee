//! `.sgxs` streams: the bytes that an enclave's measurement hashes, in order, so that the SHA-256 of a stream
//! of ECREATE, EADD and EEXTEND records is MRENCLAVE. Two extra records describe what is not measured.

use anyclave_arch::SecInfo;
use thiserror::Error;

use crate::block::{AddBlock, BLOCK_BYTES, CreateBlock, EADD, ECREATE, EEXTEND, ExtendBlock};
use crate::measurer::{CHUNK_BYTES, Measurer};

/// Tag of a record like EEXTEND whose bytes are loaded but not measured.
const UNMEASRD: [u8; 8] = *b"UNMEASRD";
/// Tag of a record in ECREATE's place where SIZE is still open.
const UNSIZED: [u8; 8] = *b"UNSIZED\0";

/// One record. Offsets count from the enclave's base and are as the stream has them, unchecked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record<'a> {
    /// ECREATE.
    Create {
        /// Pages in an SSA frame.
        ssaframesize: u32,
        /// Bytes of ELRANGE.
        size: u64,
    },
    /// ECREATE of an enclave whose size the loader decides.
    Unsized {
        /// Pages in an SSA frame.
        ssaframesize: u32,
        /// Where in the enclave the size goes, as a 64-bit little-endian integer.
        size_at: u64,
    },
    /// EADD.
    Add {
        /// Place of the page.
        offset: u64,
        /// Rights and type, bits unknown to us kept.
        secinfo: SecInfo,
    },
    /// EEXTEND.
    Extend {
        /// Place of the bytes.
        offset: u64,
        /// The bytes.
        data: &'a [u8; CHUNK_BYTES],
    },
    /// Bytes to load without measuring them.
    Unmeasured {
        /// Place of the bytes.
        offset: u64,
        /// The bytes.
        data: &'a [u8; CHUNK_BYTES],
    },
}

/// Why a stream cannot be read. `position` is the byte where the record at fault begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SgxsError {
    /// Fewer than 64 bytes are left.
    #[error("the stream ends within the record at byte {position}")]
    TruncatedRecord {
        /// Where the record begins.
        position: usize,
    },
    /// Fewer than 256 bytes follow an EEXTEND or UNMEASRD record.
    #[error("the stream ends within the data of the record at byte {position}")]
    TruncatedData {
        /// Where the record begins.
        position: usize,
    },
    /// The first eight bytes of a record name none.
    #[error("the record at byte {position} is of no known kind")]
    UnknownTag {
        /// Where the record begins.
        position: usize,
    },
    /// Bytes behind the fields of a record are not zero.
    #[error("the record at byte {position} has reserved bytes that are not zero")]
    ReservedNotZero {
        /// Where the record begins.
        position: usize,
    },
    /// The stream has no record.
    #[error("the stream is empty")]
    Empty,
    /// The first record is neither ECREATE nor UNSIZED, or a later one is.
    #[error("ECREATE is expected first and once, but not so at byte {position}")]
    CreateMisplaced {
        /// Where the record begins.
        position: usize,
    },
    /// An UNSIZED stream has no measurement before its size is decided.
    #[error("the stream leaves the size of the enclave open")]
    Unsized,
}

/// The records of a stream, with the position of each. After an error there are no more.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    stream: &'a [u8],
    position: usize,
}

impl<'a> Records<'a> {
    /// The records of `stream`.
    #[must_use]
    pub fn new(stream: &'a [u8]) -> Self {
        Self { stream, position: 0 }
    }

    fn read(&mut self, position: usize) -> Result<Record<'a>, SgxsError> {
        let block: &[u8; BLOCK_BYTES] = self.take().ok_or(SgxsError::TruncatedRecord { position })?;
        let reserved_zero = |reserved: &[u8]| {
            reserved
                .iter()
                .all(|byte| *byte == 0)
                .then_some(())
                .ok_or(SgxsError::ReservedNotZero { position })
        };
        // Blocks of every kind begin with their tag.
        let extend: &ExtendBlock = zerocopy::transmute_ref!(block);
        let tag = extend.tag;
        match tag {
            ECREATE | UNSIZED => {
                let create: &CreateBlock = zerocopy::transmute_ref!(block);
                reserved_zero(&create.reserved)?;
                let (ssaframesize, size) = (create.ssaframesize.get(), create.size.get());
                Ok(if tag == ECREATE {
                    Record::Create { ssaframesize, size }
                } else {
                    Record::Unsized { ssaframesize, size_at: size }
                })
            }
            EADD => {
                let add: &AddBlock = zerocopy::transmute_ref!(block);
                reserved_zero(&add.reserved)?;
                let secinfo = SecInfo { flags: add.flags, reserved: [0; 56] };
                Ok(Record::Add { offset: add.offset.get(), secinfo })
            }
            EEXTEND | UNMEASRD => {
                reserved_zero(&extend.reserved)?;
                let offset = extend.offset.get();
                let data = self.take().ok_or(SgxsError::TruncatedData { position })?;
                Ok(if tag == EEXTEND {
                    Record::Extend { offset, data }
                } else {
                    Record::Unmeasured { offset, data }
                })
            }
            _ => Err(SgxsError::UnknownTag { position }),
        }
    }

    fn take<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (bytes, rest) = self.stream.split_first_chunk()?;
        self.stream = rest;
        self.position += N;
        Some(bytes)
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<(usize, Record<'a>), SgxsError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.stream.is_empty() {
            return None;
        }
        let position = self.position;
        let record = self.read(position);
        if record.is_err() {
            self.stream = &[];
        }
        Some(record.map(|record| (position, record)))
    }
}

/// MRENCLAVE of the enclave that `stream` describes, records measured in the stream's order.
///
/// # Errors
/// The stream cannot be read, does not begin with its only ECREATE, or leaves the size open.
pub fn measure_stream(stream: &[u8]) -> Result<[u8; 32], SgxsError> {
    let mut records = Records::new(stream);
    let mut measurer = match records.next().ok_or(SgxsError::Empty)?? {
        (_, Record::Create { ssaframesize, size }) => Measurer::ecreate(ssaframesize, size),
        (_, Record::Unsized { .. }) => return Err(SgxsError::Unsized),
        (position, _) => return Err(SgxsError::CreateMisplaced { position }),
    };
    for record in records {
        match record? {
            (_, Record::Add { offset, secinfo }) => measurer.eadd(offset, &secinfo),
            (_, Record::Extend { offset, data }) => measurer.eextend(offset, data),
            (_, Record::Unmeasured { .. }) => {}
            (position, Record::Create { .. } | Record::Unsized { .. }) => {
                return Err(SgxsError::CreateMisplaced { position });
            }
        }
    }
    Ok(measurer.mrenclave())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{RX, block, chunk, eadd, ecreate};
    use anyclave_crypto::sha256;
    use proptest::prelude::*;

    fn records(stream: &[u8]) -> Vec<Result<(usize, Record<'_>), SgxsError>> {
        Records::new(stream).collect()
    }

    #[test]
    fn every_kind_of_record_is_read() {
        let stream = [
            block(&UNSIZED, &[&2_u32.to_le_bytes(), &0x1008_u64.to_le_bytes()]),
            ecreate(0x2000),
            eadd(0x1000, &RX),
            chunk(&EEXTEND, 0x1100, 3),
            chunk(&UNMEASRD, 0x1200, 4),
        ]
        .concat();
        let expected = [
            (0, Record::Unsized { ssaframesize: 2, size_at: 0x1008 }),
            (64, Record::Create { ssaframesize: 1, size: 0x2000 }),
            (128, Record::Add { offset: 0x1000, secinfo: RX }),
            (192, Record::Extend { offset: 0x1100, data: &[3; 256] }),
            (512, Record::Unmeasured { offset: 0x1200, data: &[4; 256] }),
        ];
        assert_eq!(records(&stream), expected.map(Ok));
    }

    #[test]
    fn a_measured_stream_hashes_to_its_mrenclave() {
        let stream = [ecreate(0x2000), eadd(0, &RX), chunk(&EEXTEND, 0x100, 9)].concat();
        assert_eq!(measure_stream(&stream), Ok(sha256(&stream)));
    }

    #[test]
    fn unmeasured_data_do_not_count() {
        let measured = [ecreate(0x2000), eadd(0, &RX)].concat();
        let with_data = [measured.clone(), chunk(&UNMEASRD, 0, 9)].concat();
        assert_eq!(measure_stream(&with_data), measure_stream(&measured));
    }

    #[test]
    fn truncation_is_an_error_wherever_no_record_ends() {
        let stream = [ecreate(0x2000), eadd(0, &RX), chunk(&EEXTEND, 0, 9)].concat();
        for length in 1..stream.len() {
            let expected = match length {
                64 | 128 => None,
                0..64 => Some(SgxsError::TruncatedRecord { position: 0 }),
                64..128 => Some(SgxsError::TruncatedRecord { position: 64 }),
                128..192 => Some(SgxsError::TruncatedRecord { position: 128 }),
                _ => Some(SgxsError::TruncatedData { position: 128 }),
            };
            assert_eq!(measure_stream(&stream[..length]).err(), expected, "{length} bytes");
        }
        assert_eq!(measure_stream(&[]), Err(SgxsError::Empty));
    }

    #[test]
    fn reading_ends_with_the_first_error() {
        let stream = [block(b"EREMOVE\0", &[]), ecreate(0x2000)].concat();
        assert_eq!(records(&stream), [Err(SgxsError::UnknownTag { position: 0 })]);
    }

    #[test]
    fn reserved_bytes_must_be_zero() {
        for (record, first_reserved) in
            [(ecreate(0x2000), 20), (eadd(0, &RX), 24), (chunk(&EEXTEND, 0, 0), 16)]
        {
            for at in first_reserved..64 {
                let mut damaged = record.clone();
                damaged[at] = 1;
                assert_eq!(records(&damaged), [Err(SgxsError::ReservedNotZero { position: 0 })], "byte {at}");
            }
        }
    }

    #[test]
    fn ecreate_comes_first_and_once() {
        let misplaced = |position| Err(SgxsError::CreateMisplaced { position });
        assert_eq!(measure_stream(&eadd(0, &RX)), misplaced(0));
        assert_eq!(measure_stream(&[ecreate(0x2000), ecreate(0x2000)].concat()), misplaced(64));
        let unsized_stream = block(&UNSIZED, &[]);
        assert_eq!(measure_stream(&unsized_stream), Err(SgxsError::Unsized));
        assert_eq!(measure_stream(&[ecreate(0x2000), unsized_stream].concat()), misplaced(64));
    }

    /// Bytes that often look like records, so that reading gets beyond the first.
    fn hostile_stream() -> impl Strategy<Value = Vec<u8>> {
        let tag = prop_oneof![
            Just(ECREATE),
            Just(EADD),
            Just(EEXTEND),
            Just(UNMEASRD),
            Just(UNSIZED),
            any::<[u8; 8]>()
        ];
        let record = (tag, prop::collection::vec(any::<u8>(), 0..16), 0..321_usize).prop_map(
            |(tag, fields, length)| {
                let mut record = block(&tag, &[&fields]);
                record.resize(length, 0);
                record
            },
        );
        prop::collection::vec(record, 0..8).prop_map(|records| records.concat())
    }

    proptest! {
        #[test]
        fn random_bytes_do_not_panic(stream in prop::collection::vec(any::<u8>(), 0..1024)) {
            let _ = measure_stream(&stream);
        }

        #[test]
        fn hostile_records_do_not_panic(stream in hostile_stream()) {
            let _ = measure_stream(&stream);
            prop_assert!(Records::new(&stream).count() <= stream.len().div_ceil(64));
        }
    }
}
