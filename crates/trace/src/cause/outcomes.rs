//! The outcome of every check once more, in the manual's order of outcomes rather than of checks: what the
//! enums declare is held against this second transcription.

use std::collections::BTreeMap;

use super::Cause;

const GP: &str = "#GP(0)";
const READ: &str = "#PF(SGX, read)";
const WRITE: &str = "#PF(SGX, write)";
const MISMATCH: &str = "SGX_PAGE_ATTRIBUTES_MISMATCH (19), ZF";

/// Leaf, outcome, names of the checks.
const TABLE: &[(&str, &str, &str)] = &[
    ("ENCLS", GP, "LeafNotEnumerated"),
    ("ENCLU", GP, "LeafUnknown LeafNotEnumerated EntryInside NotInside"),
    // ECREATE: faults only
    ("ENCLS[ECREATE]", WRITE, "RcxNotEpc PageValid"),
    ("ENCLS[ECREATE]", GP, "RbxUnaligned RcxUnaligned SrcpgeUnaligned SecinfoUnaligned LinaddrNonZero"),
    ("ENCLS[ECREATE]", GP, "SecsNonZero SecinfoReserved SecinfoNotSecs XfrmWithoutLegacy XfrmUnsupported"),
    ("ENCLS[ECREATE]", GP, "XfrmIllegal CetNonZero MiscselectUnsupported SsaFrameTooSmall BaseNotCanonical"),
    ("ENCLS[ECREATE]", GP, "BaseAbove4G SizeTooLarge SizeTooSmall SizeNotPowerOfTwo BaseUnaligned"),
    ("ENCLS[ECREATE]", GP, "PageConflict"),
    ("ENCLS[ECREATE]", GP, "AttributesUnsupported ReservedNonZero ConfigWithoutKss"),
    // EADD: faults only
    ("ENCLS[EADD]", WRITE, "RcxNotEpc SecsNotEpc PageValid SecsInvalid SecsNotSecs"),
    ("ENCLS[EADD]", GP, "RbxUnaligned RcxUnaligned SrcpgeUnaligned SecsUnaligned SecinfoUnaligned"),
    (
        "ENCLS[EADD]",
        GP,
        "LinaddrUnaligned SecinfoReserved SecinfoState PageTypeInvalid TcsReserved TcsFsLimit",
    ),
    ("ENCLS[EADD]", GP, "PageConflict SecsConflict MeasurementConflict"),
    ("ENCLS[EADD]", GP, "TcsGsLimit WriteWithoutRead LinaddrOutside AlreadyInitialised"),
    // EEXTEND: faults only
    ("ENCLS[EEXTEND]", WRITE, "RbxNotEpc"),
    ("ENCLS[EEXTEND]", READ, "RcxNotEpc PageInvalid PageTypeInvalid"),
    ("ENCLS[EEXTEND]", GP, "RbxUnaligned RcxUnaligned PageOfOther AlreadyInitialised"),
    ("ENCLS[EEXTEND]", GP, "PageConflict MeasurementConflict"),
    // EINIT: faults for its operands, codes for what it is given
    ("ENCLS[EINIT]", GP, "RbxUnaligned RcxUnaligned RdxUnaligned AlreadyInitialised"),
    ("ENCLS[EINIT]", GP, "SecsConflict MeasurementConflict"),
    ("ENCLS[EINIT]", WRITE, "RcxNotEpc SecsInvalid SecsNotSecs"),
    ("ENCLS[EINIT]", "SGX_INVALID_SIG_STRUCT (1), ZF", "HeaderInvalid VendorInvalid Header2Invalid"),
    ("ENCLS[EINIT]", "SGX_INVALID_SIG_STRUCT (1), ZF", "ExponentInvalid SigstructReserved FamilyWithoutKss"),
    ("ENCLS[EINIT]", "SGX_UNMASKED_EVENT (128), ZF", "EventPending"),
    ("ENCLS[EINIT]", "SGX_INVALID_SIGNATURE (8), ZF", "SignatureNotBelowModulus Q1TooLarge Q1TooSmall"),
    ("ENCLS[EINIT]", "SGX_INVALID_SIGNATURE (8), ZF", "Q2TooLarge Q2TooSmall SignatureOfOtherKey"),
    ("ENCLS[EINIT]", "SGX_INVALID_SIGNATURE (8), ZF", "SignatureOfOtherContents"),
    ("ENCLS[EINIT]", "SGX_INVALID_MEASUREMENT (4), ZF", "MeasurementMismatch TokenMrenclave TokenMrsigner"),
    ("ENCLS[EINIT]", "SGX_INVALID_ATTRIBUTE (2), ZF", "EinittokenkeyForbidden FlagsMismatch XfrmMismatch"),
    ("ENCLS[EINIT]", "SGX_INVALID_ATTRIBUTE (2), ZF", "MiscselectMismatch CetMismatch TokenAttributes"),
    ("ENCLS[EINIT]", "SGX_INVALID_EINITTOKEN (16), ZF", "SignerNotTrusted TokenDebug TokenReserved TokenMac"),
    ("ENCLS[EINIT]", "SGX_INVALID_CPUSVN (32), ZF", "TokenCpusvn"),
    // EREMOVE and EPA
    ("ENCLS[EREMOVE]", GP, "RcxUnaligned PageConflict"),
    ("ENCLS[EREMOVE]", WRITE, "RcxNotEpc"),
    ("ENCLS[EREMOVE]", "SGX_CHILD_PRESENT (13), ZF", "ChildPresent VirtualChildPresent"),
    ("ENCLS[EREMOVE]", "SGX_ENCLAVE_ACT (14), ZF", "EnclaveActive"),
    ("ENCLS[EPA]", GP, "RbxNotVa RcxUnaligned PageConflict"),
    ("ENCLS[EPA]", WRITE, "RcxNotEpc PageValid"),
    // debugging
    ("ENCLS[EDBGRD]", GP, "PageConflict RcxUnaligned TcsLimit NotDebug"),
    ("ENCLS[EDBGRD]", READ, "RcxNotEpc PageInvalid PageTypeInvalid"),
    ("ENCLS[EDBGRD]", "SGX_PAGE_NOT_DEBUGGABLE (21), ZF", "PageNotDebuggable"),
    ("ENCLS[EDBGWR]", GP, "PageConflict RcxUnaligned TcsNotFlags NotDebug"),
    ("ENCLS[EDBGWR]", WRITE, "RcxNotEpc PageInvalid PageTypeInvalid"),
    ("ENCLS[EDBGWR]", "SGX_PAGE_NOT_DEBUGGABLE (21), ZF", "PageNotDebuggable"),
    // changes of initialised enclaves: faults for EAUG and for operands, codes for the state of a page
    ("ENCLS[EAUG]", GP, "RbxUnaligned RcxUnaligned SecinfoUnaligned SecsUnaligned LinaddrUnaligned"),
    (
        "ENCLS[EAUG]",
        GP,
        "SrcpgeNonZero SecinfoNonZero PageConflict SecsConflict NotInitialised LinaddrOutside",
    ),
    ("ENCLS[EAUG]", WRITE, "RcxNotEpc SecsNotEpc PageValid SecsInvalid SecsNotSecs"),
    ("ENCLS[EMODPR]", GP, "RbxUnaligned RcxUnaligned SecinfoReserved WriteWithoutRead PageConflict"),
    ("ENCLS[EMODPR]", GP, "NotInitialised"),
    ("ENCLS[EMODPR]", WRITE, "RcxNotEpc PageInvalid PageTypeInvalid"),
    ("ENCLS[EMODPR]", "SGX_EPC_PAGE_CONFLICT (7), ZF", "Sgx2Conflict"),
    ("ENCLS[EMODPR]", "SGX_PAGE_NOT_MODIFIABLE (20), ZF", "PageNotModifiable"),
    ("ENCLS[EMODT]", GP, "RbxUnaligned RcxUnaligned SecinfoReserved TypeNotGranted NotInitialised"),
    ("ENCLS[EMODT]", WRITE, "RcxNotEpc PageInvalid PageTypeInvalid"),
    ("ENCLS[EMODT]", "SGX_EPC_PAGE_CONFLICT (7), ZF", "PageConflict Sgx2Conflict"),
    ("ENCLS[EMODT]", "SGX_PAGE_NOT_MODIFIABLE (20), ZF", "PageNotModifiable"),
    // paging: what is as it should be already is told by CF, failures by ZF
    ("ENCLS[EBLOCK]", GP, "RcxUnaligned"),
    ("ENCLS[EBLOCK]", WRITE, "RcxNotEpc"),
    ("ENCLS[EBLOCK]", "SGX_EPC_PAGE_CONFLICT (7), ZF", "PageConflict"),
    ("ENCLS[EBLOCK]", "SGX_PG_INVLD (6), ZF", "PageInvalid"),
    ("ENCLS[EBLOCK]", "SGX_ENTRYEPOCH_LOCKED (15), ZF", "TrackingConflict"),
    ("ENCLS[EBLOCK]", "SGX_PG_IS_SECS (18), CF", "PageIsSecs"),
    ("ENCLS[EBLOCK]", "SGX_NOTBLOCKABLE (5), CF", "PageIsVa"),
    ("ENCLS[EBLOCK]", "SGX_BLKSTATE (3), CF", "PageBlocked"),
    ("ENCLS[ETRACK]", GP, "RcxUnaligned SecsConflict TrackingConflict"),
    ("ENCLS[ETRACK]", WRITE, "RcxNotEpc SecsInvalid SecsNotSecs"),
    ("ENCLS[ETRACK]", "SGX_PREV_TRK_INCMPL (17), ZF", "PreviousIncomplete"),
    ("ENCLS[ETRACKC]", GP, "RcxUnaligned"),
    ("ENCLS[ETRACKC]", WRITE, "RcxNotEpc"),
    ("ENCLS[ETRACKC]", "SGX_EPC_PAGE_CONFLICT (7), ZF", "PageConflict TrackingConflict"),
    ("ENCLS[ETRACKC]", "SGX_PG_INVLD (6), ZF", "PageInvalid"),
    ("ENCLS[ETRACKC]", "SGX_PREV_TRK_INCMPL (17), ZF", "PreviousIncomplete"),
    ("ENCLS[ETRACKC]", "SGX_TRACK_NOT_REQUIRED (27), CF", "PageIsVa"),
    ("ENCLS[EWB]", GP, "RbxUnaligned RcxUnaligned RdxUnaligned SlotInPage LinaddrNonZero SecsNonZero"),
    ("ENCLS[EWB]", GP, "PcmdUnaligned SrcpgeUnaligned PageConflict VaConflict"),
    ("ENCLS[EWB]", WRITE, "RcxNotEpc RdxNotEpc PageInvalid VaInvalid VaNotVa SrcpgeInEpc PcmdInEpc"),
    ("ENCLS[EWB]", "SGX_PAGE_NOT_BLOCKED (10), ZF", "PageNotBlocked"),
    ("ENCLS[EWB]", "SGX_NOT_TRACKED (11), ZF", "NotTracked"),
    ("ENCLS[EWB]", "SGX_CHILD_PRESENT (13), ZF", "ChildPresent VirtualChildPresent"),
    ("ENCLS[EWB]", "SGX_VA_SLOT_OCCUPIED (12), CF", "SlotOccupied"),
    ("ENCLS[ELDB]", GP, "RbxUnaligned RcxUnaligned RdxUnaligned PcmdUnaligned SrcpgeUnaligned"),
    ("ENCLS[ELDB]", GP, "SecsUnaligned SecsNonZero"),
    ("ENCLS[ELDB]", GP, "PageConflict VaConflict SecsConflict"),
    ("ENCLS[ELDB]", WRITE, "RcxNotEpc RdxNotEpc PageValid VaInvalid VaNotVa"),
    ("ENCLS[ELDB]", WRITE, "SecsNotEpc SecsInvalid SecsNotSecs"),
    ("ENCLS[ELDB]", "SGX_MAC_COMPARE_FAIL (9), ZF", "MacMismatch"),
    ("ENCLS[ELDU]", GP, "RbxUnaligned RcxUnaligned RdxUnaligned PcmdUnaligned SrcpgeUnaligned"),
    ("ENCLS[ELDU]", GP, "SecsUnaligned SecsNonZero"),
    ("ENCLS[ELDU]", GP, "PageConflict VaConflict SecsConflict"),
    ("ENCLS[ELDU]", WRITE, "RcxNotEpc RdxNotEpc PageValid VaInvalid VaNotVa"),
    ("ENCLS[ELDU]", WRITE, "SecsNotEpc SecsInvalid SecsNotSecs"),
    ("ENCLS[ELDU]", "SGX_MAC_COMPARE_FAIL (9), ZF", "MacMismatch"),
    ("ENCLS[ELDBC]", GP, "RbxUnaligned RcxUnaligned RdxUnaligned PcmdUnaligned SrcpgeUnaligned"),
    ("ENCLS[ELDBC]", GP, "SecsUnaligned SecsNonZero"),
    ("ENCLS[ELDBC]", "SGX_EPC_PAGE_CONFLICT (7), ZF", "PageConflict VaConflict SecsConflict"),
    ("ENCLS[ELDBC]", WRITE, "RcxNotEpc RdxNotEpc PageValid VaInvalid VaNotVa"),
    ("ENCLS[ELDBC]", WRITE, "SecsNotEpc SecsInvalid SecsNotSecs"),
    ("ENCLS[ELDBC]", "SGX_MAC_COMPARE_FAIL (9), ZF", "MacMismatch"),
    ("ENCLS[ELDUC]", GP, "RbxUnaligned RcxUnaligned RdxUnaligned PcmdUnaligned SrcpgeUnaligned"),
    ("ENCLS[ELDUC]", GP, "SecsUnaligned SecsNonZero"),
    ("ENCLS[ELDUC]", "SGX_EPC_PAGE_CONFLICT (7), ZF", "PageConflict VaConflict SecsConflict"),
    ("ENCLS[ELDUC]", WRITE, "RcxNotEpc RdxNotEpc PageValid VaInvalid VaNotVa"),
    ("ENCLS[ELDUC]", WRITE, "SecsNotEpc SecsInvalid SecsNotSecs"),
    ("ENCLS[ELDUC]", "SGX_MAC_COMPARE_FAIL (9), ZF", "MacMismatch"),
    // ERDINFO: what keeps it from telling is information, too
    ("ENCLS[ERDINFO]", GP, "RbxUnaligned RcxUnaligned"),
    ("ENCLS[ERDINFO]", "SGX_PG_NONEPC (26), CF", "RcxNotEpc"),
    ("ENCLS[ERDINFO]", "SGX_PG_INVLD (6), CF", "PageInvalid"),
    ("ENCLS[ERDINFO]", "SGX_EPC_PAGE_CONFLICT (7), ZF", "PageConflict"),
    // EUPDATESVN: codes only, and one of them is no failure
    ("ENCLS[EUPDATESVN]", "SGX_EPC_PAGE_CONFLICT (7), ZF", "EpcConflict"),
    ("ENCLS[EUPDATESVN]", "SGX_EPC_NOT_READY (30), ZF", "PageInUse"),
    ("ENCLS[EUPDATESVN]", "SGX_INSUFFICIENT_ENTROPY (29), ZF", "EntropyMissing"),
    ("ENCLS[EUPDATESVN]", "SGX_NO_UPDATE (31), CF", "CpusvnUnchanged"),
    // entries and exits: the EPCM faults, all else is #GP
    ("ENCLU[EENTER]", GP, "RbxUnaligned RbxNotCanonical AepNotCanonical OssaUnaligned OfsbaseUnaligned"),
    ("ENCLU[EENTER]", GP, "OgsbaseUnaligned FlagsReserved NotInitialised ModeMismatch XfrmNotEnabled"),
    ("ENCLU[EENTER]", GP, "CssaNotBelowNssa SsaNotCanonical EntryNotCanonical FsbaseNotCanonical"),
    ("ENCLU[EENTER]", GP, "TcsConflict AexnotifyMismatch"),
    ("ENCLU[EENTER]", GP, "GsbaseNotCanonical TcsActive"),
    ("ENCLU[EENTER]", WRITE, "RbxNotEpc TcsInvalid TcsBlocked TcsAddress TcsNotTcs TcsPending TcsModified"),
    ("ENCLU[EENTER]", WRITE, "SsaNotEpc SsaInvalid SsaBlocked SsaNotReg SsaForeign SsaPending SsaModified"),
    ("ENCLU[EENTER]", WRITE, "SsaAddress SsaRights"),
    ("ENCLU[ERESUME]", GP, "RbxUnaligned RbxNotCanonical AepNotCanonical OssaUnaligned OfsbaseUnaligned"),
    ("ENCLU[ERESUME]", GP, "OgsbaseUnaligned FlagsReserved NotInitialised ModeMismatch XfrmNotEnabled"),
    ("ENCLU[ERESUME]", GP, "CssaZero SsaNotCanonical RipNotCanonical FsbaseNotCanonical GsbaseNotCanonical"),
    ("ENCLU[ERESUME]", GP, "TcsConflict AexnotifyMismatch HandlerCssaNotBelowNssa HandlerSsaNotCanonical"),
    ("ENCLU[ERESUME]", GP, "HandlerEntryNotCanonical HandlerFsbaseNotCanonical HandlerGsbaseNotCanonical"),
    ("ENCLU[ERESUME]", WRITE, "HandlerSsaNotEpc HandlerSsaInvalid HandlerSsaBlocked HandlerSsaNotReg"),
    ("ENCLU[ERESUME]", WRITE, "HandlerSsaForeign HandlerSsaPending HandlerSsaModified HandlerSsaAddress"),
    ("ENCLU[ERESUME]", WRITE, "HandlerSsaRights"),
    ("ENCLU[ERESUME]", GP, "TcsActive XstateBvOutsideXfrm XsaveHeaderReserved MxcsrReserved"),
    ("ENCLU[ERESUME]", WRITE, "RbxNotEpc TcsInvalid TcsBlocked TcsAddress TcsNotTcs TcsPending TcsModified"),
    ("ENCLU[ERESUME]", WRITE, "SsaNotEpc SsaInvalid SsaBlocked SsaNotReg SsaForeign SsaPending SsaModified"),
    ("ENCLU[ERESUME]", WRITE, "SsaAddress SsaRights"),
    ("ENCLU[EEXIT]", GP, "RbxNotCanonical"),
    // reports: faults only
    ("ENCLU[EREPORT]", GP, "TargetinfoUnaligned TargetinfoOutside TargetinfoReserved ReportdataUnaligned"),
    ("ENCLU[EREPORT]", GP, "ReportdataOutside OutputUnaligned OutputOutside"),
    ("ENCLU[EREPORT]", READ, "TargetinfoNotEpc TargetinfoInvalid TargetinfoBlocked TargetinfoNotReg"),
    ("ENCLU[EREPORT]", READ, "TargetinfoForeign TargetinfoPending TargetinfoModified TargetinfoAddress"),
    ("ENCLU[EREPORT]", READ, "TargetinfoRights ReportdataNotEpc ReportdataInvalid ReportdataBlocked"),
    ("ENCLU[EREPORT]", READ, "ReportdataNotReg ReportdataForeign ReportdataPending ReportdataModified"),
    ("ENCLU[EREPORT]", READ, "ReportdataAddress ReportdataRights"),
    ("ENCLU[EREPORT]", WRITE, "OutputNotEpc OutputInvalid OutputBlocked OutputNotReg OutputForeign"),
    ("ENCLU[EREPORT]", WRITE, "OutputPending OutputModified OutputAddress OutputRights"),
    // keys: faults for operands and form, codes for what is asked
    ("ENCLU[EGETKEY]", GP, "KeyrequestUnaligned KeyrequestOutside OutputUnaligned OutputOutside"),
    ("ENCLU[EGETKEY]", GP, "KeyrequestReserved KeypolicyReserved KeypolicyWithoutKss ConfigsvnWithoutKss"),
    ("ENCLU[EGETKEY]", READ, "KeyrequestNotEpc KeyrequestInvalid KeyrequestBlocked KeyrequestNotReg"),
    ("ENCLU[EGETKEY]", READ, "KeyrequestForeign KeyrequestPending KeyrequestModified KeyrequestAddress"),
    ("ENCLU[EGETKEY]", READ, "KeyrequestRights"),
    ("ENCLU[EGETKEY]", WRITE, "OutputNotEpc OutputInvalid OutputBlocked OutputNotReg OutputForeign"),
    ("ENCLU[EGETKEY]", WRITE, "OutputPending OutputModified OutputAddress OutputRights"),
    ("ENCLU[EGETKEY]", "SGX_INVALID_KEYNAME (256), ZF", "KeynameUnknown"),
    ("ENCLU[EGETKEY]", "SGX_INVALID_ATTRIBUTE (2), ZF", "EinittokenkeyMissing ProvisionkeyMissing"),
    ("ENCLU[EGETKEY]", "SGX_INVALID_CPUSVN (32), ZF", "CpusvnBeyond"),
    ("ENCLU[EGETKEY]", "SGX_INVALID_ISVSVN (64), ZF", "IsvsvnBeyond ConfigsvnBeyond"),
    // consent: faults for operands, codes where kernel and enclave disagree about a page
    ("ENCLU[EACCEPT]", GP, "SecinfoUnaligned SecinfoOutside SecinfoReserved PageUnaligned PageOutside"),
    ("ENCLU[EACCEPT]", GP, "RequestIllegal PageConflict Sgx2Conflict TcsReserved TcsDbgoptin"),
    ("ENCLU[EACCEPT]", GP, "TcsCssaNotBelowNssa TcsAepNonZero TcsActive"),
    ("ENCLU[EACCEPT]", READ, "SecinfoNotEpc SecinfoInvalid SecinfoBlocked SecinfoNotReg SecinfoForeign"),
    ("ENCLU[EACCEPT]", READ, "SecinfoPending SecinfoModified SecinfoAddress SecinfoRights PageNotEpc"),
    ("ENCLU[EACCEPT]", READ, "PageInvalid PageBlocked PageTypeInvalid PageForeign"),
    ("ENCLU[EACCEPT]", MISMATCH, "AddressMismatch PendingMismatch ModifiedMismatch ReadMismatch"),
    ("ENCLU[EACCEPT]", MISMATCH, "WriteMismatch ExecuteMismatch TypeMismatch"),
    ("ENCLU[EACCEPT]", "SGX_NOT_TRACKED (11), ZF", "NotTracked"),
    ("ENCLU[EACCEPTCOPY]", GP, "SecinfoUnaligned TargetUnaligned SourceUnaligned SecinfoOutside"),
    ("ENCLU[EACCEPTCOPY]", GP, "TargetOutside SourceOutside SecinfoReserved WriteWithoutRead"),
    ("ENCLU[EACCEPTCOPY]", GP, "SecinfoTypeNotReg TargetConflict"),
    ("ENCLU[EACCEPTCOPY]", READ, "SecinfoNotEpc SecinfoInvalid SecinfoBlocked SecinfoNotReg SecinfoForeign"),
    ("ENCLU[EACCEPTCOPY]", READ, "SecinfoPending SecinfoModified SecinfoAddress SecinfoRights"),
    ("ENCLU[EACCEPTCOPY]", READ, "SourceNotEpc SourceInvalid SourceBlocked SourceNotReg SourceForeign"),
    ("ENCLU[EACCEPTCOPY]", READ, "SourcePending SourceModified SourceAddress SourceRights"),
    ("ENCLU[EACCEPTCOPY]", WRITE, "TargetNotEpc"),
    ("ENCLU[EACCEPTCOPY]", MISMATCH, "TargetInvalid TargetNotPending TargetModified TargetBlocked"),
    ("ENCLU[EACCEPTCOPY]", MISMATCH, "TargetNotReg TargetForeign TargetNotReadable TargetNotWritable"),
    ("ENCLU[EACCEPTCOPY]", MISMATCH, "TargetExecutable TargetAddress"),
    ("ENCLU[EMODPE]", GP, "SecinfoUnaligned PageUnaligned SecinfoOutside PageOutside SecinfoReserved"),
    ("ENCLU[EMODPE]", GP, "PageConflict WriteWithoutRead"),
    ("ENCLU[EMODPE]", READ, "SecinfoNotEpc SecinfoInvalid SecinfoBlocked SecinfoNotReg SecinfoForeign"),
    ("ENCLU[EMODPE]", READ, "SecinfoPending SecinfoModified SecinfoAddress SecinfoRights PageNotEpc"),
    ("ENCLU[EMODPE]", READ, "PageInvalid PageBlocked PageNotReg PageForeign PagePending PageModified"),
    ("ENCLU[EMODPE]", READ, "PageAddress"),
    ("ENCLU[EDECCSSA]", GP, "TcsConflict CssaZero SsaNotCanonical"),
    ("ENCLU[EDECCSSA]", WRITE, "SsaNotEpc SsaInvalid SsaBlocked SsaNotReg SsaForeign SsaPending"),
    ("ENCLU[EDECCSSA]", WRITE, "SsaModified SsaAddress SsaRights"),
    // a hypervisor's leaves: faults for operands, codes for conflicts and the counter
    ("ENCLV", "#UD", "NotEnumerated"),
    ("ENCLV", GP, "LeafUnknown"),
    ("ENCLV[EDECVIRTCHILD]", GP, "RbxUnaligned PageOfOther"),
    ("ENCLV[EDECVIRTCHILD]", WRITE, "RbxNotEpc RcxNotEpc PageInvalid PageTypeInvalid"),
    ("ENCLV[EDECVIRTCHILD]", "SGX_EPC_PAGE_CONFLICT (7), ZF", "PageConflict"),
    ("ENCLV[EDECVIRTCHILD]", "SGX_INVALID_COUNTER (25), ZF", "CounterZero"),
    ("ENCLV[EINCVIRTCHILD]", GP, "RbxUnaligned PageOfOther"),
    ("ENCLV[EINCVIRTCHILD]", WRITE, "RbxNotEpc RcxNotEpc PageInvalid PageTypeInvalid"),
    ("ENCLV[EINCVIRTCHILD]", "SGX_EPC_PAGE_CONFLICT (7), ZF", "PageConflict"),
    ("ENCLV[ESETCONTEXT]", GP, "RcxUnaligned RdxUnaligned"),
    ("ENCLV[ESETCONTEXT]", WRITE, "RcxNotEpc PageInvalid PageNotSecs"),
    ("ENCLV[ESETCONTEXT]", "SGX_EPC_PAGE_CONFLICT (7), ZF", "PageConflict"),
];

#[test]
fn every_check_has_the_outcome_of_the_manual() {
    let mut expected = BTreeMap::new();
    for (leaf, outcome, names) in TABLE {
        for name in names.split_whitespace() {
            let before = expected.insert(((*leaf).to_owned(), name.to_owned()), (*outcome).to_owned());
            assert_eq!(before, None, "{leaf} {name} stands here twice");
        }
    }
    let declared: BTreeMap<_, _> = Cause::all()
        .map(|cause| ((cause.leaf().to_string(), cause.name().to_owned()), cause.outcome().to_string()))
        .collect();
    for (check, outcome) in &declared {
        assert_eq!(expected.get(check), Some(outcome), "{check:?}");
    }
    assert_eq!(expected.len(), declared.len(), "checks that no leaf has");
}
