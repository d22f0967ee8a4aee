//! Two enclaves in two processes that report to each other. The host carries lines from each to the other.

use std::io::{self, BufRead, Write};

use sgx_isa::{Report, Targetinfo};

use crate::reports::{flipped, target, verified};
use crate::table::hex;

/// Tells who we are, reports to who answers, and checks what that one reports to us. `word` distinguishes the two.
pub fn talk(word: &str) {
    let mut lines = io::stdin().lock().lines().map(|line| line.expect("a line of the other"));
    let mut hear = || from_hex(&lines.next().expect("the other says something"));
    say(&hex(target().as_ref()));
    let other = Targetinfo::try_copy_from(&hear()).expect("a TARGETINFO");
    let ours = Report::for_target(&other, &data(word));
    say(&hex(ours.as_ref()));
    let theirs = Report::try_copy_from(&hear()).expect("a REPORT");

    assert!(verified(&theirs), "what was reported to us");
    assert!(!verified(&ours), "our report is for the other alone");
    for byte in 0..Report::UNPADDED_SIZE {
        assert!(!verified(&flipped(&theirs, byte)), "byte {byte} is changed");
    }
    let own = Report::for_self();
    assert_eq!(theirs.mrenclave, other.measurement);
    assert_ne!(theirs.mrenclave, own.mrenclave);
    assert_eq!(theirs.mrsigner, own.mrsigner);
    assert_eq!(theirs.attributes, other.attributes);
    assert_eq!(theirs.cpusvn, own.cpusvn);
    assert_eq!(theirs.keyid, own.keyid, "KEYID is the machine's");
    assert_ne!(theirs.reportdata, data(word));
    eprintln!("{word}: right {}", hex(theirs.as_ref()));
}

/// Whether a report that was made for somebody is for us as well.
pub fn judge(report: &str) {
    let report = Report::try_copy_from(&from_hex(report)).expect("a REPORT");
    println!("{}", if verified(&report) { "verified" } else { "not for us" });
}

/// REPORTDATA that begins with a word.
fn data(word: &str) -> [u8; 64] {
    std::array::from_fn(|index| word.as_bytes().get(index).copied().unwrap_or(index as u8))
}

fn say(line: &str) {
    println!("{line}");
    io::stdout().flush().expect("the host carries lines");
}

fn from_hex(digits: &str) -> Vec<u8> {
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
    digits.trim_end().as_bytes().chunks(2).map(|pair| byte(pair).expect("two digits")).collect()
}
