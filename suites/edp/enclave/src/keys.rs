//! EGETKEY: what it refuses, and what a key does not depend on. What it does depend on is seen between enclaves
//! (`table.rs`).

use sgx_isa::{ErrorCode, Keyname};

use crate::request::{CONFIGID, MRENCLAVE, MRSIGNER, NOISVPRODID, Request, egetkey};

const NAMES: [Keyname; 5] =
    [Keyname::Einittoken, Keyname::Provision, Keyname::ProvisionSeal, Keyname::Report, Keyname::Seal];

/// The same request gives the same key; each field of it that a seal key depends on changes it.
pub fn seal() {
    let first = Request::new(Keyname::Seal, MRENCLAVE);
    let mut requests = vec![first];
    for keypolicy in [0, MRSIGNER, MRENCLAVE | MRSIGNER] {
        requests.push(Request { keypolicy, ..first });
    }
    // masks enter a key themselves, whether or not they mask something away
    for bit in [0, 1, 2, 7, 63] {
        requests.push(Request { attributemask: [!(1 << bit), !0], ..first });
        requests.push(Request { attributemask: [!0, !(1 << bit)], ..first });
    }
    for bit in [0, 31] {
        requests.push(Request { miscmask: !(1 << bit), ..first });
    }
    for at in [0, 31] {
        let mut keyid = first.keyid;
        keyid[at] ^= 1;
        requests.push(Request { keyid, ..first });
    }
    for at in 0..16 {
        let mut cpusvn = first.cpusvn;
        cpusvn[at] -= 1;
        requests.push(Request { cpusvn, ..first });
    }
    requests.push(Request { cpusvn: [0; 16], ..first });
    let keys: Vec<_> = requests.iter().map(|request| request.key().unwrap()).collect();
    let again: Vec<_> = requests.iter().map(|request| request.key().unwrap()).collect();
    assert_eq!(keys, again);
    different(&keys);
}

/// No key is zero, and no two are the same.
pub fn different(keys: &[[u8; 16]]) {
    for (index, one) in keys.iter().enumerate() {
        assert_ne!(*one, [0; 16]);
        let same = keys[index + 1..].iter().position(|other| other == one);
        assert_eq!(same, None, "the same as key {index}: {one:x?}");
    }
}

/// A report key depends on KEYID alone.
pub fn report() {
    let request = Request::new(Keyname::Report, 0);
    let key = request.key().unwrap();
    let without_effect = [
        Request { isvsvn: !0, ..request },
        Request { cpusvn: [!0; 16], ..request },
        Request { cpusvn: [0; 16], ..request },
        Request { attributemask: [0; 2], ..request },
        Request { miscmask: 0, ..request },
        Request { keypolicy: MRENCLAVE | MRSIGNER, ..request },
    ];
    for (index, other) in without_effect.iter().enumerate() {
        assert_eq!(other.key(), Ok(key), "request {index}");
    }
    different(&[key, Request { keyid: [2; 32], ..request }.key().unwrap()]);
}

/// Keys of later versions, and of privileges that this enclave has not.
pub fn refused() {
    let good = Request::new(Keyname::Seal, MRENCLAVE);
    let later = Request { isvsvn: good.isvsvn + 1, ..good };
    assert_eq!(later.key(), Err(ErrorCode::InvalidIsvsvn));
    for at in 0..16 {
        let mut cpusvn = [0; 16];
        cpusvn[at] = good.cpusvn[at] + 1;
        assert_eq!(Request { cpusvn, ..good }.key(), Err(ErrorCode::InvalidCpusvn), "component {at}");
    }
    for name in [Keyname::Provision, Keyname::ProvisionSeal, Keyname::Einittoken] {
        let privileged = Request { keyname: name as u16, ..good };
        assert_eq!(privileged.key(), Err(ErrorCode::InvalidAttribute), "{name:?}");
    }
    for keyname in [5, 99, 0x100, 0x8004, !0] {
        assert_eq!(Request { keyname, ..good }.key(), Err(ErrorCode::InvalidKeyname), "{keyname}");
    }
}

/// Keys that outlive the owner of a device. For an enclave with PROVISIONKEY.
pub fn provisioning() {
    let asked = |name| Request::new(name, 0);
    let provision = asked(Keyname::Provision);
    let seal = asked(Keyname::ProvisionSeal);
    for request in [provision, seal] {
        let key = request.key().unwrap();
        assert_eq!(Request { keyid: [2; 32], ..request }.key(), Ok(key), "KEYID");
        let older = Request { cpusvn: [0; 16], ..request };
        let masked = Request { attributemask: [!0 << 1, !0], ..request };
        different(&[key, older.key().unwrap(), masked.key().unwrap()]);
        let later = Request { isvsvn: !0, ..request };
        assert_eq!(later.key(), Err(ErrorCode::InvalidIsvsvn));
        let later = Request { cpusvn: [!0; 16], ..request };
        assert_eq!(later.key(), Err(ErrorCode::InvalidCpusvn));
    }
    // KEYPOLICY enters one of them only
    let policy = MRENCLAVE | MRSIGNER;
    assert_eq!(Request { keypolicy: policy, ..provision }.key(), provision.key());
    different(&[seal.key().unwrap(), Request { keypolicy: policy, ..seal }.key().unwrap()]);
    let names = NAMES.map(|name| asked(name).key());
    assert_eq!(names[0], Err(ErrorCode::InvalidAttribute));
    different(&names[1..].iter().map(|key| key.unwrap()).collect::<Vec<_>>());
}

/// Asks for a key in a way that is no refusal but a #GP, so that the enclave ends. For one without KSS.
pub fn malformed(word: &str) {
    let good = Request::new(Keyname::Seal, MRENCLAVE);
    let with = |at: usize| {
        let mut bytes = good.bytes();
        bytes[at] = 1;
        bytes
    };
    let policy = |keypolicy| Request { keypolicy, ..good }.bytes();
    let bytes = match word {
        "reserved-first" => with(6),
        "reserved-last" => with(511),
        "policy-reserved" => policy(1 << 6),
        "policy-kss" => policy(MRENCLAVE | NOISVPRODID),
        "configid" => policy(MRENCLAVE | CONFIGID),
        "configsvn" => Request { configsvn: 1, ..good }.bytes(),
        // the fault is not one of its own
        "none" => good.bytes(),
        _ => panic!("no such request: {word}"),
    };
    println!("{:?}", egetkey(&bytes).map(|key| key != [0; 16]));
}
