//! Leaf functions of ENCLS and ENCLU.

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

/// Any leaf, for messages and the index of causes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Leaf {
    /// A leaf of ENCLS.
    Encls(Encls),
    /// A leaf of ENCLU.
    Enclu(Enclu),
    /// ENCLS before it has chosen a leaf.
    AnyEncls,
    /// ENCLU before it has chosen a leaf.
    AnyEnclu,
}

/// ENCLU, three bytes without prefixes.
pub const ENCLU_OPCODE: [u8; 3] = [0x0f, 0x01, 0xd7];
/// ENCLS, three bytes without prefixes.
pub const ENCLS_OPCODE: [u8; 3] = [0x0f, 0x01, 0xcf];

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
}

impl Leaf {
    /// The manual's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Encls(leaf) => leaf.name(),
            Self::Enclu(leaf) => leaf.name(),
            Self::AnyEncls => "ENCLS",
            Self::AnyEnclu => "ENCLU",
        }
    }
}

impl core::fmt::Display for Leaf {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Encls(leaf) => write!(f, "ENCLS[{}]", leaf.name()),
            Self::Enclu(leaf) => write!(f, "ENCLU[{}]", leaf.name()),
            Self::AnyEncls | Self::AnyEnclu => f.write_str(self.name()),
        }
    }
}
