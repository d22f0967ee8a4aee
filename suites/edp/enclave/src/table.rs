//! Keys for the host to compare with those of other enclaves: one line for each request.

use sgx_isa::{ErrorCode, Keyname};

use crate::keys;
use crate::request::{CONFIGID, ISVEXTPRODID, ISVFAMILYID, MRENCLAVE, MRSIGNER, NOISVPRODID, Request};

/// The security version that requests name. Enclaves that are asked have at least this one.
const ISVSVN: u16 = 3;
/// The same for CONFIGSVN.
const CONFIGSVN: u16 = 3;

/// Any enclave may ask these.
fn plain() -> Vec<(&'static str, Request)> {
    let request = |name, policy| Request { isvsvn: ISVSVN, ..Request::new(name, policy) };
    let seal = |policy| request(Keyname::Seal, policy);
    let unmasked = |request| Request { attributemask: [0; 2], miscmask: 0, ..request };
    vec![
        ("seal-none", seal(0)),
        ("seal-mrenclave", seal(MRENCLAVE)),
        ("seal-mrsigner", seal(MRSIGNER)),
        ("seal-both", seal(MRENCLAVE | MRSIGNER)),
        ("seal-unmasked", unmasked(seal(MRSIGNER))),
        ("seal-older", Request { isvsvn: ISVSVN - 1, ..seal(MRSIGNER) }),
        ("seal-newer", Request { isvsvn: ISVSVN + 1, ..seal(MRSIGNER) }),
        ("seal-old-processor", Request { cpusvn: [0; 16], ..seal(MRSIGNER) }),
        ("seal-new-processor", Request { cpusvn: [!0; 16], ..seal(MRSIGNER) }),
        ("report", request(Keyname::Report, 0)),
        ("einittoken", request(Keyname::Einittoken, 0)),
        ("provision", request(Keyname::Provision, 0)),
        ("provision-unmasked", unmasked(request(Keyname::Provision, 0))),
        ("provision-newer", Request { isvsvn: ISVSVN + 1, ..request(Keyname::Provision, 0) }),
        ("provision-seal", request(Keyname::ProvisionSeal, 0)),
        ("provision-seal-unmasked", unmasked(request(Keyname::ProvisionSeal, 0))),
    ]
}

/// Only enclaves with KSS may ask these.
fn kss() -> Vec<(&'static str, Request)> {
    let request = |name, policy| Request { isvsvn: ISVSVN, ..Request::new(name, policy) };
    let seal = |policy| request(Keyname::Seal, MRSIGNER | policy);
    let provision_seal = |policy| request(Keyname::ProvisionSeal, policy);
    let config = |configsvn| Request { configsvn, ..seal(CONFIGID) };
    let all = NOISVPRODID | CONFIGID | ISVFAMILYID | ISVEXTPRODID;
    vec![
        ("seal-noisvprodid", seal(NOISVPRODID)),
        ("seal-configid", config(CONFIGSVN)),
        ("seal-configid-older", config(CONFIGSVN - 1)),
        ("seal-configid-newer", config(CONFIGSVN + 1)),
        ("seal-isvfamilyid", seal(ISVFAMILYID)),
        ("seal-isvextprodid", seal(ISVEXTPRODID)),
        ("seal-all", Request { configsvn: CONFIGSVN, ..seal(MRENCLAVE | all) }),
        ("provision-seal-noisvprodid", provision_seal(NOISVPRODID)),
        ("provision-seal-configid", Request { configsvn: CONFIGSVN, ..provision_seal(CONFIGID) }),
        ("provision-seal-isvfamilyid", provision_seal(ISVFAMILYID)),
        ("provision-seal-isvextprodid", provision_seal(ISVEXTPRODID)),
    ]
}

/// Prints `NAME KEY` or `NAME CODE` for each request. No two keys are the same.
pub fn ask(with_kss: bool) {
    let mut requests = plain();
    if with_kss {
        requests.extend(kss());
        // CONFIGSVN is of no effect where the policy does not ask for CONFIGID
        let seal = Request::new(Keyname::Seal, MRSIGNER);
        assert_eq!(Request { configsvn: CONFIGSVN, ..seal }.key(), seal.key());
    }
    let answers: Vec<_> = requests.iter().map(|(name, request)| (name, request.key())).collect();
    keys::different(&answers.iter().filter_map(|(_, answer)| answer.ok()).collect::<Vec<_>>());
    for (name, answer) in &answers {
        println!("{name} {}", answer.map_or_else(code, |key| hex(&key)));
    }
}

fn code(code: ErrorCode) -> String {
    (code as u32).to_string()
}

/// Bytes as digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
