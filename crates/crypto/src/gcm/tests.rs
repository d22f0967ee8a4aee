use std::vec;
use std::vec::Vec;

use proptest::prelude::{ProptestConfig, any, prop_assert, prop_assert_eq, proptest};
use proptest::sample::Index;

use super::*;
use crate::testing::hex;

fn portable(key: &[u8; 16]) -> Gcm {
    Gcm { key: *key, engine: Engine::Portable(Aes128Gcm::new(key.into())) }
}

/// The cipher of this host, and the one that every host has.
fn engines(key: &[u8; 16]) -> [Gcm; 2] {
    [Gcm::new(key), portable(key)]
}

/// An IV as EWB makes it from a version.
fn iv_of(version: u64) -> [u8; IV_BYTES] {
    let mut iv = [0; IV_BYTES];
    iv[..8].copy_from_slice(&version.to_le_bytes());
    iv
}

fn check(key: &str, iv: &str, additional: &[u8], text: &[u8], cipher: &[u8], tag: &str) {
    for gcm in engines(&hex(key)) {
        let (iv, tag) = (hex(iv), hex(tag));
        let mut bytes = text.to_vec();
        assert_eq!(gcm.encrypt(&iv, additional, &mut bytes), tag);
        assert_eq!(bytes, cipher);
        assert_eq!(gcm.decrypt(&iv, additional, &mut bytes, &tag), Ok(()));
        assert_eq!(bytes, text);
    }
}

/// McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B, test cases 1 to 4.
#[test]
fn the_vectors_of_the_designers() {
    const ZERO: &str = "00000000 00000000 00000000 00000000";
    const ZERO_IV: &str = "00000000 00000000 00000000";
    const KEY: &str = "feffe992 8665731c 6d6a8f94 67308308";
    const IV: &str = "cafebabe facedbad decaf888";
    let text = hex::<64>(
        "d9313225 f88406e5 a55909c5 aff5269a 86a7a953 1534f7da 2e4c303d 8a318a72
         1c3c0c95 95680953 2fcf0e24 49a6b525 b16aedf5 aa0de657 ba637b39 1aafd255",
    );
    let cipher = hex::<64>(
        "42831ec2 21777424 4b7221b7 84d0d49c e3aa212f 2c02a4e0 35c17e23 29aca12e
         21d514b2 5466931c 7d8f6a5a ac84aa05 1ba30b39 6a0aac97 3d58e091 473f5985",
    );
    let additional = hex::<20>("feedface deadbeef feedface deadbeef abaddad2");

    check(ZERO, ZERO_IV, &[], &[], &[], "58e2fcce fa7e3061 367f1d57 a4e7455a");
    let block = hex::<16>("0388dace 60b6a392 f328c2b9 71b2fe78");
    check(ZERO, ZERO_IV, &[], &[0; 16], &block, "ab6e47d4 2cec13bd f53a67b2 1257bddf");
    check(KEY, IV, &[], &text, &cipher, "4d5c2af3 27cd64a6 2cf35abd 2ba6fab4");
    check(KEY, IV, &additional, &text[..60], &cipher[..60], "5bc94fbc 3221a5db 94fae95a e7121a47");
}

#[test]
fn a_page_of_zeros_under_a_header_of_zeros() {
    for gcm in engines(&core::array::from_fn(|i| u8::try_from(i).unwrap())) {
        let mut page = [0; 4096];
        let tag = gcm.encrypt(&iv_of(7), &[0; 128], &mut page);
        assert_eq!(page[..16], hex::<16>("86820da9 0c6eb5a2 3f4eafb3 6f3cefac"));
        assert_eq!(tag, hex("026a1501 81b914e3 bf644d36 c8351d22"));
    }
}

/// The fast library has code of its own for each of many lengths.
#[test]
fn every_host_computes_the_same() {
    let [here, everywhere] = engines(&[0x5a; 16]);
    for length in (0..600).chain([1023, 1024, 4095, 4096, 4097]) {
        let text: Vec<u8> = (0..length).map(|i: usize| i.to_le_bytes()[0]).collect();
        let (mut one, mut other) = (text.clone(), text.clone());
        let additional = &text[..length.min(128)];
        let tag = here.encrypt(&[7; IV_BYTES], additional, &mut one);
        assert_eq!(everywhere.encrypt(&[7; IV_BYTES], additional, &mut other), tag, "{length} bytes");
        assert_eq!(one, other, "{length} bytes");
        assert_eq!(here.decrypt(&[7; IV_BYTES], additional, &mut one, &tag), Ok(()), "{length} bytes");
        assert_eq!(one, text, "{length} bytes");
    }
}

#[test]
fn what_is_refused_is_not_shown() {
    for gcm in engines(&[1; 16]) {
        let mut text = [0x77; 4096];
        let tag = gcm.encrypt(&iv_of(1), &[], &mut text);
        assert_eq!(gcm.decrypt(&iv_of(2), &[], &mut text, &tag), Err(WrongTag));
        assert!(text.iter().all(|byte| *byte == 0));
    }
}

#[test]
fn a_clone_has_the_same_key_and_does_not_tell_it() {
    let gcm = Gcm::new(&[0xee; 16]);
    let (mut one, mut other) = ([3; 64], [3; 64]);
    assert_eq!(gcm.encrypt(&iv_of(1), &[], &mut one), gcm.clone().encrypt(&iv_of(1), &[], &mut other));
    assert_eq!(one, other);
    assert_eq!(std::format!("{gcm:?}"), "Gcm { .. }");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn only_what_was_encrypted_decrypts(
        key: [u8; 16],
        version: u64,
        header in proptest::collection::vec(any::<u8>(), 128),
        seed: u8,
        portably: bool,
        part in 0..5_usize,
        at: Index,
        bit in 0..8_u32,
    ) {
        let gcm = if portably { portable(&key) } else { Gcm::new(&key) };
        let page: Vec<u8> = (0..4096_u32).map(|i| seed ^ i.to_le_bytes()[i as usize % 2]).collect();
        let mut cipher = page.clone();
        let tag = gcm.encrypt(&iv_of(version), &header, &mut cipher);

        let mut back = cipher.clone();
        prop_assert_eq!(gcm.decrypt(&iv_of(version), &header, &mut back, &tag), Ok(()));
        prop_assert_eq!(&back, &page);

        // one bit of one of the five is another
        let mut all = [key.to_vec(), iv_of(version).to_vec(), header, cipher, tag.to_vec()];
        let bytes = &mut all[part];
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let [key, iv, header, mut cipher, tag] = all;
        let gcm = if portably { portable(&key.try_into().unwrap()) } else { Gcm::new(&key.try_into().unwrap()) };
        let outcome = gcm.decrypt(&iv.try_into().unwrap(), &header, &mut cipher, &tag.try_into().unwrap());
        prop_assert_eq!(outcome, Err(WrongTag));
        prop_assert!(cipher == vec![0; 4096]);
    }
}
