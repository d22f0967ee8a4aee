//! EREPORT, and EGETKEY for the report key, within one enclave.

use aes::Aes128;
use cmac::{Cmac, KeyInit, Mac};
use sgx_isa::{AttributesFlags, Report, Targetinfo};

/// The TARGETINFO that names this enclave.
pub fn target() -> Targetinfo {
    let report = Report::for_self();
    let mut bytes = [0; 512];
    bytes[..32].copy_from_slice(&report.mrenclave);
    bytes[32..40].copy_from_slice(&report.attributes.flags.bits().to_le_bytes());
    bytes[40..48].copy_from_slice(&report.attributes.xfrm.to_le_bytes());
    bytes[50..52].copy_from_slice(&report.configsvn.to_le_bytes());
    bytes[52..56].copy_from_slice(&report.miscselect.bits().to_le_bytes());
    bytes[64..128].copy_from_slice(&report.configid);
    Targetinfo::try_copy_from(&bytes).expect("a TARGETINFO has 512 bytes")
}

/// A report for this enclave itself.
fn for_self(data: [u8; 64]) -> Report {
    Report::for_target(&target(), &data)
}

/// Whether the MAC of a report is right under this enclave's own report key.
pub fn verified(report: &Report) -> bool {
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
        (report.mrenclave, report.mrsigner, report.cpusvn, report.keyid),
        (other.mrenclave, other.mrsigner, other.cpusvn, other.keyid)
    );
    assert_ne!(report.mac, other.mac);
}

/// The MAC is right, it covers the report's body, and another enclave's report is not for us.
pub fn mac() {
    let report = for_self([0x5a; 64]);
    assert!(verified(&report));
    for byte in 0..Report::UNPADDED_SIZE {
        assert!(!verified(&flipped(&report, byte)), "byte {byte} is changed");
    }
    let target = target();
    // MEASUREMENT, ATTRIBUTES, MISCSELECT
    for byte in [0, 31, 32, 39, 40, 47, 52, 55] {
        let mut bytes: [u8; 512] = *AsRef::<[u8]>::as_ref(&target).first_chunk().unwrap();
        bytes[byte] ^= 1;
        let other = Targetinfo::try_copy_from(&bytes).unwrap();
        assert!(!verified(&Report::for_target(&other, &[0x5a; 64])), "byte {byte} of the target");
    }
}

/// The report with one bit changed.
pub fn flipped(report: &Report, byte: usize) -> Report {
    let mut bytes = AsRef::<[u8]>::as_ref(report).to_vec();
    bytes[byte] ^= 1 << (byte % 8);
    Report::try_copy_from(&bytes).expect("as many bytes as before")
}
