//! Leaf functions of ENCLS, ENCLU and ENCLV.

use crate::cpuid::SgxFeatures;

/// ENCLS leaves: supervisor mode, number in EAX.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
#[expect(missing_docs, reason = "the names are the manual's")]
pub enum Encls {
    Ecreate = 0x00,
    Eadd = 0x01,
    Einit = 0x02,
    Eremove = 0x03,
    Edbgrd = 0x04,
    Edbgwr = 0x05,
    Eextend = 0x06,
    Eldb = 0x07,
    Eldu = 0x08,
    Eblock = 0x09,
    Epa = 0x0a,
    Ewb = 0x0b,
    Etrack = 0x0c,
    Eaug = 0x0d,
    Emodpr = 0x0e,
    Emodt = 0x0f,
    Erdinfo = 0x10,
    Etrackc = 0x11,
    Eldbc = 0x12,
    Elduc = 0x13,
    Eupdatesvn = 0x18,
}

/// ENCLU leaves: user mode, number in EAX.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
#[expect(missing_docs, reason = "the names are the manual's")]
pub enum Enclu {
    Ereport = 0x00,
    Egetkey = 0x01,
    Eenter = 0x02,
    Eresume = 0x03,
    Eexit = 0x04,
    Eaccept = 0x05,
    Emodpe = 0x06,
    Eacceptcopy = 0x07,
    Everifyreport2 = 0x08,
    Edeccssa = 0x09,
}

/// ENCLV leaves: a hypervisor in VMX operation, number in EAX.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
#[expect(missing_docs, reason = "the names are the manual's")]
pub enum Enclv {
    Edecvirtchild = 0x00,
    Eincvirtchild = 0x01,
    Esetcontext = 0x02,
}

/// Any leaf, for messages and the index of causes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Leaf {
    /// A leaf of ENCLS.
    Encls(Encls),
    /// A leaf of ENCLU.
    Enclu(Enclu),
    /// A leaf of ENCLV.
    Enclv(Enclv),
    /// ENCLS before it has chosen a leaf.
    AnyEncls,
    /// ENCLU before it has chosen a leaf.
    AnyEnclu,
    /// ENCLV before it has chosen a leaf.
    AnyEnclv,
}

/// ENCLU, three bytes without prefixes.
pub const ENCLU_OPCODE: [u8; 3] = [0x0f, 0x01, 0xd7];
/// ENCLS, three bytes without prefixes.
pub const ENCLS_OPCODE: [u8; 3] = [0x0f, 0x01, 0xcf];
/// ENCLV, three bytes without prefixes.
pub const ENCLV_OPCODE: [u8; 3] = [0x0f, 0x01, 0xc0];

impl Encls {
    /// Every leaf, by number.
    pub const ALL: [Self; 21] = [
        Self::Ecreate,
        Self::Eadd,
        Self::Einit,
        Self::Eremove,
        Self::Edbgrd,
        Self::Edbgwr,
        Self::Eextend,
        Self::Eldb,
        Self::Eldu,
        Self::Eblock,
        Self::Epa,
        Self::Ewb,
        Self::Etrack,
        Self::Eaug,
        Self::Emodpr,
        Self::Emodt,
        Self::Erdinfo,
        Self::Etrackc,
        Self::Eldbc,
        Self::Elduc,
        Self::Eupdatesvn,
    ];

    /// The leaf with this number in EAX.
    #[must_use]
    pub fn from_eax(eax: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|leaf| *leaf as u32 == eax)
    }

    /// The bit of CPUID.12H.0:EAX that announces it.
    #[must_use]
    pub const fn feature(self) -> SgxFeatures {
        match self {
            Self::Eaug | Self::Emodpr | Self::Emodt => SgxFeatures::SGX2,
            Self::Erdinfo | Self::Etrackc | Self::Eldbc | Self::Elduc => SgxFeatures::OVERSUB,
            Self::Eupdatesvn => SgxFeatures::EUPDATESVN,
            _ => SgxFeatures::SGX1,
        }
    }

    /// The manual's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ecreate => "ECREATE",
            Self::Eadd => "EADD",
            Self::Einit => "EINIT",
            Self::Eremove => "EREMOVE",
            Self::Edbgrd => "EDBGRD",
            Self::Edbgwr => "EDBGWR",
            Self::Eextend => "EEXTEND",
            Self::Eldb => "ELDB",
            Self::Eldu => "ELDU",
            Self::Eblock => "EBLOCK",
            Self::Epa => "EPA",
            Self::Ewb => "EWB",
            Self::Etrack => "ETRACK",
            Self::Eaug => "EAUG",
            Self::Emodpr => "EMODPR",
            Self::Emodt => "EMODT",
            Self::Erdinfo => "ERDINFO",
            Self::Etrackc => "ETRACKC",
            Self::Eldbc => "ELDBC",
            Self::Elduc => "ELDUC",
            Self::Eupdatesvn => "EUPDATESVN",
        }
    }

    /// What it does, as a sentence without subject and full stop.
    #[must_use]
    pub const fn summary(self) -> &'static str {
        match self {
            Self::Ecreate => "makes a free EPC page the SECS of a new enclave",
            Self::Eadd => "gives a free EPC page, with its contents, to an enclave that is not initialised",
            Self::Einit => {
                "initialises an enclave, if its measurement is the signed one and the signer may launch"
            }
            Self::Eremove => "frees an EPC page",
            Self::Edbgrd => "reads eight bytes of a debug enclave",
            Self::Edbgwr => "writes eight bytes of a debug enclave",
            Self::Eextend => "measures 256 bytes of a page",
            Self::Eldb => "brings a page back into the EPC, blocked",
            Self::Eldu => "brings a page back into the EPC",
            Self::Eblock => "blocks a page: no new translations, on its way out of the EPC",
            Self::Epa => "makes a free EPC page a version array",
            Self::Ewb => "encrypts a page to ordinary memory and frees its EPC page",
            Self::Etrack => "begins a new epoch, after which old translations can be waited for",
            Self::Eaug => "gives a zeroed page to an initialised enclave, which must accept it",
            Self::Emodpr => "takes rights from a page; the enclave must accept it",
            Self::Emodt => "changes the type of a page; the enclave must accept it",
            Self::Erdinfo => "tells type and state of an EPC page",
            Self::Etrackc => "ETRACK by way of any page of the enclave",
            Self::Eldbc => "ELDB that reports a conflict instead of faulting",
            Self::Elduc => "ELDU that reports a conflict instead of faulting",
            Self::Eupdatesvn => "takes over the security version of new microcode",
        }
    }
}

impl Enclu {
    /// Every leaf, by number.
    pub const ALL: [Self; 10] = [
        Self::Ereport,
        Self::Egetkey,
        Self::Eenter,
        Self::Eresume,
        Self::Eexit,
        Self::Eaccept,
        Self::Emodpe,
        Self::Eacceptcopy,
        Self::Everifyreport2,
        Self::Edeccssa,
    ];

    /// The leaf with this number in EAX.
    #[must_use]
    pub fn from_eax(eax: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|leaf| *leaf as u32 == eax)
    }

    /// The bit of CPUID.12H.0:EAX that announces it.
    #[must_use]
    pub const fn feature(self) -> SgxFeatures {
        match self {
            Self::Eaccept | Self::Emodpe | Self::Eacceptcopy => SgxFeatures::SGX2,
            Self::Everifyreport2 => SgxFeatures::EVERIFYREPORT2,
            Self::Edeccssa => SgxFeatures::EDECCSSA,
            _ => SgxFeatures::SGX1,
        }
    }

    /// The manual's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ereport => "EREPORT",
            Self::Egetkey => "EGETKEY",
            Self::Eenter => "EENTER",
            Self::Eresume => "ERESUME",
            Self::Eexit => "EEXIT",
            Self::Eaccept => "EACCEPT",
            Self::Emodpe => "EMODPE",
            Self::Eacceptcopy => "EACCEPTCOPY",
            Self::Everifyreport2 => "EVERIFYREPORT2",
            Self::Edeccssa => "EDECCSSA",
        }
    }

    /// What it does, as a sentence without subject and full stop.
    #[must_use]
    pub const fn summary(self) -> &'static str {
        match self {
            Self::Ereport => {
                "writes a REPORT about this enclave, for another one on the same machine to verify"
            }
            Self::Egetkey => "derives a key that only this enclave, or its signer's, can have",
            Self::Eenter => "enters an enclave on a TCS",
            Self::Eresume => "goes back to where an asynchronous exit left the enclave",
            Self::Eexit => "leaves the enclave",
            Self::Eaccept => "accepts a change that the kernel made to a page",
            Self::Emodpe => "gives a page of this enclave more rights",
            Self::Eacceptcopy => "accepts a new page and fills it from another",
            Self::Everifyreport2 => "verifies a report of a trusted domain",
            Self::Edeccssa => "goes back one SSA frame without leaving",
        }
    }
}

impl Enclv {
    /// Every leaf, by number. CPUID.12H.0:EAX announces all of them by one bit.
    pub const ALL: [Self; 3] = [Self::Edecvirtchild, Self::Eincvirtchild, Self::Esetcontext];

    /// The leaf with this number in EAX.
    #[must_use]
    pub fn from_eax(eax: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|leaf| *leaf as u32 == eax)
    }

    /// The manual's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Edecvirtchild => "EDECVIRTCHILD",
            Self::Eincvirtchild => "EINCVIRTCHILD",
            Self::Esetcontext => "ESETCONTEXT",
        }
    }

    /// What it does, as a sentence without subject and full stop.
    #[must_use]
    pub const fn summary(self) -> &'static str {
        match self {
            Self::Edecvirtchild => "takes one from the count of pages that a hypervisor keeps out of the EPC",
            Self::Eincvirtchild => "adds one to the count of pages that a hypervisor keeps out of the EPC",
            Self::Esetcontext => "gives an enclave the name that ERDINFO tells a hypervisor",
        }
    }
}

impl Leaf {
    /// The manual's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Encls(leaf) => leaf.name(),
            Self::Enclu(leaf) => leaf.name(),
            Self::Enclv(leaf) => leaf.name(),
            Self::AnyEncls => "ENCLS",
            Self::AnyEnclu => "ENCLU",
            Self::AnyEnclv => "ENCLV",
        }
    }
}

impl core::fmt::Display for Leaf {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Encls(leaf) => write!(f, "ENCLS[{}]", leaf.name()),
            Self::Enclu(leaf) => write!(f, "ENCLU[{}]", leaf.name()),
            Self::Enclv(leaf) => write!(f, "ENCLV[{}]", leaf.name()),
            Self::AnyEncls | Self::AnyEnclu | Self::AnyEnclv => f.write_str(self.name()),
        }
    }
}
