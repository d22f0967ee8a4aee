use anyclave_arch::key::{KeyName, KeyRequest};
use anyclave_arch::report::{MACED_SIZE, Report};
use anyclave_arch::targetinfo::TargetInfo;
use anyclave_arch::{Enclu, EpcAddr, Linear, PageType, SecInfoFlags};
use anyclave_crypto::aes128_cmac;
use anyclave_trace::cause::EreportCause as Cause;
use zerocopy::{FromZeros, IntoBytes};

use crate::exit::Completion;
use crate::keys::target_of;
use crate::testing::{DATA, DATA2, ENCLU_LENGTH, EnclaveSpec, Scene, enclu_refusals};

/// Where REPORTDATA lies: in a page of its own.
const REPORTDATA: u64 = 0x3080;

/// Inside, with operands for a REPORT to an all-zero TARGETINFO.
fn asking() -> Scene {
    let mut scene = Scene::inside();
    aim(&mut scene, &TargetInfo::new_zeroed());
    scene
}

fn aim(scene: &mut Scene, target: &TargetInfo) {
    scene.poke(DATA, target);
    scene.poke(REPORTDATA, &[0x5c_u8; 64]);
    scene.state.gprs.rbx = scene.enclave.at(DATA).0;
    scene.state.gprs.rcx = scene.enclave.at(REPORTDATA).0;
    scene.state.gprs.rdx = scene.enclave.at(DATA2).0;
}

#[test]
fn every_check_refuses_with_its_cause() {
    enclu_refusals(
        Cause::ALL,
        Enclu::Ereport,
        asking,
        &[
            (Cause::TargetinfoUnaligned, |s| s.state.gprs.rbx += 256),
            (Cause::TargetinfoOutside, |s| s.state.gprs.rbx = s.enclave.at(0x1_0000).0),
            (Cause::TargetinfoNotEpc, |s| s.make_ordinary(DATA)),
            (Cause::TargetinfoInvalid, |s| s.entry(DATA, |e| e.valid = false)),
            (Cause::TargetinfoBlocked, |s| s.entry(DATA, |e| e.blocked = true)),
            (Cause::TargetinfoNotReg, |s| s.entry(DATA, |e| e.page_type = PageType::Tcs)),
            (Cause::TargetinfoForeign, |s| s.entry(DATA, |e| e.secs = EpcAddr(0))),
            (Cause::TargetinfoPending, |s| s.entry(DATA, |e| e.pending = true)),
            (Cause::TargetinfoModified, |s| s.entry(DATA, |e| e.modified = true)),
            (Cause::TargetinfoAddress, |s| s.entry(DATA, |e| e.address = Linear(0x1000))),
            (Cause::TargetinfoRights, |s| s.entry(DATA, |e| e.rights = SecInfoFlags::W)),
            (Cause::TargetinfoReserved, |s| s.poke(DATA + 49, &1_u8)),
            (Cause::TargetinfoReserved, |s| s.poke(DATA + 48, &1_u8)),
            (Cause::TargetinfoReserved, |s| s.poke(DATA + 63, &1_u8)),
            (Cause::TargetinfoReserved, |s| s.poke(DATA + 511, &1_u8)),
            (Cause::ReportdataUnaligned, |s| s.state.gprs.rcx += 64),
            (Cause::ReportdataOutside, |s| s.state.gprs.rcx = s.enclave.at(0x1_0000).0),
            (Cause::ReportdataNotEpc, |s| s.make_ordinary(0x3000)),
            (Cause::ReportdataInvalid, |s| s.entry(0x3000, |e| e.valid = false)),
            (Cause::ReportdataBlocked, |s| s.entry(0x3000, |e| e.blocked = true)),
            (Cause::ReportdataNotReg, |s| s.entry(0x3000, |e| e.page_type = PageType::Tcs)),
            (Cause::ReportdataForeign, |s| s.entry(0x3000, |e| e.secs = EpcAddr(0))),
            (Cause::ReportdataPending, |s| s.entry(0x3000, |e| e.pending = true)),
            (Cause::ReportdataModified, |s| s.entry(0x3000, |e| e.modified = true)),
            (Cause::ReportdataAddress, |s| s.entry(0x3000, |e| e.address = Linear(0x1000))),
            (Cause::ReportdataRights, |s| s.entry(0x3000, |e| e.rights = SecInfoFlags::W)),
            (Cause::OutputUnaligned, |s| s.state.gprs.rdx += 256),
            (Cause::OutputOutside, |s| s.state.gprs.rdx = s.enclave.at(0x1_0000).0),
            (Cause::OutputNotEpc, |s| s.make_ordinary(DATA2)),
            (Cause::OutputInvalid, |s| s.entry(DATA2, |e| e.valid = false)),
            (Cause::OutputBlocked, |s| s.entry(DATA2, |e| e.blocked = true)),
            (Cause::OutputNotReg, |s| s.entry(DATA2, |e| e.page_type = PageType::Tcs)),
            (Cause::OutputForeign, |s| s.entry(DATA2, |e| e.secs = EpcAddr(0))),
            (Cause::OutputPending, |s| s.entry(DATA2, |e| e.pending = true)),
            (Cause::OutputModified, |s| s.entry(DATA2, |e| e.modified = true)),
            (Cause::OutputAddress, |s| s.entry(DATA2, |e| e.address = Linear(0x1000))),
            (Cause::OutputRights, |s| s.entry(DATA2, |e| e.rights = SecInfoFlags::R)),
        ],
    );
}

#[test]
fn an_operand_below_elrange_is_outside() {
    let mut scene = asking();
    scene.state.gprs.rbx = scene.enclave.base.0 - 512;
    scene.assert_refused(Enclu::Ereport, Cause::TargetinfoOutside);
}

#[test]
fn operands_are_checked_one_after_the_other() {
    let mut scene = asking();
    scene.entry(DATA, |entry| entry.rights = SecInfoFlags::W);
    scene.state.gprs.rcx += 1;
    scene.assert_refused(Enclu::Ereport, Cause::TargetinfoRights);
}

#[test]
fn the_report_tells_of_the_enclave_and_nothing_but_memory_and_rip_change() {
    let mut scene = asking();
    let mut expected = scene.state.clone();
    assert_eq!(scene.enclu(Enclu::Ereport), Ok(Completion::Done));
    expected.gprs.rax = 0;
    expected.gprs.rip += ENCLU_LENGTH;
    assert_eq!(scene.state, expected);
    let report: Report = scene.peek(DATA2);
    let secs = scene.machine.secs(scene.enclave.secs);
    let spec = EnclaveSpec::default();
    let expected = Report {
        cpusvn: [2; 16],
        miscselect: secs.miscselect,
        attributes: secs.attributes,
        mrenclave: spec.mrenclave(),
        mrsigner: secs.mrsigner,
        isvprodid: spec.isvprodid.into(),
        isvsvn: spec.isvsvn.into(),
        reportdata: [0x5c; 64],
        keyid: scene.machine.package.report_keyid,
        mac: report.mac,
        ..Report::new_zeroed()
    };
    assert_eq!(report.as_bytes(), expected.as_bytes());
    assert_eq!(report.attributes.flags.get() & 1, 1, "INIT");
    assert_eq!(scene.peek::<[u8; 80]>(DATA2 + 432), [5; 80], "bytes behind the REPORT");
}

/// The REPORT key of the current enclave for `keyid`, through EGETKEY.
fn report_key(scene: &mut Scene, keyid: [u8; 32]) -> [u8; 16] {
    let request = KeyRequest { keyname: (KeyName::Report as u16).into(), keyid, ..KeyRequest::new_zeroed() };
    scene.poke(DATA, &request);
    scene.state.gprs.rbx = scene.enclave.at(DATA).0;
    scene.state.gprs.rcx = scene.enclave.at(DATA2).0;
    assert_eq!(scene.enclu(Enclu::Egetkey), Ok(Completion::Done));
    scene.peek(DATA2)
}

#[test]
fn the_target_can_verify_the_report_and_nobody_else() {
    let mut scene = Scene::new();
    let spec = |base: u64, fill: u8| {
        let mut spec = EnclaveSpec::default();
        spec.secs.base = base.into();
        spec.pages[4].data.fill(fill);
        spec
    };
    let mut target = scene.machine.launch(&spec(0x7100_0000_0000, 1));
    let mut stranger = scene.machine.launch(&spec(0x7200_0000_0000, 2));

    scene.enter();
    let secs = scene.machine.secs(target.secs);
    aim(&mut scene, &target_of(&secs));
    assert_eq!(scene.enclu(Enclu::Ereport), Ok(Completion::Done));
    let report: Report = scene.peek(DATA2);
    let verifies = |key| aes128_cmac(&key, &report.as_bytes()[..MACED_SIZE]) == report.mac;

    assert!(!verifies(report_key(&mut scene, report.keyid)), "the reporter itself");
    for (other, may) in [(&mut target, true), (&mut stranger, false)] {
        scene.enclu(Enclu::Eexit).expect("EEXIT");
        core::mem::swap(&mut scene.enclave, other);
        scene.enter();
        assert_eq!(verifies(report_key(&mut scene, report.keyid)), may);
        assert!(!verifies(report_key(&mut scene, [0; 32])), "another KEYID");
    }
}
