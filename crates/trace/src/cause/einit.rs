//! Failing checks of ENCLS[EINIT].

use anyclave_arch::{Encls, Leaf};

causes! {
    /// Why EINIT fails.
    EinitCause of Leaf::Encls(Encls::Einit);
    RbxUnaligned: Gp, "SIGSTRUCT (RBX) is not page-aligned";
    RcxUnaligned: Gp, "the SECS (RCX) is not page-aligned";
    RdxUnaligned: Gp, "EINITTOKEN (RDX) is not 512-byte aligned";
    RcxNotEpc: PfWrite, "the SECS (RCX) is not in the EPC";
    HeaderInvalid: Zf(InvalidSigStruct), "SIGSTRUCT.HEADER is not the constant it must be";
    VendorInvalid: Zf(InvalidSigStruct), "SIGSTRUCT.VENDOR is neither 0 nor 8086H";
    Header2Invalid: Zf(InvalidSigStruct), "SIGSTRUCT.HEADER2 is not the constant it must be";
    ExponentInvalid: Zf(InvalidSigStruct), "SIGSTRUCT.EXPONENT is not 3";
    SigstructReserved: Zf(InvalidSigStruct), "a reserved byte of SIGSTRUCT is set";
    EventPending: Zf(UnmaskedEvent), "an event is waiting for the logical processor; EINIT may be repeated";
    SignatureNotBelowModulus: Zf(InvalidSignature), "SIGSTRUCT.SIGNATURE is not below MODULUS";
    Q1TooLarge: Zf(InvalidSignature), "SIGSTRUCT.Q1 is above the quotient of SIGNATURE squared by MODULUS";
    Q1TooSmall: Zf(InvalidSignature), "SIGSTRUCT.Q1 is below the quotient of SIGNATURE squared by MODULUS";
    Q2TooLarge: Zf(InvalidSignature), "SIGSTRUCT.Q2 is above the second quotient of the signature";
    Q2TooSmall: Zf(InvalidSignature), "SIGSTRUCT.Q2 is below the second quotient of the signature";
    SignatureOfOtherKey: Zf(InvalidSignature), "SIGSTRUCT.SIGNATURE was not made by the key of MODULUS";
    SignatureOfOtherContents: Zf(InvalidSignature), "SIGSTRUCT.SIGNATURE covers other contents";
    SecsConflict: Gp, "another processor is changing the SECS (RCX)";
    SecsInvalid: PfWrite, "the page of the SECS (RCX) is not in use";
    SecsNotSecs: PfWrite, "the page of the SECS (RCX) is not a SECS";
    AlreadyInitialised: Gp, "the enclave is already initialised";
    FamilyWithoutKss: Zf(InvalidSigStruct), "SIGSTRUCT.ISVFAMILYID is set, but ATTRIBUTES.KSS of the SECS is not";
    MeasurementConflict: Gp, "another processor is measuring the enclave";
    MeasurementMismatch: Zf(InvalidMeasurement), "the measurement of the enclave is not SIGSTRUCT.ENCLAVEHASH";
    EinittokenkeyForbidden: Zf(InvalidAttribute), "ATTRIBUTES.EINITTOKENKEY is set, but the signer is not the one of IA32_SGXLEPUBKEYHASH";
    FlagsMismatch: Zf(InvalidAttribute), "ATTRIBUTES.FLAGS of the SECS differs from SIGSTRUCT in a bit of ATTRIBUTEMASK";
    XfrmMismatch: Zf(InvalidAttribute), "ATTRIBUTES.XFRM of the SECS differs from SIGSTRUCT in a bit of ATTRIBUTEMASK";
    MiscselectMismatch: Zf(InvalidAttribute), "MISCSELECT of the SECS differs from SIGSTRUCT in a bit of MISCMASK";
    CetMismatch: Zf(InvalidAttribute), "CET_ATTRIBUTES of the SECS differs from SIGSTRUCT in a bit of CET_ATTRIBUTES_MASK";
    SignerNotTrusted: Zf(InvalidEinitToken), "EINITTOKEN is not valid, and the signer is not the one of IA32_SGXLEPUBKEYHASH";
    TokenDebug: Zf(InvalidEinitToken), "EINITTOKEN comes from a debug launch enclave, but the enclave is not debug";
    TokenReserved: Zf(InvalidEinitToken), "a reserved byte of EINITTOKEN is set";
    TokenCpusvn: Zf(InvalidCpusvn), "EINITTOKEN.CPUSVNLE is beyond the CPUSVN of the processor";
    TokenMac: Zf(InvalidEinitToken), "EINITTOKEN.MAC is not the one that the token key gives";
    TokenMrenclave: Zf(InvalidMeasurement), "EINITTOKEN.MRENCLAVE is that of another enclave";
    TokenMrsigner: Zf(InvalidMeasurement), "EINITTOKEN.MRSIGNER is that of another signer";
    TokenAttributes: Zf(InvalidAttribute), "EINITTOKEN.ATTRIBUTES is not that of the SECS";
}
