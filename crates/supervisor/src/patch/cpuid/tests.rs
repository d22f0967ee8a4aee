//! On the machine's own libraries, on files made here, and on noise.

use super::{CPUID, Site, find_in_code, find_sites};
use proptest::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};

/// A file of this machine's libraries.
fn library(name: &str) -> Option<PathBuf> {
    ["/lib64", "/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib"]
        .iter()
        .map(|folder| Path::new(folder).join(name))
        .find(|path| path.exists())
}

/// An ELF file with one executable segment at `VADDR` that holds `code`, and no unwind information.
fn file_with(code: &[u8]) -> Vec<u8> {
    let mut file = vec![0; 120];
    file[..6].copy_from_slice(b"\x7fELF\x02\x01");
    file[18] = 62;
    file[32] = 64;
    file[54] = 56;
    file[56] = 1;
    file[64] = 1;
    file[68] = 5;
    let words = [120, VADDR, VADDR, code.len() as u64, code.len() as u64, 4096];
    file[72..120].copy_from_slice(&words.map(u64::to_le_bytes).concat());
    file.extend_from_slice(code);
    file
}

const VADDR: u64 = 0x40_0078;
const NOPS: [u8; 2048] = [0x90; 2048];

fn offsets(sites: &[Site]) -> Vec<u64> {
    sites.iter().map(|site| site.file_offset).collect()
}

#[test]
fn loader_executes_cpuid_where_the_bytes_stand() {
    let Some(path) = library("ld-linux-x86-64.so.2") else { return };
    let file = fs::read(path).unwrap();
    let sites = find_sites(&file);
    assert!(sites.len() > 5, "{sites:x?}");
    assert!(sites.is_sorted());
    for site in sites {
        let at = usize::try_from(site.file_offset).unwrap();
        assert_eq!(file[at..at + 2], CPUID);
    }
}

#[test]
fn tables_of_libcrypto_are_left_alone() {
    let Some(path) = library("libcrypto.so.3") else { return };
    let sites = find_sites(&fs::read(path).unwrap());
    assert!(!sites.is_empty());
    for table in [0x1c_b6ed, 0x1c_fee4] {
        assert!(sites.iter().all(|site| site.file_offset != table && site.vaddr != table));
    }
}

#[test]
fn own_program_has_sites_with_the_section_headers_and_without() {
    let mut file = fs::read("/proc/self/exe").unwrap();
    let sites = find_sites(&file);
    // The detection of processor features of the standard library and of memchr.
    assert!(!sites.is_empty());
    file[40..48].fill(0);
    assert_eq!(find_sites(&file), sites);
}

#[test]
fn list_of_descriptions_says_what_the_search_table_says() {
    let mut file = fs::read("/proc/self/exe").unwrap();
    let sites = find_sites(&file);
    let header = (64..).step_by(56).find(|at| file[*at..*at + 4] == 0x6474_e550_u32.to_le_bytes()).unwrap();
    file[header] = 0;
    assert_eq!(find_sites(&file), sites);
}

#[test]
fn without_descriptions_a_clean_neighbourhood_counts() {
    let code = [&NOPS[..], &CPUID, &NOPS].concat();
    let sites = find_sites(&file_with(&code));
    assert_eq!(sites, [Site { file_offset: 120 + 2048, vaddr: VADDR + 2048, leaf: None }]);
    assert_eq!(find_in_code(&code), [2048]);
}

#[test]
fn undecodable_byte_near_by_makes_a_site_doubtful() {
    // 06h is no instruction in 64-bit mode.
    for distance in [1, 10, 200, 250] {
        let between = &NOPS[..distance];
        let behind = [&NOPS[..], &CPUID, between, &[0x06], &NOPS].concat();
        assert_eq!(find_in_code(&behind), []);
        let before = [&NOPS[..], &[0x06], between, &CPUID, &NOPS].concat();
        assert_eq!(find_in_code(&before), []);
    }
    let far = [&NOPS[..], &[0x06], &NOPS[..300], &CPUID, &NOPS[..300], &[0x06], &NOPS].concat();
    assert_eq!(find_in_code(&far).len(), 1);
}

#[test]
fn bytes_inside_another_instruction_are_no_site() {
    // mov eax, 0x0000a20f
    let code = [&NOPS[..], &[0xb8, 0x0f, 0xa2, 0, 0], &NOPS].concat();
    assert_eq!(offsets(&find_sites(&file_with(&code))), []);
}

#[test]
fn code_may_start_and_end_with_it() {
    assert_eq!(find_in_code(&CPUID), [0]);
    assert_eq!(find_in_code(&[CPUID, CPUID].concat()), [0, 2]);
    // Behind the second one, an instruction that the end cuts off.
    assert_eq!(find_in_code(&[&CPUID[..], &[0xb8, 0]].concat()), [0]);
}

#[test]
fn unwind_information_that_cannot_be_read_describes_nothing() {
    let code = [&NOPS[..], &CPUID, &NOPS].concat();
    let mut file = file_with(&code);
    let mut header = file[64..120].to_vec();
    header[..4].copy_from_slice(&0x6474_e550_u32.to_le_bytes());
    file.splice(120..120, header);
    file[56] = 2;
    file[72] = 176;
    assert_eq!(find_sites(&file), []);
    // Only the kind of the second header keeps the site away.
    file[120] = 0;
    assert_eq!(find_sites(&file).len(), 1);
}

#[test]
fn file_full_of_sites_ends_in_time() {
    let code = CPUID.repeat(4 << 20);
    let sites = find_sites(&file_with(&code));
    assert!(!sites.is_empty() && sites.len() < 1 << 20);
}

#[test]
fn other_files_have_none() {
    assert_eq!(find_sites(b""), []);
    assert_eq!(find_sites(b"#!/bin/sh\n\x0f\xa2"), []);
    let mut other = file_with(&CPUID);
    other[4] = 1;
    assert_eq!(find_sites(&other), []);
}

proptest! {
    #[test]
    fn broken_files_do_not_panic(
        cut in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..40),
        words in prop::collection::vec((any::<prop::sample::Index>(), any::<u64>()), 0..4),
        headers_only in any::<bool>(),
        whole in any::<bool>(),
    ) {
        let Some(path) = library("ld-linux-x86-64.so.2") else { return Ok(()) };
        let mut file = fs::read(path).unwrap();
        let end = if headers_only { 64 + 56 * 12 } else { file.len() };
        for (at, byte) in &changes {
            file[20 + at.index(end - 20)] = *byte;
        }
        for (at, word) in &words {
            let at = 32 + at.index(end - 40);
            file[at..at + 8].copy_from_slice(&word.to_le_bytes());
        }
        if !whole {
            file.truncate(cut.index(file.len()));
        }
        for site in find_sites(&file) {
            let at = usize::try_from(site.file_offset).unwrap();
            prop_assert_eq!(&file[at..at + 2], &CPUID);
        }
    }

    #[test]
    fn noise_does_not_panic(code in prop::collection::vec(prop_oneof![Just(0x0f), Just(0xa2), any::<u8>()], 0..3000)) {
        for at in find_in_code(&code) {
            prop_assert_eq!(&code[at..at + 2], &CPUID);
        }
        find_sites(&file_with(&code));
    }
}
