//! Error codes that leaves return in RAX.

/// A non-zero outcome in RAX. Discriminants are the architectural numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
#[expect(missing_docs, reason = "the names are the manual's; `meaning` says what each is")]
pub enum SgxError {
    InvalidSigStruct = 1,
    InvalidAttribute = 2,
    Blkstate = 3,
    InvalidMeasurement = 4,
    Notblockable = 5,
    PgInvld = 6,
    EpcPageConflict = 7,
    InvalidSignature = 8,
    MacCompareFail = 9,
    PageNotBlocked = 10,
    NotTracked = 11,
    VaSlotOccupied = 12,
    ChildPresent = 13,
    EnclaveAct = 14,
    EntryepochLocked = 15,
    InvalidEinitToken = 16,
    PrevTrkIncmpl = 17,
    PgIsSecs = 18,
    PageAttributesMismatch = 19,
    PageNotModifiable = 20,
    PageNotDebuggable = 21,
    InvalidCounter = 25,
    PgNonepc = 26,
    TrackNotRequired = 27,
    InvalidReportmacstruct = 28,
    InsufficientEntropy = 29,
    EpcNotReady = 30,
    NoUpdate = 31,
    InvalidCpusvn = 32,
    InvalidIsvsvn = 64,
    UnmaskedEvent = 128,
    InvalidKeyname = 256,
}

impl SgxError {
    /// Every code, in the order of the numbers.
    pub const ALL: [Self; 32] = [
        Self::InvalidSigStruct,
        Self::InvalidAttribute,
        Self::Blkstate,
        Self::InvalidMeasurement,
        Self::Notblockable,
        Self::PgInvld,
        Self::EpcPageConflict,
        Self::InvalidSignature,
        Self::MacCompareFail,
        Self::PageNotBlocked,
        Self::NotTracked,
        Self::VaSlotOccupied,
        Self::ChildPresent,
        Self::EnclaveAct,
        Self::EntryepochLocked,
        Self::InvalidEinitToken,
        Self::PrevTrkIncmpl,
        Self::PgIsSecs,
        Self::PageAttributesMismatch,
        Self::PageNotModifiable,
        Self::PageNotDebuggable,
        Self::InvalidCounter,
        Self::PgNonepc,
        Self::TrackNotRequired,
        Self::InvalidReportmacstruct,
        Self::InsufficientEntropy,
        Self::EpcNotReady,
        Self::NoUpdate,
        Self::InvalidCpusvn,
        Self::InvalidIsvsvn,
        Self::UnmaskedEvent,
        Self::InvalidKeyname,
    ];

    /// The architectural number, as RAX shows it.
    #[must_use]
    pub const fn code(self) -> u32 {
        self as u32
    }

    /// The code with this number.
    #[must_use]
    pub fn from_code(code: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|error| error.code() == code)
    }

    /// The manual's name, `SGX_` included.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidSigStruct => "SGX_INVALID_SIG_STRUCT",
            Self::InvalidAttribute => "SGX_INVALID_ATTRIBUTE",
            Self::Blkstate => "SGX_BLKSTATE",
            Self::InvalidMeasurement => "SGX_INVALID_MEASUREMENT",
            Self::Notblockable => "SGX_NOTBLOCKABLE",
            Self::PgInvld => "SGX_PG_INVLD",
            Self::EpcPageConflict => "SGX_EPC_PAGE_CONFLICT",
            Self::InvalidSignature => "SGX_INVALID_SIGNATURE",
            Self::MacCompareFail => "SGX_MAC_COMPARE_FAIL",
            Self::PageNotBlocked => "SGX_PAGE_NOT_BLOCKED",
            Self::NotTracked => "SGX_NOT_TRACKED",
            Self::VaSlotOccupied => "SGX_VA_SLOT_OCCUPIED",
            Self::ChildPresent => "SGX_CHILD_PRESENT",
            Self::EnclaveAct => "SGX_ENCLAVE_ACT",
            Self::EntryepochLocked => "SGX_ENTRYEPOCH_LOCKED",
            Self::InvalidEinitToken => "SGX_INVALID_EINITTOKEN",
            Self::PrevTrkIncmpl => "SGX_PREV_TRK_INCMPL",
            Self::PgIsSecs => "SGX_PG_IS_SECS",
            Self::PageAttributesMismatch => "SGX_PAGE_ATTRIBUTES_MISMATCH",
            Self::PageNotModifiable => "SGX_PAGE_NOT_MODIFIABLE",
            Self::PageNotDebuggable => "SGX_PAGE_NOT_DEBUGGABLE",
            Self::InvalidCounter => "SGX_INVALID_COUNTER",
            Self::PgNonepc => "SGX_PG_NONEPC",
            Self::TrackNotRequired => "SGX_TRACK_NOT_REQUIRED",
            Self::InvalidReportmacstruct => "SGX_INVALID_REPORTMACSTRUCT",
            Self::InsufficientEntropy => "SGX_INSUFFICIENT_ENTROPY",
            Self::EpcNotReady => "SGX_EPC_NOT_READY",
            Self::NoUpdate => "SGX_NO_UPDATE",
            Self::InvalidCpusvn => "SGX_INVALID_CPUSVN",
            Self::InvalidIsvsvn => "SGX_INVALID_ISVSVN",
            Self::UnmaskedEvent => "SGX_UNMASKED_EVENT",
            Self::InvalidKeyname => "SGX_INVALID_KEYNAME",
        }
    }

    /// What it says, as a sentence without a full stop.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::InvalidSigStruct => {
                "the SIGSTRUCT is malformed: header, vendor, exponent or a reserved byte"
            }
            Self::InvalidAttribute => {
                "the attributes do not fit together: SECS against SIGSTRUCT, or EGETKEY for a key that this enclave may not have"
            }
            Self::Blkstate => "the page is blocked already; nothing changed",
            Self::InvalidMeasurement => {
                "the enclave that was built is not the one that was signed: MRENCLAVE differs from ENCLAVEHASH"
            }
            Self::Notblockable => "a page of this type cannot be blocked; nothing changed",
            Self::PgInvld => "the EPC page is free",
            Self::EpcPageConflict => "another leaf works on the page at this moment; try again",
            Self::InvalidSignature => "the RSA signature of the SIGSTRUCT does not verify",
            Self::MacCompareFail => {
                "the page that comes back into the EPC is not the one that went out: its MAC is wrong"
            }
            Self::PageNotBlocked => "a page must be blocked before it leaves the EPC",
            Self::NotTracked => {
                "logical processors may still hold translations of the page: ETRACK, and interrupt the enclave's threads"
            }
            Self::VaSlotOccupied => "the slot of the version array held a version already; it is overwritten",
            Self::ChildPresent => "the SECS still has pages in the EPC",
            Self::EnclaveAct => "a logical processor executes this enclave",
            Self::EntryepochLocked => "an ETRACK of the enclave is in progress; try again",
            Self::InvalidEinitToken => {
                "the launch token is wrong, or there is none and the signer is not the one of the hash MSRs"
            }
            Self::PrevTrkIncmpl => {
                "the tracking cycle before is not complete: a thread that entered before it is still inside"
            }
            Self::PgIsSecs => "the page is a SECS; nothing changed",
            Self::PageAttributesMismatch => "the page is not as the enclave that accepts it expects",
            Self::PageNotModifiable => {
                "the page waits for an EACCEPT of the enclave, or is of a type that cannot change"
            }
            Self::PageNotDebuggable => {
                "the page waits for an EACCEPT of the enclave, so a debugger has to wait, too"
            }
            Self::InvalidCounter => "a counter of the enclave would leave its range",
            Self::PgNonepc => "the address is not in the EPC",
            Self::TrackNotRequired => "a page of this type needs no tracking; nothing changed",
            Self::InvalidReportmacstruct => "the report structure was not made on this platform",
            Self::InsufficientEntropy => "the random number generator gave nothing; try again",
            Self::EpcNotReady => "the EPC is not empty",
            Self::NoUpdate => "the security version is up to date; nothing changed",
            Self::InvalidCpusvn => "the CPUSVN that is asked for is newer than the processor's",
            Self::InvalidIsvsvn => "the ISVSVN that is asked for is newer than the enclave's",
            Self::UnmaskedEvent => "an interrupt is pending and came first; try again",
            Self::InvalidKeyname => "there is no key of this name",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_round_trip_and_ascend() {
        for pair in SgxError::ALL.windows(2) {
            assert!(pair[0].code() < pair[1].code());
        }
        for error in SgxError::ALL {
            assert_eq!(SgxError::from_code(error.code()), Some(error));
        }
        assert_eq!(SgxError::from_code(0), None);
        assert_eq!(SgxError::from_code(22), None);
    }
}
