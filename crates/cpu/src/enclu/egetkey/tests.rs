use anyclave_arch::key::{KeyName, KeyPolicy, KeyRequest};
use anyclave_arch::{Attributes, Enclu, EpcAddr, Flags, Linear, PageType, SecInfoFlags, SgxError};
use anyclave_trace::Outcome;
use anyclave_trace::cause::EgetkeyCause as Cause;
use zerocopy::FromZeros;
use zerocopy::little_endian::U16;

use crate::config::Config;
use crate::exit::Completion;
use crate::keys::Key;
use crate::state::rflags;
use crate::testing::{DATA, DATA2, ENCLU_LENGTH, EnclaveSpec, Machine, Scene, config, enclu_refusals};

/// A request for a key of `name` under the signer's policy.
fn request(name: KeyName) -> KeyRequest {
    KeyRequest {
        keyname: U16::new(name as u16),
        keypolicy: U16::new(KeyPolicy::MRSIGNER.bits()),
        keyid: [9; 32],
        ..KeyRequest::new_zeroed()
    }
}

/// Puts a request in place.
fn aim(scene: &mut Scene, request: &KeyRequest) {
    scene.poke(DATA, request);
    scene.state.gprs.rbx = scene.enclave.at(DATA).0;
    scene.state.gprs.rcx = scene.enclave.at(DATA2).0;
}

/// EGETKEY: the key, or the code.
fn key(scene: &mut Scene, request: &KeyRequest) -> Result<Key, SgxError> {
    aim(scene, request);
    match scene.enclu(Enclu::Egetkey).expect("no fault") {
        Completion::Done => Ok(scene.peek(DATA2)),
        Completion::Code(refusal) => match refusal.outcome() {
            Outcome::Zf(error) => Err(error),
            outcome => panic!("{outcome}"),
        },
    }
}

fn asking() -> Scene {
    let mut scene = Scene::inside();
    aim(&mut scene, &request(KeyName::Seal));
    scene
}

/// Changes ATTRIBUTES.FLAGS in the SECS.
fn attributes(scene: &mut Scene, flags: Flags) {
    let secs = scene.enclave.secs;
    scene.machine.poke(EpcAddr(secs.0 + 48), &flags.bits());
}

#[test]
fn every_check_refuses_with_its_cause() {
    enclu_refusals(
        Cause::ALL,
        Enclu::Egetkey,
        asking,
        &[
            (Cause::KeyrequestUnaligned, |s| s.state.gprs.rbx += 256),
            (Cause::KeyrequestOutside, |s| s.state.gprs.rbx = s.enclave.at(0x1_0000).0),
            (Cause::KeyrequestNotEpc, |s| s.make_ordinary(DATA)),
            (Cause::KeyrequestInvalid, |s| s.entry(DATA, |e| e.valid = false)),
            (Cause::KeyrequestBlocked, |s| s.entry(DATA, |e| e.blocked = true)),
            (Cause::KeyrequestNotReg, |s| s.entry(DATA, |e| e.page_type = PageType::Tcs)),
            (Cause::KeyrequestForeign, |s| s.entry(DATA, |e| e.secs = EpcAddr(0))),
            (Cause::KeyrequestPending, |s| s.entry(DATA, |e| e.pending = true)),
            (Cause::KeyrequestModified, |s| s.entry(DATA, |e| e.modified = true)),
            (Cause::KeyrequestAddress, |s| s.entry(DATA, |e| e.address = Linear(0x1000))),
            (Cause::KeyrequestRights, |s| s.entry(DATA, |e| e.rights = SecInfoFlags::W)),
            (Cause::OutputUnaligned, |s| s.state.gprs.rcx += 8),
            (Cause::OutputOutside, |s| s.state.gprs.rcx = s.enclave.at(0x1_0000).0),
            (Cause::OutputNotEpc, |s| s.make_ordinary(DATA2)),
            (Cause::OutputInvalid, |s| s.entry(DATA2, |e| e.valid = false)),
            (Cause::OutputBlocked, |s| s.entry(DATA2, |e| e.blocked = true)),
            (Cause::OutputNotReg, |s| s.entry(DATA2, |e| e.page_type = PageType::Tcs)),
            (Cause::OutputForeign, |s| s.entry(DATA2, |e| e.secs = EpcAddr(0))),
            (Cause::OutputPending, |s| s.entry(DATA2, |e| e.pending = true)),
            (Cause::OutputModified, |s| s.entry(DATA2, |e| e.modified = true)),
            (Cause::OutputAddress, |s| s.entry(DATA2, |e| e.address = Linear(0x1000))),
            (Cause::OutputRights, |s| s.entry(DATA2, |e| e.rights = SecInfoFlags::R)),
            (Cause::KeyrequestReserved, |s| s.poke(DATA + 6, &1_u8)),
            (Cause::KeyrequestReserved, |s| s.poke(DATA + 7, &1_u8)),
            (Cause::KeyrequestReserved, |s| s.poke(DATA + 78, &1_u8)),
            (Cause::KeyrequestReserved, |s| s.poke(DATA + 511, &1_u8)),
            (Cause::KeypolicyReserved, |s| s.poke(DATA + 2, &(1_u16 << 6))),
            (Cause::KeypolicyWithoutKss, |s| s.poke(DATA + 2, &(1_u16 << 2))),
            (Cause::KeypolicyWithoutKss, |s| s.poke(DATA + 2, &(1_u16 << 5))),
            (Cause::ConfigsvnWithoutKss, |s| s.poke(DATA + 76, &1_u16)),
            (Cause::KeynameUnknown, |s| s.poke(DATA, &5_u16)),
            (Cause::EinittokenkeyMissing, |s| s.poke(DATA, &0_u16)),
            (Cause::ProvisionkeyMissing, |s| s.poke(DATA, &1_u16)),
            (Cause::ProvisionkeyMissing, |s| s.poke(DATA, &2_u16)),
            (Cause::CpusvnBeyond, |s| s.poke(DATA + 8 + 15, &3_u8)),
            (Cause::IsvsvnBeyond, |s| s.poke(DATA + 4, &4_u16)),
            (Cause::ConfigsvnBeyond, |s| {
                attributes(s, Flags::INIT | Flags::MODE64BIT | Flags::KSS);
                s.poke(DATA + 76, &1_u16);
            }),
        ],
    );
}

#[test]
fn all_families_but_the_report_key_check_versions() {
    for name in [KeyName::EinitToken, KeyName::Provision, KeyName::ProvisionSeal, KeyName::Report] {
        let mut scene = Scene::inside();
        attributes(&mut scene, Flags::INIT | Flags::EINITTOKENKEY | Flags::PROVISIONKEY);
        let cpusvn = KeyRequest { cpusvn: [3; 16], ..request(name) };
        let isvsvn = KeyRequest { isvsvn: U16::new(4), ..request(name) };
        if name == KeyName::Report {
            assert_eq!(key(&mut scene, &cpusvn), key(&mut scene, &isvsvn));
        } else {
            assert_eq!(key(&mut scene, &cpusvn), Err(SgxError::InvalidCpusvn));
            assert_eq!(key(&mut scene, &isvsvn), Err(SgxError::InvalidIsvsvn));
        }
    }
}

#[test]
fn success_writes_sixteen_bytes_and_clears_the_status_flags() {
    let mut scene = asking();
    let mut expected = scene.state.clone();
    assert_eq!(scene.enclu(Enclu::Egetkey), Ok(Completion::Done));
    expected.gprs.rax = 0;
    expected.gprs.rip += ENCLU_LENGTH;
    expected.gprs.rflags &= !rflags::STATUS;
    assert_eq!(scene.state, expected);
    assert_ne!(scene.peek::<Key>(DATA2), [5; 16]);
    assert_eq!(scene.peek::<[u8; 16]>(DATA2 + 16), [5; 16]);
}

#[test]
fn a_cpusvn_of_zeros_is_accepted() {
    let mut scene = Scene::inside();
    let zeros = key(&mut scene, &request(KeyName::Seal)).expect("a key");
    let current = KeyRequest { cpusvn: [2; 16], ..request(KeyName::Seal) };
    assert_ne!(key(&mut scene, &current), Ok(zeros));
}

/// A spec with other content, another base, and these ISVSVN and flags.
fn other(isvsvn: u16, flags: Flags) -> EnclaveSpec {
    let mut spec = EnclaveSpec::default();
    spec.secs.attributes = Attributes::new(flags, 7);
    spec.pages[4].data.fill(0xee);
    spec.isvsvn = isvsvn;
    spec
}

fn inside(config: Config, spec: &EnclaveSpec) -> Scene {
    let mut scene = Scene::with(Machine::with(config), spec);
    scene.enter();
    scene
}

const DEBUG64: Flags = Flags::DEBUG.union(Flags::MODE64BIT);

#[test]
fn a_seal_key_is_the_same_in_every_run() {
    let run = || key(&mut Scene::inside(), &request(KeyName::Seal));
    assert_eq!(run(), run());
}

#[test]
fn enclaves_of_one_signer_share_the_signers_seal_key_only() {
    let mut first = Scene::inside();
    let mut second = inside(config(), &other(3, DEBUG64));
    let by_signer = request(KeyName::Seal);
    let by_enclave = KeyRequest { keypolicy: U16::new(KeyPolicy::MRENCLAVE.bits()), ..by_signer };
    assert_eq!(key(&mut first, &by_signer), key(&mut second, &by_signer));
    assert_ne!(key(&mut first, &by_enclave), key(&mut second, &by_enclave));
}

#[test]
fn a_newer_version_gets_the_keys_of_older_ones() {
    let old = request(KeyName::Seal);
    let old = KeyRequest { isvsvn: U16::new(3), ..old };
    let new = KeyRequest { isvsvn: U16::new(4), ..old };
    let mut older = Scene::inside();
    let mut newer = inside(config(), &other(4, DEBUG64));
    assert_eq!(key(&mut newer, &old), key(&mut older, &old));
    assert_ne!(key(&mut newer, &new), key(&mut newer, &old));
    assert_eq!(key(&mut older, &new), Err(SgxError::InvalidIsvsvn));
}

#[test]
fn a_debug_enclave_never_gets_the_production_key() {
    let mut debug = Scene::inside();
    let mut production = inside(config(), &other(3, Flags::MODE64BIT));
    let request = request(KeyName::Seal);
    assert_eq!(request.attributemask.flags.get(), 0);
    assert_ne!(key(&mut debug, &request), key(&mut production, &request));
}

#[test]
fn provisioning_keys_do_not_know_the_owner() {
    let spec = other(3, DEBUG64 | Flags::PROVISIONKEY);
    let sold = Config { owner_epoch: [0x44; 16], ..config() };
    for name in [KeyName::Provision, KeyName::ProvisionSeal, KeyName::Seal] {
        let before = key(&mut inside(config(), &spec), &request(name));
        let after = key(&mut inside(sold.clone(), &spec), &request(name));
        assert_eq!(before == after, name != KeyName::Seal, "{name:?}");
    }
}

#[test]
fn kss_policies_are_open_to_enclaves_with_kss() {
    let kss = Config { attributes: config().attributes | Flags::KSS, ..config() };
    let mut spec = other(3, DEBUG64 | Flags::KSS);
    spec.secs.configid = [1; 64];
    spec.secs.configsvn = 5.into();
    let policy = KeyPolicy::MRSIGNER | KeyPolicy::CONFIGID;
    let request = KeyRequest { keypolicy: U16::new(policy.bits()), ..request(KeyName::Seal) };
    let at = |svn| KeyRequest { configsvn: U16::new(svn), ..request };
    let mut first = inside(kss.clone(), &spec);
    let shared = key(&mut first, &at(5)).expect("a key");
    assert_ne!(key(&mut first, &at(4)), Ok(shared));
    assert_eq!(key(&mut first, &at(6)), Err(SgxError::InvalidIsvsvn));
    spec.secs.configid = [2; 64];
    assert_ne!(key(&mut inside(kss, &spec), &at(5)), Ok(shared));
}
