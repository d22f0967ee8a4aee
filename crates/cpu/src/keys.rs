//! Key derivation: which fields enter which key (SDM vol. 3D, leaf EGETKEY, Operation), and a derivation
//! function of our own in the place of the secret one.
//!
//! Every key is a CMAC over one block of 672 bytes that holds all fields a key may depend on. Fields that a
//! family of keys leaves out are zero in its block. One function below per family, one column of the
//! manual's table each.

use anyclave_arch::key::{KeyName, KeyPolicy, KeyRequest};
use anyclave_arch::targetinfo::TargetInfo;
use anyclave_arch::token::EinitToken;
use anyclave_arch::{Attributes, Flags};
use anyclave_crypto::rsa::PKCS1_PADDING;
use anyclave_crypto::{aes128_cmac, aes128_cmac_parts};
use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::config::Config;
use crate::secs::SecsPage;

/// A key of any family.
pub(crate) type Key = [u8; 16];

/// ATTRIBUTES that enter a key whatever the request masks: an enclave under a debugger never gets the key
/// of one that is not.
const ALWAYS: Attributes = Attributes::new(Flags::INIT.union(Flags::DEBUG), 0);

/// Everything that a key may depend on, in the order in which it is hashed.
#[derive(Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct Dependencies {
    magic: [u8; 8],
    keyname: U16,
    keypolicy: U16,
    isvprodid: U16,
    isvsvn: U16,
    configsvn: U16,
    cet_attributes: u8,
    cet_attributes_mask: u8,
    miscselect: U32,
    miscmask: U32,
    reserved1: [u8; 4],
    attributes: Attributes,
    attributesmask: Attributes,
    cpusvn: [u8; 16],
    ownerepoch: [u8; 16],
    seal_fuses: [u8; 16],
    isvextprodid: [u8; 16],
    isvfamilyid: [u8; 16],
    reserved2: [u8; 16],
    keyid: [u8; 32],
    mrenclave: [u8; 32],
    mrsigner: [u8; 32],
    configid: [u8; 64],
    padding: [u8; 352],
}

const _: () = {
    use core::mem::offset_of;
    assert!(size_of::<Dependencies>() == 672);
    assert!(offset_of!(Dependencies, attributes) == 32);
    assert!(offset_of!(Dependencies, keyid) == 160);
    assert!(offset_of!(Dependencies, padding) == 320);
};

impl Dependencies {
    /// A block in which nothing but the family is set.
    fn new(keyname: KeyName) -> Self {
        Self { magic: *b"SGXKDv1\0", keyname: U16::new(keyname as u16), ..Self::new_zeroed() }
    }

    /// What all keys of an enclave's request share: its security versions, masks and masked attributes.
    fn of_request(keyname: KeyName, secs: &SecsPage, request: &KeyRequest) -> Self {
        let mask = Attributes::new(
            request.attributemask.flags() | ALWAYS.flags(),
            request.attributemask.xfrm.get() | ALWAYS.xfrm.get(),
        );
        Self {
            isvprodid: secs.isvprodid,
            isvsvn: request.isvsvn,
            cet_attributes: secs.cet_attributes & request.cet_attributes_mask,
            miscselect: secs.miscselect & request.miscmask,
            attributes: secs.attributes.masked(&mask),
            cpusvn: request.cpusvn,
            padding: secs.padding,
            ..Self::new(keyname)
        }
    }

    /// The request's masks, which keys that outlive an enclave depend on.
    fn with_masks(self, request: &KeyRequest) -> Self {
        Self {
            attributesmask: request.attributemask,
            miscmask: U32::new(!request.miscmask.get()),
            cet_attributes_mask: request.cet_attributes_mask,
            ..self
        }
    }

    /// The identities that KEYPOLICY asks for beyond MRENCLAVE and MRSIGNER, and ISVPRODID unless it says no.
    fn with_policy(self, secs: &SecsPage, request: &KeyRequest) -> Self {
        let policy = KeyPolicy::from_bits_retain(request.keypolicy.get());
        let mut block = Self { keypolicy: request.keypolicy, ..self };
        if policy.contains(KeyPolicy::NOISVPRODID) {
            block.isvprodid = U16::new(0);
        }
        if policy.contains(KeyPolicy::CONFIGID) {
            block.configid = secs.configid;
            block.configsvn = request.configsvn;
        }
        if policy.contains(KeyPolicy::ISVFAMILYID) {
            block.isvfamilyid = secs.isvfamilyid;
        }
        if policy.contains(KeyPolicy::ISVEXTPRODID) {
            block.isvextprodid = secs.isvextprodid;
        }
        block
    }

    /// The device secrets of all keys but those for provisioning.
    fn with_owner(self, config: &Config) -> Self {
        Self { ownerepoch: config.owner_epoch, seal_fuses: config.seal_fuses, ..self }
    }

    /// The key. Its root depends on family and CPUSVN, so that a processor whose version was raised can
    /// still make the roots of older versions, while the block alone gives no root away.
    fn derive(&self, config: &Config) -> Key {
        let parts: [&[u8]; 4] = [b"SGX-ROOT", self.keyname.as_bytes(), &[0; 6], &self.cpusvn];
        let root = aes128_cmac_parts(&config.device_root, &parts);
        aes128_cmac(&root, self.as_bytes())
    }
}

/// The key that MACs REPORTs for `target`.
pub(crate) fn report_key(config: &Config, target: &TargetInfo, keyid: &[u8; 32]) -> Key {
    let block = Dependencies {
        attributes: target.attributes,
        miscselect: target.miscselect,
        cet_attributes: target.cet_attributes,
        cpusvn: config.cpusvn,
        mrenclave: target.measurement,
        configid: target.configid,
        configsvn: target.configsvn,
        keyid: *keyid,
        padding: PKCS1_PADDING,
        ..Dependencies::new(KeyName::Report)
    };
    block.with_owner(config).derive(config)
}

/// The TARGETINFO that names an enclave.
pub(crate) fn target_of(secs: &SecsPage) -> TargetInfo {
    TargetInfo {
        measurement: secs.mrenclave,
        attributes: secs.attributes,
        cet_attributes: secs.cet_attributes,
        configsvn: secs.configsvn,
        miscselect: secs.miscselect,
        configid: secs.configid,
        ..TargetInfo::new_zeroed()
    }
}

/// EGETKEY's seal key.
pub(crate) fn seal_key(config: &Config, secs: &SecsPage, request: &KeyRequest) -> Key {
    let policy = KeyPolicy::from_bits_retain(request.keypolicy.get());
    let mut block = Dependencies::of_request(KeyName::Seal, secs, request)
        .with_masks(request)
        .with_policy(secs, request)
        .with_owner(config);
    if policy.contains(KeyPolicy::MRENCLAVE) {
        block.mrenclave = secs.mrenclave;
    }
    if policy.contains(KeyPolicy::MRSIGNER) {
        block.mrsigner = secs.mrsigner;
    }
    block.keyid = request.keyid;
    block.derive(config)
}

/// EGETKEY's EINIT token key, for a launch enclave.
pub(crate) fn launch_key(config: &Config, secs: &SecsPage, request: &KeyRequest) -> Key {
    let block = Dependencies {
        mrsigner: secs.mrsigner,
        keyid: request.keyid,
        ..Dependencies::of_request(KeyName::EinitToken, secs, request)
    };
    block.with_owner(config).derive(config)
}

/// The same key on EINIT's side: the token says how the launch enclave asked for it.
pub(crate) fn einit_token_key(config: &Config, token: &EinitToken, lepubkeyhash: &[u8; 32]) -> Key {
    let block = Dependencies {
        isvprodid: token.isvprodidle,
        isvsvn: token.isvsvnle,
        cet_attributes: token.cet_masked_attributes_le,
        miscselect: token.maskedmiscselectle,
        attributes: token.maskedattributesle,
        cpusvn: token.cpusvnle,
        mrsigner: *lepubkeyhash,
        keyid: token.keyid,
        padding: PKCS1_PADDING,
        ..Dependencies::new(KeyName::EinitToken)
    };
    block.with_owner(config).derive(config)
}

/// EGETKEY's provisioning key: the same for every owner of the device, and without a diversifier.
pub(crate) fn provision_key(config: &Config, secs: &SecsPage, request: &KeyRequest) -> Key {
    let block = Dependencies {
        mrsigner: secs.mrsigner,
        ..Dependencies::of_request(KeyName::Provision, secs, request).with_masks(request)
    };
    block.derive(config)
}

/// EGETKEY's provisioning seal key: the device's, but no owner's.
pub(crate) fn provision_seal_key(config: &Config, secs: &SecsPage, request: &KeyRequest) -> Key {
    let block = Dependencies {
        mrsigner: secs.mrsigner,
        seal_fuses: config.seal_fuses,
        ..Dependencies::of_request(KeyName::ProvisionSeal, secs, request)
            .with_masks(request)
            .with_policy(secs, request)
    };
    block.derive(config)
}

/// Whether every component of CPUSVN `asked` is one that the processor has reached.
pub(crate) fn cpusvn_reached(config: &Config, asked: &[u8; 16]) -> bool {
    asked.iter().zip(&config.cpusvn).all(|(asked, current)| asked <= current)
}

#[cfg(test)]
mod tests;
