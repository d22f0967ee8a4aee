//! ENCLU[EGETKEY]: derives a key of the current enclave. SDM vol. 3D, leaf EGETKEY, Operation.

use anyclave_arch::key::{KeyName, KeyPolicy, KeyRequest};
use anyclave_arch::{EpcAddr, Flags, Linear};
use anyclave_trace::Refusal;
use anyclave_trace::cause::EgetkeyCause as Cause;

use super::page::{OperandCauses, PageCauses};
use crate::config::Config;
use crate::encls::Context;
use crate::entropy::Entropy;
use crate::exit::{Exit, require};
use crate::frames::Frames;
use crate::keys::{self, Key};
use crate::secs::SecsPage;
use crate::space::{Access, AddressSpace};
use crate::state::State;

const KEYREQUEST: OperandCauses<Cause> = OperandCauses {
    unaligned: Cause::KeyrequestUnaligned,
    outside: Cause::KeyrequestOutside,
    page: PageCauses {
        not_epc: Cause::KeyrequestNotEpc,
        invalid: Cause::KeyrequestInvalid,
        blocked: Cause::KeyrequestBlocked,
        not_reg: Cause::KeyrequestNotReg,
        foreign: Cause::KeyrequestForeign,
        pending: Cause::KeyrequestPending,
        modified: Cause::KeyrequestModified,
        address: Cause::KeyrequestAddress,
        rights: Cause::KeyrequestRights,
    },
};

const OUTPUT: OperandCauses<Cause> = OperandCauses {
    unaligned: Cause::OutputUnaligned,
    outside: Cause::OutputOutside,
    page: PageCauses {
        not_epc: Cause::OutputNotEpc,
        invalid: Cause::OutputInvalid,
        blocked: Cause::OutputBlocked,
        not_reg: Cause::OutputNotReg,
        foreign: Cause::OutputForeign,
        pending: Cause::OutputPending,
        modified: Cause::OutputModified,
        address: Cause::OutputAddress,
        rights: Cause::OutputRights,
    },
};

/// RBX: KEYREQUEST; RCX: where the key goes.
pub(super) fn egetkey<F: Frames, E: Entropy, S: AddressSpace>(
    cpu: &mut Context<'_, F, E, S>,
    state: &State,
    secs_page: EpcAddr,
) -> Result<(), Exit> {
    let (rbx, rcx) = (Linear(state.gprs.rbx), Linear(state.gprs.rcx));
    let secs = cpu.package.load_secs(secs_page);
    let enclave = (secs_page, &secs);
    // KEYREQUEST readable, the output writable
    let request = cpu.operand(enclave, rbx, 512, Access::Read, &KEYREQUEST)?;
    let output = cpu.operand(enclave, rcx, 16, Access::Write, &OUTPUT)?;
    let request = cpu.package.read_epc::<KeyRequest>(request);
    let config = &cpu.package.config;
    check_form(config, &secs, &request, rbx)?;
    let key = key(config, &secs, &request)?;
    cpu.package.write_epc(output, &key);
    Ok(())
}

/// The request is well-formed.
fn check_form(config: &Config, secs: &SecsPage, request: &KeyRequest, at: Linear) -> Result<(), Exit> {
    // reserved bytes are zero, the CET mask among them on a processor without CET
    let cet = config.attributes.contains(Flags::CET);
    let reserved =
        request.reserved1 != 0 || request.cet_attributes_mask != 0 && !cet || request.reserved2 != [0; 434];
    require(!reserved, Refusal::new(Cause::KeyrequestReserved, at.0))?;
    let policy = KeyPolicy::from_bits_retain(request.keypolicy.get());
    let refusal = |cause: Cause| Refusal::new(cause, policy.bits().into());
    require(KeyPolicy::DEFINED.contains(policy), refusal(Cause::KeypolicyReserved))?;
    // without KSS, neither its policies nor CONFIGSVN
    let kss = secs.attributes.has(Flags::KSS);
    require(kss || !policy.intersects(KeyPolicy::KSS), refusal(Cause::KeypolicyWithoutKss))?;
    let configsvn = request.configsvn.get();
    require(kss || configsvn == 0, Refusal::new(Cause::ConfigsvnWithoutKss, configsvn.into()))
}

/// The key, if the enclave may have it.
fn key(config: &Config, secs: &SecsPage, request: &KeyRequest) -> Result<Key, Exit> {
    // the family exists
    let keyname = request.keyname.get();
    let keyname =
        KeyName::from_number(keyname).ok_or_else(|| Refusal::new(Cause::KeynameUnknown, keyname.into()))?;
    // the enclave's attributes allow it
    let attribute = |flag: Flags, cause: Cause| {
        let flags = secs.attributes.flags();
        require(flags.contains(flag), Refusal::new(cause, flags.bits()).expected(flag.bits()))
    };
    let derive = match keyname {
        // a report key is always today's own: nothing in the request but KEYID matters
        KeyName::Report => return Ok(keys::report_key(config, &keys::target_of(secs), &request.keyid)),
        KeyName::EinitToken => {
            attribute(Flags::EINITTOKENKEY, Cause::EinittokenkeyMissing)?;
            keys::launch_key
        }
        KeyName::Provision => {
            attribute(Flags::PROVISIONKEY, Cause::ProvisionkeyMissing)?;
            keys::provision_key
        }
        KeyName::ProvisionSeal => {
            attribute(Flags::PROVISIONKEY, Cause::ProvisionkeyMissing)?;
            keys::provision_seal_key
        }
        KeyName::Seal => keys::seal_key,
    };
    // no version is asked for that processor or enclave have not reached
    let cpusvn = Refusal::new(Cause::CpusvnBeyond, keyname as u64);
    require(keys::cpusvn_reached(config, &request.cpusvn), cpusvn)?;
    let reached = |cause: Cause, asked: u16, own: u16| {
        require(asked <= own, Refusal::new(cause, asked.into()).expected(own))
    };
    reached(Cause::IsvsvnBeyond, request.isvsvn.get(), secs.isvsvn.get())?;
    if keyname == KeyName::Seal {
        reached(Cause::ConfigsvnBeyond, request.configsvn.get(), secs.configsvn.get())?;
    }
    Ok(derive(config, secs, request))
}

#[cfg(test)]
mod tests;
