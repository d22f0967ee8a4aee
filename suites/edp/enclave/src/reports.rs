//! EREPORT, and EGETKEY for the report key.

use aes::Aes128;
use cmac::{Cmac, KeyInit, Mac};
use sgx_isa::{AttributesFlags, Report, Targetinfo};

/// A report for this enclave itself.
fn for_self(data: [u8; 64]) -> Report {
    Report::for_target(&Targetinfo::from(Report::for_self()), &data)
}

/// Whether the MAC of a report is right under this enclave's own report key.
fn verified(report: &Report) -> bool {
    report.verify(|key, body, mac| {
        let mut cmac = Cmac::<Aes128>::new(key.into());
        cmac.update(body);
        cmac.verify(mac.into()).is_ok()
    })
}

/// The fields that this enclave knows about itself.
pub fn body() {
    let data = std::array::from_fn(|index| index as u8);
    let report = for_self(data);
    assert_eq!(report.reportdata, data);
    let wanted = AttributesFlags::INIT | AttributesFlags::DEBUG | AttributesFlags::MODE64BIT;
    assert_eq!(report.attributes.flags, wanted);
    assert_eq!(report.attributes.xfrm & 3, 3);
    assert_ne!(report.mrenclave, [0; 32]);
    assert_ne!(report.mrsigner, [0; 32]);
    let other = for_self([0; 64]);
    assert_eq!(
        (report.mrenclave, report.mrsigner, report.cpusvn),
        (other.mrenclave, other.mrsigner, other.cpusvn)
    );
    assert_ne!(report.mac, other.mac);
}

/// The MAC is right, it covers the report's body, and another enclave's report is not for us.
pub fn mac() {
    let mut report = for_self([0x5a; 64]);
    assert!(verified(&report));
    report.reportdata[63] ^= 1;
    assert!(!verified(&report), "a changed report");
    let mut other = Targetinfo::from(Report::for_self());
    other.measurement[0] ^= 1;
    assert!(!verified(&Report::for_target(&other, &[0x5a; 64])), "a report for another enclave");
}
