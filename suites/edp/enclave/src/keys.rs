//! EGETKEY for keys to seal data with.

use sgx_isa::{ErrorCode, Keyname, Keypolicy, Keyrequest, Report};

/// A request for a seal key of this version of the enclave.
fn request(policy: Keypolicy, keyid: u8) -> Keyrequest {
    let report = Report::for_self();
    Keyrequest {
        keyname: Keyname::Seal as u16,
        keypolicy: policy,
        isvsvn: report.isvsvn,
        cpusvn: report.cpusvn,
        attributemask: [!0, !0],
        keyid: [keyid; 32],
        miscmask: !0,
        ..Default::default()
    }
}

/// The same request gives the same key; whatever goes into it changes it.
pub fn seal() {
    let key = |policy, keyid| request(policy, keyid).egetkey().unwrap();
    let keys = [
        key(Keypolicy::MRENCLAVE, 1),
        key(Keypolicy::MRSIGNER, 1),
        key(Keypolicy::MRENCLAVE | Keypolicy::MRSIGNER, 1),
        key(Keypolicy::MRENCLAVE, 2),
    ];
    assert_eq!(keys[0], key(Keypolicy::MRENCLAVE, 1));
    for (index, one) in keys.iter().enumerate() {
        assert_ne!(*one, [0; 16]);
        assert!(keys[index + 1..].iter().all(|other| other != one), "keys {keys:x?}");
    }
}

/// Keys of later versions, and of privileges that this enclave has not.
pub fn refused() {
    let good = request(Keypolicy::MRENCLAVE, 1);
    let later = Keyrequest { isvsvn: good.isvsvn + 1, ..good.clone() };
    assert_eq!(later.egetkey(), Err(ErrorCode::InvalidIsvsvn));
    let later = Keyrequest { cpusvn: [0xff; 16], ..good.clone() };
    assert_eq!(later.egetkey(), Err(ErrorCode::InvalidCpusvn));
    for name in [Keyname::Provision, Keyname::ProvisionSeal, Keyname::Einittoken] {
        let privileged = Keyrequest { keyname: name as u16, ..good.clone() };
        assert_eq!(privileged.egetkey(), Err(ErrorCode::InvalidAttribute), "{name:?}");
    }
    let unknown = Keyrequest { keyname: 99, ..good };
    assert_eq!(unknown.egetkey(), Err(ErrorCode::InvalidKeyname));
}
