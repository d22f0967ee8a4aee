//! Where an enclave executes CPUID.
//!
//! What is found here gets a breakpoint and is not changed, so a place that only looks like the instruction
//! does no harm but take one of the few breakpoints there are. As long as they suffice, every occurrence of the two
//! bytes counts; where there are more, those that decode cleanly come first, and of those the first of each group:
//! who asks about processors asks many times in a row, and the first answer is an exception.

use std::collections::HashSet;

use anyclave_sys::memfd::Memfd;
use memchr::memmem;

use super::cpuid::{CPUID, find_in_code};

/// Breakpoints of a processor.
const BREAKPOINTS: usize = 4;
/// Code that is read of one enclave at most: some hundredths of a second.
const MAX_PAGES: usize = (64 << 20) / PAGE;
const PAGE: usize = 4096;
/// Occurrences around which code is decoded at most: an enclave may be made of nothing else.
const MAX_LOOKED_AT: usize = 4096;
/// Sites that are no farther apart belong together.
const GROUP: u64 = 512;

/// Offsets of the CPUID instructions in the pages of a home with these rising numbers, no more than there are
/// breakpoints.
pub(crate) fn find(home: &Memfd, pages: &[u64]) -> Vec<u64> {
    let pages = pages.get(..MAX_PAGES).unwrap_or(pages);
    let runs = pages.chunk_by(|page, next| page + 1 == *next).filter_map(|run| {
        let offset = run.first()? * PAGE as u64;
        let mut code = vec![0; run.len() * PAGE];
        // A file that the program has cut short has no code to look at.
        home.pread(&mut code, offset).ok()?;
        Some((offset, code))
    });
    choose(runs)
}

fn choose(runs: impl Iterator<Item = (u64, Vec<u8>)>) -> Vec<u64> {
    let (mut all, mut clean) = (Vec::new(), Vec::new());
    let mut looked_at = 0;
    for (offset, code) in runs {
        let at = |found: usize| offset + found as u64;
        let mut found: Vec<usize> = memmem::find_iter(&code, &CPUID).take(MAX_LOOKED_AT).collect();
        looked_at += found.len();
        if !found.is_empty() && looked_at < MAX_LOOKED_AT {
            clean.extend(find_in_code(&code).into_iter().map(at));
        }
        found.truncate(BREAKPOINTS + 1);
        all.extend(found.into_iter().map(at));
    }
    if all.len() > BREAKPOINTS {
        let firsts = firsts_of_groups(&clean);
        all.splice(..0, firsts.into_iter().chain(clean));
        let mut seen = HashSet::new();
        all.retain(|site| seen.insert(*site));
        all.truncate(BREAKPOINTS);
    }
    all
}

fn firsts_of_groups(rising: &[u64]) -> Vec<u64> {
    let groups = rising.chunk_by(|site, next| next - site <= GROUP);
    groups.filter_map(|group| group.first().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Clean code with CPUID at these places.
    fn code(sites: &[usize]) -> Vec<u8> {
        let mut code = vec![0x90; 2 * PAGE];
        for site in sites {
            code[*site..*site + 2].copy_from_slice(&CPUID);
        }
        code
    }

    #[test]
    fn few_occurrences_all_count_whatever_they_are() {
        let mut doubtful = code(&[100, 300]);
        doubtful[102] = 0x06;
        let runs = [(0x1000, doubtful), (0x8000, code(&[PAGE - 1]))];
        assert_eq!(choose(runs.into_iter()), [0x1000 + 100, 0x1000 + 300, 0x8fff]);
        assert_eq!(choose(std::iter::empty()), []);
    }

    #[test]
    fn of_many_those_that_decode_come_first() {
        let mut doubtful = code(&[100, 200, 300]);
        doubtful[250] = 0x06;
        let runs = [(0, doubtful.clone()), (0x4000, code(&[5000, 6000]))];
        assert_eq!(choose(runs.into_iter()), [0x4000 + 5000, 0x4000 + 6000, 100, 200]);
        let runs = [(0, doubtful), (0x4000, code(&[10, 20, 30, 40, 50]))];
        assert_eq!(choose(runs.into_iter()), [0x4000 + 10, 0x4000 + 20, 0x4000 + 30, 0x4000 + 40]);
    }

    #[test]
    fn of_those_the_first_of_each_group() {
        let runs = [(0, code(&[10, 20, 30, 40, 50, 1000, 1010])), (0x4000, code(&[7]))];
        assert_eq!(choose(runs.into_iter()), [10, 1000, 0x4007, 20]);
    }

    #[test]
    fn code_full_of_it_is_done_with_in_time() {
        let full = |number: u64| (number * 2 * PAGE as u64, CPUID.repeat(PAGE / 2));
        assert_eq!(choose((0..8192).map(full)), [0, 2, 4, 6]);
    }

    #[test]
    fn pages_of_a_home_are_read_in_runs() {
        let home = Memfd::create(c"home", 0x10000).unwrap();
        home.pwrite(&CPUID, 0x3fff).unwrap();
        home.pwrite(&CPUID, 0x7fff).unwrap();
        home.pwrite(&CPUID, 0x9000).unwrap();
        assert_eq!(find(&home, &[3, 4, 7, 9]), [0x3fff, 0x9000], "0x7fff lies half in another page");
        assert_eq!(find(&home, &[]), []);
        assert_eq!(find(&home, &[100]), [], "behind the end of the file");
    }
}
