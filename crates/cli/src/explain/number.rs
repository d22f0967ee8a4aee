//! What a number may mean: an error code, an ioctl, an error code of #PF.

use std::fmt::Write as _;

use anyclave_arch::{Pfec, SgxError};
use anyclave_trace::ioctl::Call;

use super::command;
use super::index::Entry;

/// Reads 16, 0x10 or 10H.
pub(super) fn parse(word: &str) -> Option<u32> {
    let hexadecimal = word
        .strip_prefix("0x")
        .or_else(|| word.strip_prefix("0X"))
        .or_else(|| word.strip_suffix('H').or_else(|| word.strip_suffix('h')));
    let (digits, radix) = hexadecimal.map_or((word, 10), |digits| (digits, 16));
    let signed = digits.starts_with(['+', '-']);
    if signed { None } else { u32::from_str_radix(digits, radix).ok() }
}

/// Everything that a number means. Small numbers are error codes before they are page-fault codes.
pub(super) fn meanings(number: u32) -> Vec<Entry> {
    let code = SgxError::from_code(number).map(Entry::Code);
    let call = Call::ALL.into_iter().find(|call| command(*call) == Some(number)).map(Entry::Call);
    let fault = is_page_fault(number).then_some(Entry::PageFault(number));
    let success = (number == 0).then_some(Entry::Success);
    success.into_iter().chain(code).chain(call).chain(fault).collect()
}

/// The bits that an error code of #PF may have, with what they say set and clear.
const BITS: [(Pfec, &str, &str); 8] = [
    (Pfec::P, "the page was present", "the page was not present"),
    (Pfec::W, "a write", "a read"),
    (Pfec::U, "in user mode", "in supervisor mode"),
    (Pfec::RSVD, "a reserved bit was set in a paging structure", ""),
    (Pfec::I, "an instruction fetch", ""),
    (Pfec::PK, "a protection key forbade it", ""),
    (Pfec::SS, "an access to a shadow stack", ""),
    (Pfec::SGX, "the EPCM forbade it: not what the page tables say, but what the enclave page is", ""),
];

/// A code of user mode: those of the kernel are not seen by programs.
fn is_page_fault(number: u32) -> bool {
    Pfec::from_bits(number).is_some_and(|bits| bits.contains(Pfec::U))
}

/// A paragraph on an error code of #PF.
pub(super) fn page_fault(number: u32) -> String {
    let bits = Pfec::from_bits_truncate(number);
    let said = BITS.into_iter().map(|(bit, set, clear)| if bits.contains(bit) { set } else { clear });
    let mut text = format!("#PF error code {number:#x}");
    for (index, words) in said.filter(|words| !words.is_empty()).enumerate() {
        // Writing to a string cannot fail.
        let _ = write!(text, "{} {words}", if index == 0 { ":" } else { "," });
    }
    text + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_manuals_and_programs_write_them() {
        for word in ["16", "0x10", "0X10", "10H", "10h"] {
            assert_eq!(parse(word), Some(16), "{word}");
        }
        for word in ["", "0x", "H", "-1", "+1", "0x-1", "4294967296", "EINITH"] {
            assert_eq!(parse(word), None, "{word}");
        }
    }

    #[test]
    fn a_number_may_mean_two_things() {
        let meanings = meanings(7);
        assert_eq!(meanings, [Entry::Code(SgxError::EpcPageConflict), Entry::PageFault(7)]);
    }

    #[test]
    fn page_fault_codes_are_told_in_words() {
        assert_eq!(page_fault(4), "#PF error code 0x4: the page was not present, a read, in user mode\n");
        assert!(page_fault(0x15).contains("an instruction fetch"));
    }
}
