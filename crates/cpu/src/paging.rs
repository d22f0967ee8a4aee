//! Pages in transit: the key that protects them, their versions, and what a page is bound to. SDM vol. 3D, leaves EWB
//! and ELDU, Operation.

use anyclave_arch::SecInfo;
use anyclave_crypto::{Gcm, IV_BYTES, TAG_BYTES, WrongTag};
use zerocopy::little_endian::U64;
use zerocopy::{Immutable, IntoBytes};

use crate::kernel::PAGE_BYTES;

/// What is authenticated beside the page itself. The manual names the fields; where they stand is ours.
#[derive(Immutable, IntoBytes)]
#[repr(C)]
pub(crate) struct Header {
    /// Type, rights and state, as in PCMD.
    pub(crate) secinfo: SecInfo,
    /// EID of the enclave that owns the page; zero for a SECS and a version array.
    pub(crate) eid: U64,
    /// The page's linear address in the enclave.
    pub(crate) linaddr: U64,
    /// The reserved bytes of PCMD.
    pub(crate) reserved: [u8; 40],
    zero: [u8; 8],
}

const _: () = assert!(size_of::<Header>() == 128);

impl Header {
    /// A page as PCMD describes it, of this enclave, at this address.
    pub(crate) const fn new(secinfo: SecInfo, eid: u64, linaddr: u64, reserved: [u8; 40]) -> Self {
        Self { secinfo, eid: U64::new(eid), linaddr: U64::new(linaddr), reserved, zero: [0; 8] }
    }
}

/// The package's means of sending pages out and of knowing them again.
#[derive(Clone, Debug)]
pub(crate) struct Paging {
    /// CR_BASE_PK.
    key: Gcm,
    next_version: u64,
}

impl Paging {
    pub(crate) fn new(key: &[u8; 16]) -> Self {
        Self { key: Gcm::new(key), next_version: 1 }
    }

    /// Another key: no page that is out comes back.
    pub(crate) fn set_key(&mut self, key: &[u8; 16]) {
        self.key = Gcm::new(key);
    }

    /// A version that no page had before: never zero, by which a slot is known to be empty, nor the same again when the
    /// key changes.
    pub(crate) const fn new_version(&mut self) -> u64 {
        let version = self.next_version;
        self.next_version += 1;
        version
    }

    /// The version that the next page gets.
    #[cfg(test)]
    pub(crate) const fn next_version(&self) -> u64 {
        self.next_version
    }

    /// Encrypts a page; returns its MAC.
    pub(crate) fn encrypt(
        &self,
        version: u64,
        header: &Header,
        page: &mut [u8; PAGE_BYTES],
    ) -> [u8; TAG_BYTES] {
        self.key.encrypt(&iv(version), header.as_bytes(), page)
    }

    /// Decrypts a page.
    ///
    /// # Errors
    /// It is not what [`Self::encrypt`] made with this version and header; `page` is then zero.
    pub(crate) fn decrypt(
        &self,
        version: u64,
        header: &Header,
        page: &mut [u8; PAGE_BYTES],
        mac: &[u8; TAG_BYTES],
    ) -> Result<(), WrongTag> {
        self.key.decrypt(&iv(version), header.as_bytes(), page, mac)
    }
}

fn iv(version: u64) -> [u8; IV_BYTES] {
    let mut iv = [0; IV_BYTES];
    let (low, _) = iv.split_at_mut(8);
    low.copy_from_slice(&version.to_le_bytes());
    iv
}

#[cfg(test)]
mod tests {
    use anyclave_arch::{PageType, SecInfoFlags};

    use super::*;
    use crate::testing::hex;

    const HEADER: Header = Header::new(SecInfo::new(PageType::Secs, SecInfoFlags::empty()), 0, 0, [0; 40]);

    fn paging() -> Paging {
        Paging::new(&core::array::from_fn(|i| u8::try_from(i).unwrap()))
    }

    #[test]
    fn the_known_page_encrypts_to_the_known_bytes() {
        let mut page = [0; PAGE_BYTES];
        let mac = paging().encrypt(7, &HEADER, &mut page);
        assert_eq!(page[..16], hex::<16>("86820da90c6eb5a23f4eafb36f3cefac"));
        assert_eq!(mac, hex("026a150181b914e3bf644d36c8351d22"));
        assert_eq!(paging().decrypt(7, &HEADER, &mut page, &mac), Ok(()));
        assert_eq!(page, [0; PAGE_BYTES]);
    }

    #[test]
    fn each_field_of_the_header_counts() {
        let paging = paging();
        let secinfo = SecInfo::new(PageType::Reg, SecInfoFlags::R);
        let mac = |header: &Header| paging.encrypt(1, header, &mut [0; PAGE_BYTES]);
        let mut reserved = [0; 40];
        reserved[39] = 1;
        let macs = [
            mac(&HEADER),
            mac(&Header { secinfo, ..HEADER }),
            mac(&Header { eid: 1.into(), ..HEADER }),
            mac(&Header { linaddr: 1.into(), ..HEADER }),
            mac(&Header { reserved, ..HEADER }),
        ];
        for (i, mac) in macs.iter().enumerate() {
            assert!(!macs[i + 1..].contains(mac), "{i}");
        }
    }

    #[test]
    fn versions_begin_behind_zero_and_go_on_when_the_key_changes() {
        let mut paging = paging();
        assert_eq!((paging.new_version(), paging.new_version()), (1, 2));
        paging.set_key(&[9; 16]);
        assert_eq!((paging.new_version(), paging.next_version()), (3, 4));
    }
}
