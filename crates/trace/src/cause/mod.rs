//! Causes: one enum a leaf, one variant a failing check, in the order in which the leaf checks.

use std::fmt;

use anyclave_arch::{Leaf, SgxError};

/// What the processor makes of a failing check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// #UD.
    Ud,
    /// #GP(0).
    Gp,
    /// #PF with the SGX bit; the access was a read.
    PfRead,
    /// #PF with the SGX bit; the access was a write.
    PfWrite,
    /// The instruction completes with this code in RAX and ZF set.
    Zf(SgxError),
    /// The instruction completes with this code in RAX and CF set: informational.
    Cf(SgxError),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ud => f.write_str("#UD"),
            Self::Gp => f.write_str("#GP(0)"),
            Self::PfRead => f.write_str("#PF(SGX, read)"),
            Self::PfWrite => f.write_str("#PF(SGX, write)"),
            Self::Zf(error) => write!(f, "{} ({}), ZF", error.name(), error.code()),
            Self::Cf(error) => write!(f, "{} ({}), CF", error.name(), error.code()),
        }
    }
}

/// Declares the causes of one leaf: variant, outcome, sentence.
macro_rules! causes {
    ($(#[$meta:meta])* $name:ident of $leaf:expr; $($variant:ident: $outcome:expr, $text:literal;)+) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $(#[doc = $text] $variant,)+
        }

        impl $name {
            /// The leaf that checks.
            pub const LEAF: anyclave_arch::Leaf = $leaf;
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

            /// What the processor makes of it.
            #[must_use]
            pub const fn outcome(self) -> crate::cause::Outcome {
                #[allow(clippy::enum_glob_use, unused_imports, reason = "the table below reads as the manual does")]
                use {crate::cause::Outcome::*, anyclave_arch::SgxError::*};
                match self { $(Self::$variant => $outcome),+ }
            }
        }
    };
}

/// Gathers the enums of all leaves into [`Cause`].
macro_rules! gather {
    ($($module:ident::$name:ident as $variant:ident,)+) => {
        $(mod $module; pub use $module::$name;)+

        /// A failing check of any leaf.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Cause {
            $(#[doc = concat!("See [`", stringify!($name), "`].")] $variant($name),)+
        }

        $(impl From<$name> for Cause {
            fn from(cause: $name) -> Self { Self::$variant(cause) }
        })+

        impl Cause {
            /// Every cause of every leaf.
            pub fn all() -> impl Iterator<Item = Self> {
                std::iter::empty()$(.chain($name::ALL.iter().copied().map(Self::$variant)))+
            }

            /// The leaf that checks.
            #[must_use]
            pub const fn leaf(self) -> Leaf {
                match self { $(Self::$variant(_) => $name::LEAF),+ }
            }

            /// The name of the check, unique within the leaf.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant(cause) => cause.name()),+ }
            }

            /// What failed, as a sentence without a full stop.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$variant(cause) => cause.text()),+ }
            }

            /// What the processor makes of it.
            #[must_use]
            pub const fn outcome(self) -> Outcome {
                match self { $(Self::$variant(cause) => cause.outcome()),+ }
            }
        }
    };
}

gather! {
    encls::EnclsCause as Encls,
    ecreate::EcreateCause as Ecreate,
    eadd::EaddCause as Eadd,
    eextend::EextendCause as Eextend,
    einit::EinitCause as Einit,
    eremove::EremoveCause as Eremove,
    epa::EpaCause as Epa,
    edbgrd::EdbgrdCause as Edbgrd,
    edbgwr::EdbgwrCause as Edbgwr,
    eaug::EaugCause as Eaug,
    emodpr::EmodprCause as Emodpr,
    emodt::EmodtCause as Emodt,
    eblock::EblockCause as Eblock,
    etrack::EtrackCause as Etrack,
    etrackc::EtrackcCause as Etrackc,
    ewb::EwbCause as Ewb,
    eldb::EldbCause as Eldb,
    eldu::ElduCause as Eldu,
    eldbc::EldbcCause as Eldbc,
    elduc::ElducCause as Elduc,
    erdinfo::ErdinfoCause as Erdinfo,
    eupdatesvn::EupdatesvnCause as Eupdatesvn,
    enclu::EncluCause as Enclu,
    eenter::EenterCause as Eenter,
    eresume::EresumeCause as Eresume,
    eexit::EexitCause as Eexit,
    ereport::EreportCause as Ereport,
    egetkey::EgetkeyCause as Egetkey,
    eaccept::EacceptCause as Eaccept,
    eacceptcopy::EacceptcopyCause as Eacceptcopy,
    emodpe::EmodpeCause as Emodpe,
    edeccssa::EdeccssaCause as Edeccssa,
    enclv::EnclvCause as Enclv,
    edecvirtchild::EdecvirtchildCause as Edecvirtchild,
    eincvirtchild::EincvirtchildCause as Eincvirtchild,
    esetcontext::EsetcontextCause as Esetcontext,
}

#[cfg(test)]
mod outcomes;
#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_causes_of_a_leaf_share_name_or_text() {
        let mut names = HashSet::new();
        let mut texts = HashSet::new();
        for cause in Cause::all() {
            assert!(names.insert((cause.leaf(), cause.name())), "{cause:?}");
            assert!(texts.insert((cause.leaf(), cause.text())), "{cause:?}");
        }
    }

    #[test]
    fn texts_are_sentences_without_a_full_stop() {
        for cause in Cause::all() {
            assert!(cause.text().len() > 10 && !cause.text().ends_with('.'), "{cause:?}");
        }
    }

    #[test]
    fn outcomes_print_as_the_manual_names_them() {
        assert_eq!(Outcome::Gp.to_string(), "#GP(0)");
        assert_eq!(Outcome::Zf(SgxError::ChildPresent).to_string(), "SGX_CHILD_PRESENT (13), ZF");
        assert_eq!(Outcome::Cf(SgxError::Blkstate).to_string(), "SGX_BLKSTATE (3), CF");
    }
}
