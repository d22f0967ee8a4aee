//! ENCLS[EINIT]: ends the building of an enclave if its author vouches for what was built.
//! SDM vol. 3D, leaf EINIT, Operation.

use anyclave_arch::msr::lepubkeyhash_bytes;
use anyclave_arch::sigstruct::{HEADER, HEADER2, VENDOR_INTEL};
use anyclave_arch::token::{EinitToken, MACED_SIZE};
use anyclave_arch::{EpcAddr, Flags, Linear, PAGE_SIZE, PageType, SigStruct};
use anyclave_crypto::rsa::{self, PKCS1_PADDING, Rejected};
use anyclave_crypto::{aes128_cmac, sha256};
use anyclave_trace::Refusal;
use anyclave_trace::cause::EinitCause as Cause;
use zerocopy::IntoBytes;

use super::Context;
use crate::config::Config;
use crate::entropy::Entropy;
use crate::exit::{Exit, require};
use crate::frames::Frames;
use crate::keys;
use crate::locks::Lock;
use crate::secs::SecsPage;
use crate::space::{Access, AddressSpace};

/// What identifies an enclave, as EINIT has found it.
struct Identity {
    mrenclave: [u8; 32],
    mrsigner: [u8; 32],
    /// IA32_SGXLEPUBKEYHASH0..3.
    launch_signer: [u8; 32],
}

/// RBX: SIGSTRUCT; RCX: SECS; RDX: EINITTOKEN. A refusal leaves the enclave as it was, to be tried again.
pub(super) fn einit<F: Frames, E: Entropy, S: AddressSpace>(
    cpu: &mut Context<'_, F, E, S>,
    rbx: Linear,
    rcx: Linear,
    rdx: Linear,
) -> Result<(), Exit> {
    require(rbx.is_aligned(PAGE_SIZE), Refusal::new(Cause::RbxUnaligned, rbx.0))?;
    require(rcx.is_aligned(PAGE_SIZE), Refusal::new(Cause::RcxUnaligned, rcx.0))?;
    require(rdx.is_aligned(512), Refusal::new(Cause::RdxUnaligned, rdx.0))?;
    let page = cpu.epc_or(rcx, Access::Write, Refusal::new(Cause::RcxNotEpc, rcx.0))?;
    let sigstruct: SigStruct = cpu.copy_in(rbx)?;
    let token: EinitToken = cpu.copy_in(rdx)?;

    // the SIGSTRUCT by itself
    check_sigstruct(&sigstruct)?;
    // verification takes long, so the manual has a window for interrupts before it
    let event = cpu.processor.event_pending || cpu.package.injector.event();
    require(!event, Refusal::new(Cause::EventPending, rcx.0))?;
    check_signature(&sigstruct)?;

    // the SECS
    let secs = check_secs(cpu, rcx, page)?;

    // the SIGSTRUCT and the enclave
    let family = sigstruct.isvfamilyid == [0; 16] || secs.attributes.has(Flags::KSS);
    let flags = secs.attributes.flags.get();
    require(family, Refusal::new(Cause::FamilyWithoutKss, flags).expected(Flags::KSS.bits()))?;
    cpu.lock(page, Lock::MEASUREMENT, Refusal::new(Cause::MeasurementConflict, rcx.0))?;
    let identity = Identity {
        mrenclave: secs.measurement().finish(),
        mrsigner: sha256(&sigstruct.modulus),
        launch_signer: lepubkeyhash_bytes(cpu.package.lepubkeyhash),
    };
    check_identity(&secs, &sigstruct, &identity)?;

    // permission to launch
    if token.valid.get() & 1 == 0 {
        require(identity.mrsigner == identity.launch_signer, distrust(Cause::SignerNotTrusted, &identity))?;
    } else {
        check_token(&cpu.package.config, &secs, &token, &identity)?;
    }

    let secs = initialised(&secs, &sigstruct, &identity);
    cpu.package.store_secs(page, &secs);
    Ok(())
}

/// Constants and reserved bytes.
fn check_sigstruct(sigstruct: &SigStruct) -> Result<(), Exit> {
    let (vendor, exponent) = (sigstruct.vendor.get(), sigstruct.exponent.get());
    let header = Refusal::new(Cause::HeaderInvalid, prefix(&sigstruct.header)).expected(prefix(&HEADER));
    require(sigstruct.header == HEADER, header)?;
    let known_vendor = vendor == 0 || vendor == VENDOR_INTEL;
    require(known_vendor, Refusal::new(Cause::VendorInvalid, vendor.into()))?;
    let header2 = Refusal::new(Cause::Header2Invalid, prefix(&sigstruct.header2)).expected(prefix(&HEADER2));
    require(sigstruct.header2 == HEADER2, header2)?;
    require(exponent == 3, Refusal::new(Cause::ExponentInvalid, exponent.into()).expected(3_u64))?;
    let reserved: [&[u8]; 4] =
        [&sigstruct.reserved1, &sigstruct.reserved2, &sigstruct.reserved3, &sigstruct.reserved4];
    require(reserved.into_iter().all(is_zero), Refusal::new(Cause::SigstructReserved, 0))
}

fn check_signature(sigstruct: &SigStruct) -> Result<(), Exit> {
    let SigStruct { modulus, signature, q1, q2, .. } = sigstruct;
    let hash = sha256(&sigstruct.signed_bytes());
    let cause = match rsa::verify(modulus, signature, q1, q2, &hash) {
        Ok(()) => return Ok(()),
        Err(Rejected::SignatureNotBelowModulus) => Cause::SignatureNotBelowModulus,
        Err(Rejected::Q1TooLarge) => Cause::Q1TooLarge,
        Err(Rejected::Q1TooSmall) => Cause::Q1TooSmall,
        Err(Rejected::Q2TooLarge) => Cause::Q2TooLarge,
        Err(Rejected::Q2TooSmall) => Cause::Q2TooSmall,
        Err(Rejected::Padding) => Cause::SignatureOfOtherKey,
        Err(Rejected::Hash) => Cause::SignatureOfOtherContents,
    };
    Err(Refusal::new(cause, prefix(signature)).into())
}

/// The SECS of an enclave that is still being built.
fn check_secs<F: Frames, E: Entropy, S: AddressSpace>(
    cpu: &mut Context<'_, F, E, S>,
    rcx: Linear,
    page: EpcAddr,
) -> Result<SecsPage, Exit> {
    cpu.lock(page, Lock::SHARED, Refusal::new(Cause::SecsConflict, rcx.0))?;
    let entry = cpu.package.epcm.entry(page);
    require(entry.valid, Refusal::new(Cause::SecsInvalid, rcx.0))?;
    require(entry.page_type == PageType::Secs, Refusal::new(Cause::SecsNotSecs, rcx.0))?;
    let secs = cpu.package.load_secs(page);
    // one table of the manual has #PF here; the list of exceptions says #GP
    let initialised = secs.attributes.has(Flags::INIT);
    require(!initialised, Refusal::new(Cause::AlreadyInitialised, rcx.0))?;
    Ok(secs)
}

/// Measurement, the one attribute that the launch signer keeps for itself, and the masked fields.
fn check_identity(secs: &SecsPage, sigstruct: &SigStruct, identity: &Identity) -> Result<(), Exit> {
    let (wanted, found) = (prefix(&sigstruct.enclavehash), prefix(&identity.mrenclave));
    let mismatch = Refusal::new(Cause::MeasurementMismatch, found).expected(wanted).found(found);
    require(identity.mrenclave == sigstruct.enclavehash, mismatch)?;

    let controlled = secs.attributes.has(Flags::EINITTOKENKEY);
    let permitted = !controlled || identity.mrsigner == identity.launch_signer;
    require(permitted, distrust(Cause::EinittokenkeyForbidden, identity))?;

    // INIT is still clear in the SECS, so a mask that covers it demands it clear
    let (attributes, mask) = (&sigstruct.attributes, &sigstruct.attributemask);
    let fields: [(Cause, u64, u64, u64); 4] = [
        (Cause::FlagsMismatch, secs.attributes.flags.get(), attributes.flags.get(), mask.flags.get()),
        (Cause::XfrmMismatch, secs.attributes.xfrm.get(), attributes.xfrm.get(), mask.xfrm.get()),
        (
            Cause::MiscselectMismatch,
            secs.miscselect.get().into(),
            sigstruct.miscselect.get().into(),
            sigstruct.miscmask.get().into(),
        ),
        (
            Cause::CetMismatch,
            secs.cet_attributes.into(),
            sigstruct.cet_attributes.into(),
            sigstruct.cet_attributes_mask.into(),
        ),
    ];
    for (cause, found, wanted, mask) in fields {
        let mismatch = Refusal::new(cause, found).expected(wanted & mask).found(found & mask);
        require((found ^ wanted) & mask == 0, mismatch)?;
    }
    Ok(())
}

/// A launch enclave's permission for just this enclave.
fn check_token(
    config: &Config,
    secs: &SecsPage,
    token: &EinitToken,
    identity: &Identity,
) -> Result<(), Exit> {
    let of_debug = token.maskedattributesle.has(Flags::DEBUG);
    let permitted = !of_debug || secs.attributes.has(Flags::DEBUG);
    require(permitted, Refusal::new(Cause::TokenDebug, token.maskedattributesle.flags.get()))?;

    let reserved: [&[u8]; 4] = [&token.reserved1, &token.reserved2, &token.reserved3, &token.reserved4];
    // without CET, its byte is reserved, too
    let cet = config.attributes.contains(Flags::CET) || token.cet_masked_attributes_le == 0;
    let clear = token.valid.get() == 1 && cet && reserved.into_iter().all(is_zero);
    require(clear, Refusal::new(Cause::TokenReserved, token.valid.get().into()))?;

    let reached = keys::cpusvn_reached(config, &token.cpusvnle);
    let beyond = Refusal::new(Cause::TokenCpusvn, prefix(&token.cpusvnle)).expected(prefix(&config.cpusvn));
    require(reached, beyond)?;

    let key = keys::einit_token_key(config, token, &identity.launch_signer);
    let (body, _) = token.as_bytes().split_at(MACED_SIZE);
    require(aes128_cmac(&key, body) == token.mac, Refusal::new(Cause::TokenMac, prefix(&token.mac)))?;

    let other = |cause, expected: &[u8; 32], found: &[u8; 32]| {
        require(expected == found, Refusal::new(cause, prefix(found)).expected(prefix(expected)))
    };
    other(Cause::TokenMrenclave, &identity.mrenclave, &token.mrenclave)?;
    other(Cause::TokenMrsigner, &identity.mrsigner, &token.mrsigner)?;

    // the SECS does not have INIT yet, and the token is not asked for it
    let without_init = token.attributes.flags() - Flags::INIT;
    let same = without_init == secs.attributes.flags() && token.attributes.xfrm == secs.attributes.xfrm;
    let (found, expected) = (token.attributes.flags.get(), secs.attributes.flags.get());
    require(same, Refusal::new(Cause::TokenAttributes, found).expected(expected))
}

/// The SECS of the enclave that may now be entered.
fn initialised(secs: &SecsPage, sigstruct: &SigStruct, identity: &Identity) -> SecsPage {
    let mut secs = *secs;
    secs.mrenclave = identity.mrenclave;
    secs.mrsigner = identity.mrsigner;
    secs.isvprodid = sigstruct.isvprodid;
    secs.isvsvn = sigstruct.isvsvn;
    secs.isvfamilyid = sigstruct.isvfamilyid;
    secs.isvextprodid = sigstruct.isvextprodid;
    secs.padding = PKCS1_PADDING;
    secs.attributes.flags |= Flags::INIT.bits();
    secs
}

fn distrust(cause: Cause, identity: &Identity) -> Refusal {
    Refusal::new(cause, prefix(&identity.mrsigner)).expected(prefix(&identity.launch_signer))
}

/// The first eight bytes as a number that prints like the beginning of the whole.
fn prefix(bytes: &[u8]) -> u64 {
    bytes.first_chunk().copied().map_or(0, u64::from_be_bytes)
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

#[cfg(test)]
mod tests;
