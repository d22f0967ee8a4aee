//! ENCLU[EREPORT]: writes a REPORT of the current enclave that one other can verify. SDM vol. 3D, leaf EREPORT,
//! Operation.

use anyclave_arch::report::{MACED_SIZE, Report};
use anyclave_arch::targetinfo::TargetInfo;
use anyclave_arch::{EpcAddr, Flags, Linear};
use anyclave_crypto::aes128_cmac;
use anyclave_trace::Refusal;
use anyclave_trace::cause::EreportCause as Cause;
use zerocopy::{FromZeros, IntoBytes};

use super::page::{OperandCauses, PageCauses};
use crate::encls::Context;
use crate::entropy::Entropy;
use crate::exit::{Exit, require};
use crate::frames::Frames;
use crate::keys;
use crate::space::{Access, AddressSpace};
use crate::state::State;

/// Alignment of TARGETINFO and REPORT.
const ALIGNMENT: u64 = 512;
/// Alignment of REPORTDATA.
const REPORTDATA_ALIGNMENT: u64 = 128;

const TARGETINFO: OperandCauses<Cause> = OperandCauses {
    unaligned: Cause::TargetinfoUnaligned,
    outside: Cause::TargetinfoOutside,
    page: PageCauses {
        not_epc: Cause::TargetinfoNotEpc,
        invalid: Cause::TargetinfoInvalid,
        blocked: Cause::TargetinfoBlocked,
        not_reg: Cause::TargetinfoNotReg,
        foreign: Cause::TargetinfoForeign,
        pending: Cause::TargetinfoPending,
        modified: Cause::TargetinfoModified,
        address: Cause::TargetinfoAddress,
        rights: Cause::TargetinfoRights,
    },
};

const REPORTDATA: OperandCauses<Cause> = OperandCauses {
    unaligned: Cause::ReportdataUnaligned,
    outside: Cause::ReportdataOutside,
    page: PageCauses {
        not_epc: Cause::ReportdataNotEpc,
        invalid: Cause::ReportdataInvalid,
        blocked: Cause::ReportdataBlocked,
        not_reg: Cause::ReportdataNotReg,
        foreign: Cause::ReportdataForeign,
        pending: Cause::ReportdataPending,
        modified: Cause::ReportdataModified,
        address: Cause::ReportdataAddress,
        rights: Cause::ReportdataRights,
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

/// RBX: TARGETINFO; RCX: REPORTDATA; RDX: where the REPORT goes.
pub(super) fn ereport<F: Frames, E: Entropy, S: AddressSpace>(
    cpu: &mut Context<'_, F, E, S>,
    state: &State,
    secs_page: EpcAddr,
) -> Result<(), Exit> {
    let (rbx, rcx, rdx) = (Linear(state.gprs.rbx), Linear(state.gprs.rcx), Linear(state.gprs.rdx));
    let secs = cpu.package.load_secs(secs_page);
    let enclave = (secs_page, &secs);
    // TARGETINFO: readable, copied once, reserved bytes zero
    let target = cpu.operand(enclave, rbx, ALIGNMENT, Access::Read, &TARGETINFO)?;
    let target = cpu.package.read_epc::<TargetInfo>(target);
    let cet = cpu.package.config.attributes.contains(Flags::CET);
    let reserved = target.reserved1 != 0
        || target.cet_attributes != 0 && !cet
        || target.reserved2 != [0; 8]
        || target.reserved3 != [0; 384];
    require(!reserved, Refusal::new(Cause::TargetinfoReserved, rbx.0))?;
    // REPORTDATA: readable
    let reportdata = cpu.operand(enclave, rcx, REPORTDATA_ALIGNMENT, Access::Read, &REPORTDATA)?;
    let reportdata = cpu.package.read_epc::<[u8; 64]>(reportdata);
    // the output: writable
    let output = cpu.operand(enclave, rdx, ALIGNMENT, Access::Write, &OUTPUT)?;

    let mut report = Report {
        cpusvn: cpu.package.config.cpusvn,
        miscselect: secs.miscselect,
        cet_attributes: secs.cet_attributes,
        isvextprodid: secs.isvextprodid,
        attributes: secs.attributes,
        mrenclave: secs.mrenclave,
        mrsigner: secs.mrsigner,
        configid: secs.configid,
        isvprodid: secs.isvprodid,
        isvsvn: secs.isvsvn,
        configsvn: secs.configsvn,
        isvfamilyid: secs.isvfamilyid,
        reportdata,
        keyid: cpu.package.report_keyid,
        ..Report::new_zeroed()
    };
    let key = keys::report_key(&cpu.package.config, &target, &report.keyid);
    report.mac = aes128_cmac(&key, &report.as_bytes()[..MACED_SIZE]);
    cpu.package.write_epc(output, report.as_bytes());
    Ok(())
}

#[cfg(test)]
mod tests;
