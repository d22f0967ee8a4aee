//! SIGSTRUCT: what the author of an enclave signs.

use anyclave_arch::attributes::XFRM_LEGACY;
use anyclave_arch::sigstruct::{HEADER, HEADER2};
use anyclave_arch::{Attributes, Flags, MiscSelect, SigStruct};
use anyclave_crypto::rsa::{PrivateKey, Signature};
use anyclave_crypto::sha256;
use zerocopy::FromZeros;

/// Bytes of a SIGSTRUCT.
pub const SIGSTRUCT_BYTES: usize = size_of::<SigStruct>();

/// The fields of a SIGSTRUCT that its author chooses. Masks say which bits EINIT compares with the SECS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignOptions {
    /// 0, or 8086H for Intel's own enclaves; EINIT accepts nothing else.
    pub vendor: u32,
    /// Build date as hexadecimal digits, 20240131H for the 31st of January 2024; never checked.
    pub date: u32,
    /// Free for the author.
    pub swdefined: u32,
    /// MISCSELECT.
    pub miscselect: MiscSelect,
    /// Mask of MISCSELECT.
    pub miscmask: MiscSelect,
    /// ATTRIBUTES, INIT left out.
    pub attributes: Attributes,
    /// Mask of ATTRIBUTES. EINIT compares before it sets INIT, so the mask may include it.
    pub attributemask: Attributes,
    /// Family; needs KSS in `attributes` unless zero.
    pub isvfamilyid: [u8; 16],
    /// Extended product; of use with KSS only.
    pub isvextprodid: [u8; 16],
    /// Product.
    pub isvprodid: u16,
    /// Security version.
    pub isvsvn: u16,
}

impl Default for SignOptions {
    /// A 64-bit enclave without extended state and without exceptions of its own, debug or not as its loader
    /// chooses; everything else is enforced.
    fn default() -> Self {
        Self {
            vendor: 0,
            date: 0,
            swdefined: 0,
            miscselect: MiscSelect::empty(),
            miscmask: MiscSelect::all(),
            attributes: Attributes::new(Flags::MODE64BIT, XFRM_LEGACY),
            attributemask: Attributes::new(Flags::DEBUG.complement(), u64::MAX),
            isvfamilyid: [0; 16],
            isvextprodid: [0; 16],
            isvprodid: 0,
            isvsvn: 0,
        }
    }
}

impl SignOptions {
    /// The SIGSTRUCT that lets the enclave measured as `mrenclave` launch as the work of `key`'s owner.
    ///
    /// The values are signed as they are: one that no processor accepts gives a SIGSTRUCT that EINIT refuses.
    #[must_use]
    pub fn sign(&self, mrenclave: &[u8; 32], key: &PrivateKey) -> SigStruct {
        let mut sigstruct = self.prepare(mrenclave, key);
        let Signature { signature, q1, q2 } = key.sign(&sha256(&sigstruct.signed_bytes()));
        sigstruct.signature = signature;
        sigstruct.q1 = q1;
        sigstruct.q2 = q2;
        sigstruct
    }

    /// The same before it is signed: signature and quotients are zero.
    #[must_use]
    pub fn prepare(&self, mrenclave: &[u8; 32], key: &PrivateKey) -> SigStruct {
        SigStruct {
            header: HEADER,
            vendor: self.vendor.into(),
            date: self.date.into(),
            header2: HEADER2,
            swdefined: self.swdefined.into(),
            modulus: *key.modulus(),
            exponent: 3.into(),
            miscselect: self.miscselect.bits().into(),
            miscmask: self.miscmask.bits().into(),
            isvfamilyid: self.isvfamilyid,
            attributes: self.attributes,
            attributemask: self.attributemask,
            enclavehash: *mrenclave,
            isvextprodid: self.isvextprodid,
            isvprodid: self.isvprodid.into(),
            isvsvn: self.isvsvn.into(),
            ..SigStruct::new_zeroed()
        }
    }
}
