//! Oracles for the parsers of this crate, called by the targets in `fuzz/`: they take any bytes and panic where
//! something is wrong. The property tests beside the parsers ask the same of likelier inputs.

use anyclave_stub as stub;
use anyclave_sys::ptrace::Regs;

use crate::patch::cpuid::{CPUID, find_in_code, find_sites};
use crate::patch::instruction::{decode_access, enclu_length, is_illegal_inside};
use crate::patch::vdso::{EnterFunction, Vdso};

/// CPUID instructions of an ELF file: whatever is found is one.
pub fn cpuid_sites(bytes: &[u8]) {
    let is_cpuid = |at: usize| bytes.get(at..at + CPUID.len()) == Some(CPUID.as_slice());
    for site in find_sites(bytes) {
        assert!(usize::try_from(site.file_offset).is_ok_and(is_cpuid), "{site:?}");
    }
    assert!(find_in_code(bytes).into_iter().all(is_cpuid));
}

/// A vDSO: what is read can be edited, and no edit reaches beyond it.
pub fn vdso(bytes: &[u8]) {
    let Ok(vdso) = Vdso::parse(bytes) else { return };
    let code = &stub::code()[stub::offset::enter_enclave()..stub::offset::enter_enclave_end()];
    let function = EnterFunction { code, cfi: stub::enter_enclave_cfi(), address: 0x1_8000 };
    let edit = vdso.edit(0x7fff_1234_5000, 0x1_0000, &function);
    assert!(edit.edits.iter().all(|(at, edit)| at + edit.len() <= bytes.len()));
}

/// Instructions behind a trap, and registers of the moment.
pub fn instructions(bytes: &[u8]) {
    let (words, code) = bytes.as_chunks::<8>();
    let mut rest = words.iter();
    let mut word = || rest.next().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let regs = registers(&mut word);
    let code = if code.is_empty() { bytes } else { code };
    let _ = decode_access(code, &regs, word());
    assert!(enclu_length(code).is_none_or(|length| length <= code.len()));
    is_illegal_inside(code);
}

fn registers(word: &mut impl FnMut() -> u64) -> Regs {
    Regs {
        r15: word(),
        r14: word(),
        r13: word(),
        r12: word(),
        rbp: word(),
        rbx: word(),
        r11: word(),
        r10: word(),
        r9: word(),
        r8: word(),
        rax: word(),
        rcx: word(),
        rdx: word(),
        rsi: word(),
        rdi: word(),
        orig_rax: u64::MAX,
        rip: word(),
        cs: 0x33,
        eflags: 0x202,
        rsp: word(),
        ss: 0x2b,
        fs_base: word(),
        gs_base: word(),
        ds: 0,
        es: 0,
        fs: 0,
        gs: 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_bytes_break_an_oracle(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            cpuid_sites(&bytes);
            vdso(&bytes);
            instructions(&bytes);
        }
    }
}
