use super::{decode_access, enclu_length};
use anyclave_cpu::Access::{self, Fetch, Read, Write};
use anyclave_sys::ptrace::Regs;
use proptest::prelude::*;

const CODE: u64 = 0x40_0ff0;
const DATA: u64 = 0x7000_0123;
const OTHER: u64 = 0x7100_0000;
const STACK: u64 = 0x7200_0008;

/// RDI, RBX and both segment bases lead to `DATA`, RSI to `OTHER`.
fn regs() -> Regs {
    Regs {
        r15: 0,
        r14: 0,
        r13: 0,
        r12: 0,
        rbp: 0,
        rbx: DATA,
        r11: 0,
        r10: 0,
        r9: 0,
        r8: 8,
        rax: 0,
        rcx: 1,
        rdx: 0,
        rsi: OTHER,
        rdi: DATA,
        orig_rax: u64::MAX,
        rip: CODE,
        cs: 0x33,
        eflags: 0x202,
        rsp: STACK,
        ss: 0x2b,
        fs_base: DATA - 8,
        gs_base: DATA - 16,
        ds: 0,
        es: 0,
        fs: 0,
        gs: 0,
    }
}

fn check(bytes: &[u8], address: u64, access: Access) {
    assert_eq!(decode_access(bytes, &regs(), address), access, "{bytes:x?} at {address:#x}");
}

#[test]
fn loads_and_stores() {
    check(&[0x48, 0x8b, 0x07], DATA, Read); // mov rax, [rdi]
    check(&[0x48, 0x89, 0x07], DATA, Write); // mov [rdi], rax
    check(&[0x48, 0x01, 0x07], DATA, Write); // add [rdi], rax
    check(&[0x48, 0x39, 0x07], DATA, Read); // cmp [rdi], rax
    check(&[0xf0, 0x48, 0x0f, 0xb1, 0x0f], DATA, Write); // lock cmpxchg [rdi], rcx
    check(&[0x48, 0x0f, 0xab, 0x07], DATA + 4096, Write); // bts [rdi], rax, a far bit
    check(&[0x0f, 0xae, 0x3f], DATA, Read); // clflush [rdi]
}

#[test]
fn segments_indices_and_rip_count() {
    check(&[0x64, 0x48, 0x8b, 0x04, 0x25, 8, 0, 0, 0], DATA, Read); // mov rax, fs:[8]
    check(&[0x65, 0x4a, 0x89, 0x04, 0x41], DATA - 15, Write); // mov gs:[rcx + r8*2], rax
    check(&[0x48, 0x89, 0x05, 0, 1, 0, 0], CODE + 7 + 0x100, Write); // mov [rip + 100h], rax
    check(&[0x67, 0x89, 0x07], DATA, Write); // mov [edi], eax
}

#[test]
fn string_instructions_have_two_operands() {
    for prefix in [&[][..], &[0xf3]] {
        let movs = [prefix, &[0x48, 0xa5]].concat();
        check(&movs, DATA, Write);
        check(&movs, DATA + 7, Write);
        check(&movs, OTHER, Read);
        check(&movs, OTHER + 3, Read);
        check(&[prefix, &[0xaa]].concat(), DATA, Write); // stos
        check(&[prefix, &[0xac]].concat(), OTHER, Read); // lods
        check(&[prefix, &[0xa6]].concat(), DATA, Read); // cmps
    }
}

#[test]
fn address_of_the_page_is_enough() {
    let movs = [0x48, 0xa5];
    check(&movs, DATA & !0xfff, Write);
    check(&movs, OTHER & !0xfff, Read);
}

#[test]
fn stack_is_an_operand() {
    check(&[0x50], STACK - 8, Write); // push rax
    check(&[0x58], STACK, Read); // pop rax
    check(&[0xff, 0x37], DATA, Read); // push [rdi]
    check(&[0xff, 0x37], STACK - 8, Write);
    check(&[0x8f, 0x07], DATA, Write); // pop [rdi]
    check(&[0x8f, 0x07], STACK, Read);
    check(&[0xe8, 0, 0, 0, 0], STACK - 8, Write); // call
    check(&[0xff, 0x17], DATA, Read); // call [rdi]
    check(&[0xc3], STACK, Read); // ret
}

#[test]
fn vectors_and_state() {
    check(&[0x0f, 0xae, 0x27], DATA + 500, Write); // xsave [rdi]
    check(&[0x0f, 0xae, 0x2f], DATA + 500, Read); // xrstor [rdi]
    check(&[0x0f, 0xae, 0x07], DATA + 500, Write); // fxsave [rdi]
    check(&[0xc5, 0xfe, 0x7f, 0x07], DATA + 31, Write); // vmovdqu [rdi], ymm0
    check(&[0xc5, 0xfe, 0x6f, 0x07], DATA + 31, Read); // vmovdqu ymm0, [rdi]
    check(&[0xc4, 0xe2, 0x7d, 0x2e, 0x07], DATA, Write); // vmaskmovps [rdi], ymm0, ymm0
    check(&[0xc4, 0xe2, 0x6d, 0x90, 0x04, 0x0f], OTHER, Read); // vpgatherdd: indices unknown
}

#[test]
fn fetches() {
    check(&[], CODE, Fetch);
    check(&[0x48, 0x8b, 0x07], CODE, Fetch);
    // Ten bytes, of which the page has all but the last: mov rax, imm64 sixteen bytes before its end.
    let mov = [0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0];
    let at_end = Regs { rip: 0x40_0ff7, ..regs() };
    assert_eq!(decode_access(&mov[..9], &at_end, 0x40_1000), Fetch);
    assert_eq!(decode_access(&mov, &at_end, 0x40_1000), Fetch);
}

#[test]
fn instructions_without_memory_count_as_loads() {
    assert_eq!(decode_access(&[0x90], &regs(), DATA), Read);
    assert_eq!(decode_access(&[0x06], &regs(), DATA), Read);
}

#[test]
fn enclu_is_recognised_behind_prefixes_that_mean_nothing() {
    assert_eq!(enclu_length(&[0x0f, 0x01, 0xd7]), Some(3));
    assert_eq!(enclu_length(&[0x48, 0x0f, 0x01, 0xd7, 0x90]), Some(4));
    assert_eq!(enclu_length(&[0x65, 0x67, 0x4f, 0x0f, 0x01, 0xd7]), Some(6));
    for prefix in [0x66, 0xf2, 0xf3, 0xf0, 0x90] {
        assert_eq!(enclu_length(&[prefix, 0x0f, 0x01, 0xd7]), None);
    }
    assert_eq!(enclu_length(&[0x0f, 0x01]), None);
    assert_eq!(enclu_length(&[]), None);
    let long = [&[0x2e; 12][..], &[0x0f, 0x01, 0xd7]].concat();
    assert_eq!(enclu_length(&long), Some(15));
    assert_eq!(enclu_length(&[&[0x2e][..], &long].concat()), None);
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..20), address in any::<u64>(), base in any::<u64>()) {
        let regs = Regs { rdi: base, rsi: base, rsp: base, rax: base, rip: base, ..regs() };
        let _ = decode_access(&bytes, &regs, address);
        let _ = enclu_length(&bytes);
    }
}
