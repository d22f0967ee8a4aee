//! What EINIT asks of a SIGSTRUCT before it looks at the enclave.

use anyclave_arch::SigStruct;
use anyclave_arch::sigstruct::{HEADER, HEADER2, VENDOR_INTEL};
use anyclave_crypto::rsa::{self, Rejected};
use anyclave_crypto::sha256;
use thiserror::Error;

use crate::sigstruct::SIGSTRUCT_BYTES;

/// A SIGSTRUCT whose form and signature are good.
#[derive(Clone, Copy, Debug)]
pub struct SigInfo {
    /// The structure.
    pub sigstruct: SigStruct,
    /// SHA-256 of the modulus: the identity of the author.
    pub mrsigner: [u8; 32],
}

/// Why a SIGSTRUCT is bad, in the order of EINIT's checks. All but the last are EINIT's INVALID_SIG_STRUCT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SigError {
    /// HEADER.
    #[error("HEADER is not that of a SIGSTRUCT")]
    Header,
    /// VENDOR.
    #[error("VENDOR is {0:#x}, neither 0 nor 0x8086")]
    Vendor(u32),
    /// HEADER2.
    #[error("HEADER2 is not that of a SIGSTRUCT")]
    Header2,
    /// EXPONENT.
    #[error("EXPONENT is {0}, not 3")]
    Exponent(u32),
    /// Reserved bytes.
    #[error("the reserved bytes at {0} are not zero")]
    Reserved(usize),
    /// The signature, EINIT's INVALID_SIGNATURE.
    #[error(transparent)]
    Signature(#[from] Rejected),
}

/// Checks form and signature of a SIGSTRUCT.
///
/// # Errors
/// The first [`SigError`] that applies.
pub fn verify_sigstruct(bytes: &[u8; SIGSTRUCT_BYTES]) -> Result<SigInfo, SigError> {
    let sigstruct: SigStruct = zerocopy::transmute!(*bytes);
    check_form(&sigstruct)?;
    let hash = sha256(&sigstruct.signed_bytes());
    rsa::verify(&sigstruct.modulus, &sigstruct.signature, &sigstruct.q1, &sigstruct.q2, &hash)?;
    Ok(SigInfo { mrsigner: sha256(&sigstruct.modulus), sigstruct })
}

fn check_form(sigstruct: &SigStruct) -> Result<(), SigError> {
    if sigstruct.header != HEADER {
        return Err(SigError::Header);
    }
    let vendor = sigstruct.vendor.get();
    if vendor != 0 && vendor != VENDOR_INTEL {
        return Err(SigError::Vendor(vendor));
    }
    if sigstruct.header2 != HEADER2 {
        return Err(SigError::Header2);
    }
    let exponent = sigstruct.exponent.get();
    if exponent != 3 {
        return Err(SigError::Exponent(exponent));
    }
    let reserved = [
        (44, sigstruct.reserved1.as_slice()),
        (910, &sigstruct.reserved2),
        (992, &sigstruct.reserved3),
        (1028, &sigstruct.reserved4),
    ];
    match reserved.iter().find(|(_, bytes)| bytes.iter().any(|byte| *byte != 0)) {
        Some((offset, _)) => Err(SigError::Reserved(*offset)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PrivateKey, SignOptions};
    use anyclave_arch::{Attributes, Flags, MiscSelect};
    use zerocopy::IntoBytes;

    const OPTIONS: SignOptions = SignOptions {
        vendor: 0x8086,
        date: 0x2024_0131,
        swdefined: 0x10,
        miscselect: MiscSelect::EXINFO,
        miscmask: MiscSelect::CPINFO,
        attributes: Attributes::new(Flags::MODE64BIT, 7),
        attributemask: Attributes::new(Flags::DEBUG, 0xe7),
        isvfamilyid: [1; 16],
        isvextprodid: [2; 16],
        isvprodid: 0x1234,
        isvsvn: 0x5678,
    };

    fn signed(options: &SignOptions) -> [u8; SIGSTRUCT_BYTES] {
        let key = PrivateKey::from_seed(&[9; 32]);
        zerocopy::transmute!(options.sign(&[0xab; 32], &key))
    }

    #[test]
    fn what_is_signed_verifies() {
        for options in [OPTIONS, SignOptions::default()] {
            let info = verify_sigstruct(&signed(&options)).unwrap();
            assert_eq!(info.mrsigner, sha256(PrivateKey::from_seed(&[9; 32]).modulus()));
        }
    }

    #[test]
    fn each_option_has_its_place() {
        let bytes = signed(&OPTIONS);
        for (offset, expected) in [
            (16, 0x8086_u32.as_bytes()),
            (20, 0x2024_0131_u32.as_bytes()),
            (40, 0x10_u32.as_bytes()),
            (512, 3_u32.as_bytes()),
            (900, 1_u32.as_bytes()),
            (904, 2_u32.as_bytes()),
            (908, &[0; 4]),
            (912, &[1; 16]),
            (928, [4_u64, 7].as_bytes()),
            (944, [2_u64, 0xe7].as_bytes()),
            (960, &[0xab; 32]),
            (1008, &[2; 16]),
            (1024, 0x1234_u16.as_bytes()),
            (1026, 0x5678_u16.as_bytes()),
        ] {
            assert_eq!(&bytes[offset..offset + expected.len()], expected, "offset {offset}");
        }
    }

    #[test]
    fn each_rule_has_its_error() {
        let good = signed(&OPTIONS);
        let error = |at: usize| {
            let mut bad = good;
            bad[at] ^= 0x80;
            verify_sigstruct(&bad).err()
        };
        assert_eq!(error(0), Some(SigError::Header));
        assert_eq!(error(16), Some(SigError::Vendor(0x8006)));
        assert_eq!(error(39), Some(SigError::Header2));
        assert_eq!(error(512), Some(SigError::Exponent(0x83)));
        for (at, field) in [(44, 44), (127, 44), (910, 910), (1007, 992), (1028, 1028), (1039, 1028)] {
            assert_eq!(error(at), Some(SigError::Reserved(field)), "byte {at}");
        }
        for at in [20, 43, 900, 908, 909, 912, 928, 944, 960, 1008, 1024, 1027] {
            assert_eq!(error(at), Some(SigError::Signature(Rejected::Hash)), "byte {at} is signed");
        }
    }

    #[test]
    fn every_byte_counts() {
        let good = signed(&OPTIONS);
        for at in 0..SIGSTRUCT_BYTES {
            let mut bad = good;
            bad[at] ^= 1;
            assert!(verify_sigstruct(&bad).is_err(), "byte {at}");
        }
    }

    #[test]
    fn uniform_bytes_are_refused() {
        for fill in [0, 1, 0xff] {
            assert!(verify_sigstruct(&[fill; SIGSTRUCT_BYTES]).is_err());
        }
    }
}
