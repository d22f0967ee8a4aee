//! KEYREQUEST with all its fields, some of which the structure of `sgx-isa` does not name.

use sgx_isa::{ErrorCode, Keyname, Keyrequest, Report};

/// Bits of KEYPOLICY.
pub const MRENCLAVE: u16 = 1 << 0;
pub const MRSIGNER: u16 = 1 << 1;
pub const NOISVPRODID: u16 = 1 << 2;
pub const CONFIGID: u16 = 1 << 3;
pub const ISVFAMILYID: u16 = 1 << 4;
pub const ISVEXTPRODID: u16 = 1 << 5;

/// What is asked of EGETKEY.
#[derive(Clone, Copy)]
pub struct Request {
    pub keyname: u16,
    pub keypolicy: u16,
    pub isvsvn: u16,
    pub cpusvn: [u8; 16],
    /// FLAGS, then XFRM.
    pub attributemask: [u64; 2],
    pub keyid: [u8; 32],
    pub miscmask: u32,
    pub configsvn: u16,
}

impl Request {
    /// For a key of this enclave as it is, with nothing masked away.
    pub fn new(keyname: Keyname, keypolicy: u16) -> Self {
        let report = Report::for_self();
        Self {
            keyname: keyname as u16,
            keypolicy,
            isvsvn: report.isvsvn,
            cpusvn: report.cpusvn,
            attributemask: [!0, !0],
            keyid: [1; 32],
            miscmask: !0,
            configsvn: 0,
        }
    }

    /// The structure as EGETKEY reads it.
    pub fn bytes(&self) -> [u8; 512] {
        let mut bytes = [0; 512];
        let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
        put(0, &self.keyname.to_le_bytes());
        put(2, &self.keypolicy.to_le_bytes());
        put(4, &self.isvsvn.to_le_bytes());
        put(8, &self.cpusvn);
        put(24, &self.attributemask[0].to_le_bytes());
        put(32, &self.attributemask[1].to_le_bytes());
        put(40, &self.keyid);
        put(72, &self.miscmask.to_le_bytes());
        put(76, &self.configsvn.to_le_bytes());
        bytes
    }

    /// The key, or the code of the refusal.
    pub fn key(&self) -> Result<[u8; 16], ErrorCode> {
        egetkey(&self.bytes())
    }
}

/// Asks with any 512 bytes.
pub fn egetkey(bytes: &[u8; 512]) -> Result<[u8; 16], ErrorCode> {
    Keyrequest::try_copy_from(bytes).expect("a KEYREQUEST has 512 bytes").egetkey()
}
