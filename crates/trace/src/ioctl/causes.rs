//! The table: variant, errno, sentence.

use super::{Answer, Call};
use crate::errno::Errno;

macro_rules! call_causes {
    ($($(#[$meta:meta])* $group:ident($name:ident) of $call:ident {
        $($variant:ident: $answer:ident, $text:literal;)+
    })+) => {
        $(
            $(#[$meta])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
            pub enum $name {
                $(#[doc = $text] $variant,)+
            }

            impl $name {
                /// Every cause, in the order of the checks.
                pub const ALL: &[Self] = &[$(Self::$variant),+];

                /// The variant's name.
                #[must_use]
                pub const fn name(self) -> &'static str {
                    match self { $(Self::$variant => stringify!($variant)),+ }
                }

                /// What failed, as a sentence without a full stop.
                #[must_use]
                pub const fn text(self) -> &'static str {
                    match self { $(Self::$variant => $text),+ }
                }

                /// What the caller gets.
                #[must_use]
                pub const fn answer(self) -> Answer {
                    match self { $(Self::$variant => call_causes!(@answer $answer)),+ }
                }
            }

            impl From<$name> for IoctlCause {
                fn from(cause: $name) -> Self { Self::$group(cause) }
            }
        )+

        /// A failing check of any call that the driver answers.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum IoctlCause {
            $(#[doc = concat!("See [`", stringify!($name), "`].")] $group($name),)+
        }

        impl IoctlCause {
            /// Every cause of every call.
            pub fn all() -> impl Iterator<Item = Self> {
                std::iter::empty()$(.chain($name::ALL.iter().copied().map(Self::$group)))+
            }

            /// The call that checks.
            #[must_use]
            pub const fn call(self) -> Call {
                match self { $(Self::$group(_) => Call::$call),+ }
            }

            /// The name of the check, unique within the call.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$group(cause) => cause.name()),+ }
            }

            /// What failed, as a sentence without a full stop.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$group(cause) => cause.text()),+ }
            }

            /// What the caller gets.
            #[must_use]
            pub const fn answer(self) -> Answer {
                match self { $(Self::$group(cause) => cause.answer()),+ }
            }
        }
    };
    (@answer Restart) => { Answer::Restart };
    (@answer $errno:ident) => { Answer::Errno(Errno::$errno) };
}

call_causes! {
    /// Why an ioctl fails before any of its own checks.
    Prologue(PrologueCause) of Ioctl {
        Busy: Ebusy, "another ioctl on this enclave is in progress";
        UnknownCommand: Enotty, "the driver has no ioctl with this number";
        NoSgx2: Enodev, "the processor has no SGX2 leaves";
    }

    /// Why CREATE fails.
    Create(CreateCause) of Create {
        AlreadyCreated: Einval, "the enclave of this file is already created";
        ArgumentUnreadable: Efault, "the argument structure is not readable";
        SecsUnreadable: Efault, "the SECS is not readable";
        SizeNotPowerOfTwo: Einval, "SECS.SIZE is not a power of two";
        NoEpcForVa: Enomem, "the EPC has no page left for a version array";
        EpaFaulted: Efault, "EPA faulted";
        BackingTooLarge: Einval, "the backing storage of the enclave exceeds the largest file";
        NoEpcForSecs: Enomem, "the EPC has no page left for the SECS";
        EcreateFaulted: Eio, "ECREATE faulted: the processor refuses this SECS";
    }

    /// Why ADD_PAGES fails.
    AddPages(AddPagesCause) of AddPages {
        NotCreated: Einval, "the enclave is not created";
        AlreadyInitialised: Einval, "the enclave is already initialised";
        ArgumentUnreadable: Efault, "the argument structure is not readable";
        SourceUnaligned: Einval, "src is not page-aligned";
        OffsetUnaligned: Einval, "offset is not page-aligned";
        LengthZero: Einval, "length is zero";
        LengthUnaligned: Einval, "length is not a multiple of a page";
        RangeWraps: Einval, "offset + length exceeds 64 bits";
        RangeOutside: Einval, "the range does not lie in the enclave";
        SecinfoUnreadable: Efault, "the SECINFO is not readable";
        PageTypeInvalid: Einval, "SECINFO.PAGE_TYPE is neither PT_REG nor PT_TCS";
        WriteWithoutRead: Einval, "SECINFO asks for W without R";
        TcsWithRights: Einval, "SECINFO asks for rights on a TCS";
        SecinfoReservedFlag: Einval, "SECINFO.FLAGS has a bit besides R, W, X and the page type";
        SecinfoReserved: Einval, "a reserved byte of SECINFO is set";
        SignalPending: Restart, "a signal is pending and no page has been added yet";
        NoEpc: Enomem, "the EPC has no page left for the page";
        NoEpcForVa: Enomem, "the EPC has no page left for a version array";
        EpaFaulted: Efault, "EPA faulted";
        PagePresent: Ebusy, "the enclave already has a page at this offset";
        SourceUnmapped: Efault, "no mapping lies at or above the source page";
        SourceNoExec: Eacces, "the source page comes from a mapping that may never be executable (noexec mount)";
        SourceUnreadable: Efault, "the source page cannot be read";
        EaddFaulted: Eio, "EADD faulted: the processor refuses this page";
        EextendFaulted: Eio, "EEXTEND faulted";
        CountUnwritable: Efault, "the argument structure is not writable";
    }

    /// Why INIT fails.
    Init(InitCause) of Init {
        NotCreated: Einval, "the enclave is not created";
        AlreadyInitialised: Einval, "the enclave is already initialised";
        ArgumentUnreadable: Efault, "the argument structure is not readable";
        SigstructUnreadable: Efault, "the SIGSTRUCT is not readable";
        VendorUnknown: Einval, "SIGSTRUCT.VENDOR is neither 0 nor 8086H";
        AttributeNotPermitted: Eacces, "ATTRIBUTES has a bit that this file was not given: PROVISIONKEY needs the PROVISION ioctl after CREATE, EINITTOKENKEY is never given";
        AttributesUnsupported: Einval, "SIGSTRUCT enforces an attribute that is reserved or that the processor lacks";
        MiscselectUnsupported: Einval, "SIGSTRUCT enforces a MISCSELECT bit that is reserved or that the processor lacks";
        XfrmUnsupported: Einval, "SIGSTRUCT enforces an XFRM bit that the processor lacks";
        SignalPending: Restart, "a signal is pending between two rounds of EINIT";
        EinitFaulted: Eio, "EINIT faulted";
        EinitRefused: Eperm, "EINIT returned an error code";
    }

    /// Why PROVISION fails.
    Provision(ProvisionCause) of Provision {
        ArgumentUnreadable: Efault, "the argument structure is not readable";
        NotProvisionFile: Einval, "fd is not an open file of the provision node";
    }

    /// Why a mapping of an enclave file, or a change of its rights or place, fails.
    Map(MapCause) of Map {
        Private: Einval, "enclave memory cannot be mapped MAP_PRIVATE";
        OutsideElrange: Eacces, "the enclave is initialised and the range does not lie in it";
        ReadImpliesExec: Eacces, "the process runs with personality READ_IMPLIES_EXEC";
        ExceedsPageRights: Eacces, "the rights exceed those that a page in the range was added with";
        Grows: Efault, "a mapping of an enclave cannot grow";
        DontUnmap: Einval, "a mapping of an enclave cannot be moved with MREMAP_DONTUNMAP";
    }
}
