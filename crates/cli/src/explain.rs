//! `anyclave explain`: error codes, leaves, causes, ioctls and page-fault codes in plain words.

mod index;
mod near;
mod number;

use std::process::ExitCode;

use anyclave_trace::ioctl::Call;

use crate::say;
use index::Entry;

/// Say what an SGX error code, leaf, cause, ioctl, errno or page-fault error code means
///
/// Names are known in capitals and small letters, with the prefix SGX_ or SGX_IOC_ENCLAVE_ or without; numbers
/// as 16, 0x10 or 10H. An ioctl, or mmap, followed by an errno lists the checks that answer it. ENCLS and
/// ENCLU are what comes before any leaf.
#[derive(clap::Args)]
pub(crate) struct Explain {
    /// Such as 16, SGX_INVALID_SIGNATURE, EINIT, XfrmUnsupported, ADD_PAGES, INIT EPERM, 0x8007
    #[arg(required = true, value_name = "WORD")]
    word: Vec<String>,
}

impl Explain {
    /// Explains each word, if all are known.
    pub(crate) fn execute(self) -> ExitCode {
        match text(&self.word) {
            Ok(text) => say::data(&text),
            Err(unknown) => {
                for Unknown { word, near } in unknown {
                    match near.as_slice() {
                        [] => say::error(format_args!("nothing here is called '{word}'")),
                        _ => say::error(format_args!(
                            "nothing here is called '{word}'; is it {}?",
                            near.join(" or ")
                        )),
                    }
                }
                ExitCode::FAILURE
            }
        }
    }
}

/// A word that means nothing, and words like it.
#[derive(Debug, PartialEq, Eq)]
struct Unknown {
    word: String,
    near: Vec<&'static str>,
}

fn text(words: &[String]) -> Result<String, Vec<Unknown>> {
    let mut paragraphs = Vec::new();
    let mut unknown = Vec::new();
    let mut words = words.iter().peekable();
    while let Some(word) = words.next() {
        // An ioctl and an errno belong together.
        if let Some(call) = index::call(word)
            && let Some(answer) = words.peek().and_then(|next| index::answer(next))
        {
            words.next();
            paragraphs.push(index::call_with_answer(call, answer));
            continue;
        }
        let entries = lookup(word);
        if entries.is_empty() {
            unknown.push(Unknown { word: word.clone(), near: near::matches(word, &index::names()) });
        }
        paragraphs.extend(entries.into_iter().map(Entry::text));
    }
    if unknown.is_empty() { Ok(paragraphs.join("\n")) } else { Err(unknown) }
}

/// Everything that a word means.
fn lookup(word: &str) -> Vec<Entry> {
    match number::parse(word) {
        Some(number) => number::meanings(number),
        None => index::meanings(word),
    }
}

/// What the ioctls have in common in the kernel's header.
const IOCTL_PREFIX: &str = "SGX_IOC_ENCLAVE_";

/// The number of an ioctl.
const fn command(call: Call) -> Option<u32> {
    use anyclave_driver::abi;
    match call {
        Call::Create => Some(abi::ENCLAVE_CREATE),
        Call::AddPages => Some(abi::ENCLAVE_ADD_PAGES),
        Call::Init => Some(abi::ENCLAVE_INIT),
        Call::Provision => Some(abi::ENCLAVE_PROVISION),
        Call::Ioctl | Call::Map => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explain(words: &[&str]) -> Result<String, Vec<Unknown>> {
        text(&words.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn codes_by_number_and_name_are_the_same() {
        let by_number = explain(&["16"]).unwrap();
        assert!(by_number.contains("SGX_INVALID_EINITTOKEN"));
        assert_eq!(explain(&["SGX_INVALID_EINITTOKEN"]).unwrap(), by_number);
        assert_eq!(explain(&["invalid_einittoken"]).unwrap(), by_number);
    }

    #[test]
    fn a_leaf_lists_its_checks_in_order() {
        let text = explain(&["ecreate"]).unwrap();
        assert!(text.contains("ENCLS[ECREATE], leaf 0"));
        let [first, second] = ["RbxUnaligned", "RcxUnaligned"].map(|name| text.find(name).unwrap());
        assert!(first < second);
        assert!(text.contains("#GP(0)"));
    }

    #[test]
    fn a_cause_names_its_leaf_and_outcome() {
        let text = explain(&["SizeNotPowerOfTwo"]).unwrap();
        assert!(text.contains("ECREATE") && text.contains("#GP(0)"));
        // The driver has a check of the same name.
        assert!(text.contains("CREATE: EINVAL"));
    }

    #[test]
    fn an_ioctl_with_an_errno_lists_what_answers_it() {
        let text = explain(&["INIT", "EPERM"]).unwrap();
        assert!(text.contains("EinitRefused"));
        assert!(!text.contains("EACCES"));
        assert_eq!(explain(&["SGX_IOC_ENCLAVE_INIT", "1"]).unwrap(), text);
        assert!(explain(&["INIT", "ENOMEM"]).unwrap().contains("never"));
    }

    #[test]
    fn an_interrupted_call_is_explained_by_what_programs_see() {
        let text = explain(&["INIT", "EINTR"]).unwrap();
        assert!(text.contains("EINTR (4)") && text.contains("SignalPending"), "{text}");
        assert_eq!(explain(&["INIT", "4"]).unwrap(), text);
        assert!(explain(&["ERESTARTSYS"]).unwrap().contains("INIT SignalPending"));
    }

    #[test]
    fn no_error_has_a_name_too() {
        assert!(explain(&["0"]).unwrap().contains("SGX_SUCCESS"));
        assert_eq!(explain(&["success"]).unwrap(), explain(&["0"]).unwrap());
    }

    #[test]
    fn an_ioctl_has_its_number() {
        for word in ["ADD_PAGES", "add_pages", "0xc030a401", "C030A401H"] {
            let text = explain(&[word]).unwrap();
            assert!(text.contains("0xc030a401"), "{word}: {text}");
            assert!(text.contains("SourceUnaligned"));
        }
    }

    #[test]
    fn page_fault_codes_are_taken_apart() {
        let text = explain(&["0x8007"]).unwrap();
        for word in ["present", "write", "user mode", "EPCM"] {
            assert!(text.contains(word), "{word}: {text}");
        }
        assert_eq!(explain(&["8007H"]).unwrap(), text);
    }

    #[test]
    fn unknown_words_name_near_ones() {
        let unknown = explain(&["EINTI", "EADD", "qqqqqqqq"]).unwrap_err();
        let words: Vec<_> = unknown.iter().map(|unknown| unknown.word.as_str()).collect();
        assert_eq!(words, ["EINTI", "qqqqqqqq"]);
        assert!(unknown[0].near.contains(&"EINIT"));
        assert!(unknown[1].near.is_empty());
    }

    #[test]
    fn whatever_has_a_name_is_explained() {
        for name in index::names() {
            assert!(!lookup(name).is_empty(), "{name}");
        }
    }

    #[test]
    fn odd_words_are_unknown_and_no_more() {
        for word in ["", " ", "0x", "H", "-1", "99999999999999999999", "SGX_", "é", "#", "4294967295"] {
            assert!(explain(&[word]).is_err(), "{word:?}");
        }
    }
}
