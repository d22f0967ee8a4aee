//! KEYREQUEST: which key EGETKEY derives, 512 bytes at a 512-byte boundary.

use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::attributes::Attributes;

/// KEYNAME: the families of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
#[expect(missing_docs, reason = "the names are the manual's")]
pub enum KeyName {
    EinitToken = 0,
    Provision = 1,
    ProvisionSeal = 2,
    Report = 3,
    Seal = 4,
}

impl KeyName {
    /// The family with this number.
    #[must_use]
    pub const fn from_number(number: u16) -> Option<Self> {
        Some(match number {
            0 => Self::EinitToken,
            1 => Self::Provision,
            2 => Self::ProvisionSeal,
            3 => Self::Report,
            4 => Self::Seal,
            _ => return None,
        })
    }
}

bitflags::bitflags! {
    /// KEYPOLICY: which identities enter the key.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct KeyPolicy: u16 {
        /// MRENCLAVE.
        const MRENCLAVE = 1 << 0;
        /// MRSIGNER.
        const MRSIGNER = 1 << 1;
        /// Leave ISVPRODID out (KSS).
        const NOISVPRODID = 1 << 2;
        /// CONFIGID and CONFIGSVN (KSS).
        const CONFIGID = 1 << 3;
        /// ISVFAMILYID (KSS).
        const ISVFAMILYID = 1 << 4;
        /// ISVEXTPRODID (KSS).
        const ISVEXTPRODID = 1 << 5;
        /// Bits without a name are kept.
        const _ = !0;
    }
}

impl KeyPolicy {
    /// The bits that need KSS.
    pub const KSS: Self =
        Self::NOISVPRODID.union(Self::CONFIGID).union(Self::ISVFAMILYID).union(Self::ISVEXTPRODID);
    /// Every bit with a meaning.
    pub const DEFINED: Self = Self::MRENCLAVE.union(Self::MRSIGNER).union(Self::KSS);
}

/// KEYREQUEST.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct KeyRequest {
    /// See [`KeyName`].
    pub keyname: U16,
    /// See [`KeyPolicy`].
    pub keypolicy: U16,
    /// ISVSVN for which the key is asked.
    pub isvsvn: U16,
    /// CET attributes that enter the key.
    pub cet_attributes_mask: u8,
    /// Must be zero.
    pub reserved1: u8,
    /// CPUSVN for which the key is asked.
    pub cpusvn: [u8; 16],
    /// ATTRIBUTES that enter the key.
    pub attributemask: Attributes,
    /// Diversifier.
    pub keyid: [u8; 32],
    /// MISCSELECT bits that enter the key.
    pub miscmask: U32,
    /// KSS: CONFIGSVN for which the key is asked.
    pub configsvn: U16,
    /// Must be zero.
    pub reserved2: [u8; 434],
}

const _: () = {
    use core::mem::offset_of;
    assert!(size_of::<KeyRequest>() == 512);
    assert!(offset_of!(KeyRequest, attributemask) == 24);
    assert!(offset_of!(KeyRequest, miscmask) == 72);
    assert!(offset_of!(KeyRequest, reserved2) == 78);
};
