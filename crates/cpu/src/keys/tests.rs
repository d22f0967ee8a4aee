//! Known answers of the derivation, and which field changes which key.

use anyclave_arch::MiscSelect;

use super::*;
use crate::xsave::XsaveLayout;

fn config() -> Config {
    Config {
        sections: Vec::new(),
        features: anyclave_arch::cpuid::SgxFeatures::SGX1,
        attributes: Flags::empty(),
        xfrm: 7,
        miscselect: MiscSelect::EXINFO,
        max_size_64: 36,
        max_size_32: 31,
        xcr0: 7,
        xsave: XsaveLayout::avx(),
        cpusvn: [2; 16],
        device_root: core::array::from_fn(|index| u8::try_from(index).expect("below 16")),
        seal_fuses: core::array::from_fn(|index| u8::try_from(index + 16).expect("below 32")),
        owner_epoch: [0x33; 16],
        launch_control: crate::LaunchControl::Writable,
        inject: crate::inject::Inject::default(),
    }
}

fn secs() -> SecsPage {
    SecsPage {
        miscselect: U32::new(1),
        attributes: Attributes::new(Flags::INIT | Flags::MODE64BIT | Flags::KSS, 7),
        mrenclave: [0x11; 32],
        mrsigner: [0x22; 32],
        configid: [0x55; 64],
        isvprodid: U16::new(7),
        isvsvn: U16::new(3),
        configsvn: U16::new(9),
        isvfamilyid: [0x66; 16],
        isvextprodid: [0x77; 16],
        padding: PKCS1_PADDING,
        ..SecsPage::new_zeroed()
    }
}

/// A request in which every field is set.
fn request(policy: KeyPolicy) -> KeyRequest {
    KeyRequest {
        keypolicy: U16::new(policy.bits()),
        isvsvn: U16::new(2),
        cpusvn: [1; 16],
        attributemask: Attributes::new(Flags::MODE64BIT, 4),
        keyid: [0x44; 32],
        miscmask: U32::new(1),
        configsvn: U16::new(8),
        ..KeyRequest::new_zeroed()
    }
}

type Family = fn(&Config, &SecsPage, &KeyRequest) -> Key;

fn report(config: &Config, secs: &SecsPage, request: &KeyRequest) -> Key {
    report_key(config, &target_of(secs), &request.keyid)
}

const FAMILIES: [(&str, Family); 5] = [
    ("seal", seal_key),
    ("report", report),
    ("launch", launch_key),
    ("provision", provision_key),
    ("provision seal", provision_seal_key),
];

fn hex(text: &str) -> Key {
    let mut key = [0; 16];
    for (index, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).expect("hexadecimal");
    }
    key
}

#[test]
fn report_key_has_the_known_value() {
    let target = TargetInfo {
        measurement: [0x11; 32],
        attributes: Attributes::new(Flags::INIT | Flags::MODE64BIT, 3),
        ..TargetInfo::new_zeroed()
    };
    let key = report_key(&config(), &target, &[0x44; 32]);
    assert_eq!(key, hex("7a30dcb41a724bb1f39135046e933275"));
}

#[test]
fn seal_key_has_the_known_value() {
    // The known answer fixes ATTRIBUTES after masking, so the block is filled by hand.
    let block = Dependencies {
        keypolicy: U16::new(2),
        isvsvn: U16::new(1),
        miscmask: U32::new(u32::MAX),
        attributes: Attributes::new(Flags::INIT | Flags::MODE64BIT, 3),
        attributesmask: Attributes::new(Flags::INIT | Flags::DEBUG, 0),
        cpusvn: [2; 16],
        mrsigner: [0x22; 32],
        padding: PKCS1_PADDING,
        ..Dependencies::new(KeyName::Seal)
    };
    assert_eq!(block.with_owner(&config()).derive(&config()), hex("863fa2eef2d5d754d8a858a6e6536f23"));
}

/// One change of an input, and in which families (in the order of `FAMILIES`) the key follows it.
struct Change {
    name: &'static str,
    apply: fn(&mut Config, &mut SecsPage, &mut KeyRequest),
    follows: [bool; 5],
}

const fn change(
    name: &'static str,
    follows: [u8; 5],
    apply: fn(&mut Config, &mut SecsPage, &mut KeyRequest),
) -> Change {
    let [a, b, c, d, e] = follows;
    Change { name, apply, follows: [a == 1, b == 1, c == 1, d == 1, e == 1] }
}

/// Asserts the table under one KEYPOLICY.
fn check(policy: KeyPolicy, changes: &[Change]) {
    for Change { name, apply, follows } in changes {
        for ((family, key), follows) in FAMILIES.into_iter().zip(follows) {
            let (mut config, mut secs, mut request) = (config(), secs(), request(policy));
            let before = key(&config, &secs, &request);
            apply(&mut config, &mut secs, &mut request);
            let after = key(&config, &secs, &request);
            assert_eq!(before != after, *follows, "{name} in the {family} key");
        }
    }
}

#[test]
fn keys_follow_the_fields_of_the_table() {
    // seal, report, launch, provision, provision seal
    check(
        KeyPolicy::empty(),
        &[
            change("DEVICE_ROOT", [1, 1, 1, 1, 1], |c, _, _| c.device_root[0] ^= 1),
            change("OWNEREPOCH", [1, 1, 1, 0, 0], |c, _, _| c.owner_epoch[0] ^= 1),
            change("SEAL_FUSES", [1, 1, 1, 0, 1], |c, _, _| c.seal_fuses[0] ^= 1),
            change("current CPUSVN", [0, 1, 0, 0, 0], |c, _, _| c.cpusvn[0] ^= 1),
            change("requested CPUSVN", [1, 0, 1, 1, 1], |_, _, r| r.cpusvn[0] ^= 1),
            change("requested ISVSVN", [1, 0, 1, 1, 1], |_, _, r| r.isvsvn = U16::new(1)),
            change("ISVSVN of the enclave", [0, 0, 0, 0, 0], |_, s, _| s.isvsvn = U16::new(99)),
            change("ISVPRODID", [1, 0, 1, 1, 1], |_, s, _| s.isvprodid = U16::new(8)),
            change("DEBUG, mask 0", [1, 1, 1, 1, 1], |_, s, _| s.attributes.flags |= 2),
            change("masked flag", [1, 1, 1, 1, 1], |_, s, _| s.attributes.flags ^= 4),
            change("unmasked flag", [0, 1, 0, 0, 0], |_, s, _| s.attributes.flags |= 0x10),
            change("masked XFRM", [1, 1, 1, 1, 1], |_, s, _| s.attributes.xfrm ^= 4),
            change("unmasked XFRM", [0, 1, 0, 0, 0], |_, s, _| s.attributes.xfrm ^= 0x20),
            change("ATTRIBUTEMASK", [1, 0, 0, 1, 1], |_, _, r| r.attributemask.flags |= 0x10),
            change("MISCSELECT", [1, 1, 1, 1, 1], |_, s, _| s.miscselect ^= 1),
            change("unmasked MISCSELECT", [0, 1, 0, 0, 0], |_, s, _| s.miscselect ^= 2),
            change("MISCMASK", [1, 0, 0, 1, 1], |_, _, r| r.miscmask |= 2),
            change("KEYID", [1, 1, 1, 0, 0], |_, _, r| r.keyid[31] ^= 1),
            change("MRENCLAVE", [0, 1, 0, 0, 0], |_, s, _| s.mrenclave[0] ^= 1),
            change("MRSIGNER", [0, 0, 1, 1, 1], |_, s, _| s.mrsigner[0] ^= 1),
            change("CONFIGID", [0, 1, 0, 0, 0], |_, s, _| s.configid[0] ^= 1),
            change("CONFIGSVN of the enclave", [0, 1, 0, 0, 0], |_, s, _| s.configsvn = U16::new(1)),
            change("requested CONFIGSVN", [0, 0, 0, 0, 0], |_, _, r| r.configsvn = U16::new(1)),
            change("ISVFAMILYID", [0, 0, 0, 0, 0], |_, s, _| s.isvfamilyid[0] ^= 1),
            change("ISVEXTPRODID", [0, 0, 0, 0, 0], |_, s, _| s.isvextprodid[0] ^= 1),
            change("KEYPOLICY", [1, 0, 0, 0, 1], |_, _, r| r.keypolicy = U16::new(1)),
        ],
    );
}

#[test]
fn a_policy_brings_identities_in_and_takes_isvprodid_out() {
    check(
        KeyPolicy::DEFINED,
        &[
            change("MRENCLAVE", [1, 1, 0, 0, 0], |_, s, _| s.mrenclave[0] ^= 1),
            change("MRSIGNER", [1, 0, 1, 1, 1], |_, s, _| s.mrsigner[0] ^= 1),
            change("ISVPRODID", [0, 0, 1, 1, 0], |_, s, _| s.isvprodid = U16::new(8)),
            change("CONFIGID", [1, 1, 0, 0, 1], |_, s, _| s.configid[0] ^= 1),
            change("requested CONFIGSVN", [1, 0, 0, 0, 1], |_, _, r| r.configsvn = U16::new(1)),
            change("ISVFAMILYID", [1, 0, 0, 0, 1], |_, s, _| s.isvfamilyid[0] ^= 1),
            change("ISVEXTPRODID", [1, 0, 0, 0, 1], |_, s, _| s.isvextprodid[0] ^= 1),
        ],
    );
}

#[test]
fn families_never_share_a_key() {
    let keys = FAMILIES.map(|(_, key)| key(&config(), &secs(), &KeyRequest::new_zeroed()));
    for (index, key) in keys.iter().enumerate() {
        assert!(!keys[..index].contains(key), "{}", FAMILIES[index].0);
    }
}

#[test]
fn einit_makes_the_launch_enclaves_key_from_its_token() {
    let (config, secs) = (config(), secs());
    let request =
        KeyRequest { attributemask: Attributes::new(!Flags::MODE64BIT, 0), ..request(KeyPolicy::empty()) };
    let token = EinitToken {
        cpusvnle: request.cpusvn,
        isvprodidle: secs.isvprodid,
        isvsvnle: request.isvsvn,
        maskedmiscselectle: secs.miscselect & request.miscmask,
        maskedattributesle: secs.attributes.masked(&request.attributemask),
        keyid: request.keyid,
        ..EinitToken::new_zeroed()
    };
    let key = launch_key(&config, &secs, &request);
    assert_eq!(einit_token_key(&config, &token, &secs.mrsigner), key);
    assert_ne!(einit_token_key(&config, &token, &[0; 32]), key);
}

#[test]
fn cpusvn_is_compared_component_by_component() {
    let config = config();
    assert!(cpusvn_reached(&config, &[2; 16]));
    assert!(cpusvn_reached(&config, &[0; 16]));
    let mut asked = [0; 16];
    asked[15] = 3;
    assert!(!cpusvn_reached(&config, &asked));
}
