//! Quotes that real hardware made: they fix where the fields of a REPORT lie. What their signatures cover is
//! parsed with our layout of REPORT, and the signatures verify.

use anyclave_arch::Flags;
use anyclave_arch::report::Report;
use anyclave_crypto::sha256;
use anyclave_testkit::vectors::vector;
use p256::ecdsa::signature::Verifier;
use p256::ecdsa::{Signature, VerifyingKey};
use zerocopy::FromBytes;

/// Bytes of a REPORT that a quote repeats: all but KEYID and MAC.
const BODY_BYTES: usize = 384;
const HEADER_BYTES: usize = 48;
/// The length of the signature part stands here, and the part behind it.
const SIGNATURE_LENGTH: usize = HEADER_BYTES + BODY_BYTES;
const SIGNATURE: usize = SIGNATURE_LENGTH + 4;

/// A version 3 quote with an ECDSA signature, in parts.
struct Quote<'data> {
    signed: &'data [u8],
    header: &'data [u8],
    body: Report,
    signature: &'data [u8],
    key: &'data [u8],
    quoting_body: Report,
    quoting_data: &'data [u8],
}

/// A REPORT whose KEYID and MAC the quote leaves out.
fn report(body: &[u8]) -> Report {
    let mut bytes = [0; size_of::<Report>()];
    bytes[..BODY_BYTES].copy_from_slice(body);
    Report::read_from_bytes(&bytes).unwrap()
}

fn parse(bytes: &[u8]) -> Quote<'_> {
    let (signed, rest) = bytes.split_at(SIGNATURE_LENGTH);
    let length = u32::from_le_bytes(*rest.first_chunk().unwrap());
    let rest = &bytes[SIGNATURE..][..usize::try_from(length).unwrap()];
    let (signature, rest) = rest.split_at(64);
    let (key, rest) = rest.split_at(64);
    let (quoting_body, rest) = rest.split_at(BODY_BYTES);
    let (_signature_of_the_quoting_body, rest) = rest.split_at(64);
    let length = u16::from_le_bytes(*rest.first_chunk().unwrap());
    Quote {
        signed,
        header: &signed[..HEADER_BYTES],
        body: report(&signed[HEADER_BYTES..]),
        signature,
        key,
        quoting_body: report(quoting_body),
        quoting_data: &rest[2..][..length.into()],
    }
}

fn verify(quote: &Quote<'_>, signed: &[u8]) -> bool {
    let key = VerifyingKey::from_sec1_bytes(&[&[4], quote.key].concat()).unwrap();
    key.verify(signed, &Signature::from_slice(quote.signature).unwrap()).is_ok()
}

/// Nothing but zeros where the manual reserves bytes.
fn assert_reserved(report: &Report) {
    assert_eq!(report.reserved1, [0; 11]);
    assert_eq!(report.reserved2, [0; 32]);
    assert_eq!(report.reserved3, [0; 32]);
    assert_eq!(report.reserved4, [0; 42]);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The quote, and what its REPORT must say: MRENCLAVE of the application and of the quoting enclave.
fn check(name: &str, file: &str, mrenclave: &str, quoting: &str, attributes: [u64; 2]) {
    let Some(bytes) = vector(name, file) else { return };
    let quote = parse(&bytes);
    assert_eq!(quote.header[..4], [3, 0, 2, 0], "version 3, ECDSA on P-256");
    assert!(verify(&quote, quote.signed));
    for place in [0, HEADER_BYTES, HEADER_BYTES + 64, SIGNATURE_LENGTH - 1] {
        let mut changed = quote.signed.to_vec();
        changed[place] ^= 1;
        assert!(!verify(&quote, &changed), "byte {place}");
    }

    assert_eq!(hex(&quote.body.mrenclave), mrenclave);
    let flags = Flags::from_bits_retain(attributes[0]);
    assert!(flags.contains(Flags::INIT | Flags::MODE64BIT));
    assert_eq!([quote.body.attributes.flags.get(), quote.body.attributes.xfrm.get()], attributes);
    assert_reserved(&quote.body);

    // The quoting enclave vouches for the key in its own REPORT.
    let enclave = &quote.quoting_body;
    assert_eq!(hex(&enclave.mrenclave), quoting);
    assert_eq!(hex(&enclave.mrsigner), "8c4f5775d796503e96137f77c68a829a0056ac8ded70140b081b094490c57bff");
    assert_eq!(enclave.attributes.flags.get(), 0x15);
    assert_eq!(enclave.isvprodid.get(), 1);
    let hash = sha256(&[quote.key, quote.quoting_data].concat());
    assert_eq!(enclave.reportdata[..32], hash);
    assert_eq!(enclave.reportdata[32..], [0; 32]);
    assert_reserved(enclave);
}

#[test]
fn quote_of_a_debug_enclave() {
    check(
        "quote_of_a_debug_enclave",
        "quote-hw-1.bin",
        "2531fd89facb97c6bab5f343805afe4dc051c2bef0d11309ac553c404326dda2",
        "cdcadfb7db22ada5fd603455cde1bf9fa258fa5f284dcd6e0c63392f633a1105",
        [7, 0x1f],
    );
}

#[test]
fn quote_with_its_certificates() {
    check(
        "quote_with_its_certificates",
        "quote-hw-2.bin",
        "04d285fd1b0f11a7e29392d7481f2d94dcdb298ba7619b04e7fc320d81f2970e",
        "b08903e5d5e8d13128582a7b6746a8dd1f9718f05e26465a5aae58056a882562",
        [7, 0x1f],
    );
}

#[test]
fn quote_of_a_production_enclave() {
    check(
        "quote_of_a_production_enclave",
        "quote-hw-3.bin",
        "33d8736db756ed4997e04ba358d27833188f1932ff7b1d156904d3f560452fbb",
        "96b347a64e5a045e27369c26e6dcda51fd7c850e9b3a3a79e718f43261dee1e4",
        [5, 0xe7],
    );
}
