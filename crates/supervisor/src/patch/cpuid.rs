//! Where a program executes CPUID.
//!
//! The two bytes of the instruction also occur inside other instructions and in tables that lie between
//! functions, and a changed table is a wrong result nobody sees. So a place counts only if it is reached
//! from the start of its function, as the unwind information gives it, by instructions that all decode. A
//! file without unwind information is read in a line, and a place counts if everything near it decodes.
//! What is missed this way just executes the host's CPUID.

mod frames;
mod leaf;
#[cfg(test)]
mod tests;

use self::frames::Frames;
use self::leaf::{Constant, Eax};
use super::elf::{self, Segment};
use core::ops::Range;
use iced_x86::{Code, Decoder, DecoderError, DecoderOptions, Instruction};
use memchr::memmem;

/// The instruction.
pub(crate) const CPUID: [u8; 2] = [0x0f, 0xa2];
/// What must decode on both sides of a place, in a file without unwind information.
const NEIGHBOURHOOD: usize = 256;
/// Bytes before the neighbourhood in which a decoder that starts anywhere falls into step.
const LEAD_IN: usize = 768;
/// Bytes that are decoded for one file at most; some tenths of a second.
const DECODE_LIMIT: usize = 64 << 20;
/// What the search for the function of one place is reckoned as, in decoded bytes.
const LOOKUP_COST: usize = 64;
/// Executable segments that are looked at.
const MAX_SEGMENTS: usize = 64;

/// A CPUID instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Site {
    /// Offset in the file.
    pub(crate) file_offset: u64,
    /// Virtual address, as the file was linked.
    pub(crate) vaddr: u64,
    /// The leaf that it always asks for, where that is known.
    pub(crate) leaf: Option<u32>,
}

/// The CPUID instructions of an ELF file, by rising file offset.
///
/// A file that is no 64-bit ELF file for this architecture has none. The work is bounded whatever the bytes
/// say; a file that exceeds it yields what was found until then.
pub(crate) fn find_sites(file: &[u8]) -> Vec<Site> {
    let mut sites = Vec::new();
    let Some(segments) = elf::segments(file).filter(|_| elf::is_x86_64(file)) else {
        return sites;
    };
    let segments: Vec<Segment> = segments.collect();
    let frames = Frames::of(file, &segments);
    let mut budget = Budget(DECODE_LIMIT);
    let mut unscanned = file.len().saturating_mul(2);
    let code = |it: &&Segment| it.kind == elf::PT_LOAD && it.flags & elf::PF_X != 0;
    for segment in segments.iter().filter(code).take(MAX_SEGMENTS) {
        let Some(text) = elf::slice(file, segment.offset, segment.filesz) else { continue };
        if text.len() > unscanned {
            break;
        }
        unscanned -= text.len();
        let found = match &frames {
            Some(frames) => sites_in_frames(text, segment.vaddr, frames, &mut budget),
            None => in_a_line(text, &mut budget).into_iter().map(|at| (at, None)).collect(),
        };
        sites.extend(found.into_iter().map(|(at, leaf)| Site {
            file_offset: segment.offset + at as u64,
            vaddr: segment.vaddr.wrapping_add(at as u64),
            leaf,
        }));
    }
    sites.sort_unstable();
    sites.dedup_by_key(|site| site.file_offset);
    sites
}

/// Offsets of the CPUID instructions in code of which nothing else is known, as the pages of an enclave are.
pub(crate) fn find_in_code(code: &[u8]) -> Vec<usize> {
    in_a_line(code, &mut Budget(DECODE_LIMIT))
}

/// How many bytes may still be decoded.
struct Budget(usize);

impl Budget {
    /// Takes from it; false if it was not enough.
    fn take(&mut self, bytes: usize) -> bool {
        let enough = self.0 >= bytes;
        self.0 = self.0.saturating_sub(bytes);
        enough
    }
}

/// Instructions one after another, from a place where one starts.
struct Walk<'a> {
    decoder: Decoder<'a>,
    instruction: Instruction,
    /// Whether all of them decoded.
    clean: bool,
    /// What they leave in EAX.
    eax: Eax,
}

/// What stands at a place.
#[derive(PartialEq, Eq)]
enum Reached {
    /// The instruction, exactly there, and what EAX holds.
    Cpuid(Option<Constant>),
    /// Something else.
    Other,
    /// It costs too much to know.
    Unaffordable,
}

impl<'a> Walk<'a> {
    fn over(code: &'a [u8]) -> Self {
        let decoder = Decoder::new(64, code, DecoderOptions::NONE);
        Self { decoder, instruction: Instruction::default(), clean: true, eax: Eax::new() }
    }

    /// Decodes on to the offset `at`, which lies behind all that were asked for before.
    fn to(&mut self, at: usize, budget: &mut Budget) -> Reached {
        while self.clean && self.decoder.position() < at {
            let before = self.decoder.position();
            self.step();
            if !budget.take(self.decoder.position() - before) {
                return Reached::Unaffordable;
            }
        }
        if !self.clean || self.decoder.position() != at {
            return Reached::Other;
        }
        let held = self.eax.constant();
        self.step();
        if self.instruction.code() == Code::Cpuid { Reached::Cpuid(held) } else { Reached::Other }
    }

    fn step(&mut self) {
        self.decoder.decode_out(&mut self.instruction);
        self.clean &= !self.instruction.is_invalid();
        self.eax.after(&self.instruction, self.decoder.position());
    }
}

/// The CPUID instructions of `text`, linked at `vaddr`, that lie in functions, and their leaves.
fn sites_in_frames(
    text: &[u8],
    vaddr: u64,
    frames: &Frames<'_>,
    budget: &mut Budget,
) -> Vec<(usize, Option<u32>)> {
    let mut sites = Vec::new();
    let (mut ways, mut leaves) = (Vec::new(), Vec::new());
    let mut current: Option<(Range<usize>, Walk<'_>)> = None;
    for at in memmem::find_iter(text, &CPUID) {
        if !budget.take(LOOKUP_COST) {
            break;
        }
        if current.as_ref().is_none_or(|(function, _)| !function.contains(&at)) {
            let function = frames.function(vaddr.wrapping_add(at as u64));
            current = function.and_then(|function| {
                let offset = |address: u64| usize::try_from(address.checked_sub(vaddr)?).ok();
                let function = offset(function.start)?..offset(function.end)?;
                Some((function.clone(), Walk::over(text.get(function)?)))
            });
        }
        let Some((function, walk)) = &mut current else { continue };
        match walk.to(at - function.start, budget) {
            Reached::Cpuid(held) => {
                sites.push(at);
                // Without a constant there is no way to be jumped into but the instruction itself.
                ways.push(held.map_or(at, |constant| function.start + constant.since)..=at);
                leaves.push(held.map(|constant| constant.value));
            }
            Reached::Other => {}
            Reached::Unaffordable => break,
        }
    }
    if leaves.iter().any(Option::is_some) {
        leaf::forget_jumped_into(text, &ways, &mut leaves);
    }
    sites.into_iter().zip(leaves).collect()
}

/// The CPUID instructions of code without known functions.
fn in_a_line(code: &[u8], budget: &mut Budget) -> Vec<usize> {
    let mut sites = Vec::new();
    for at in memmem::find_iter(code, &CPUID) {
        if !budget.take(LEAD_IN + 2 * NEIGHBOURHOOD) {
            break;
        }
        if is_clean_around(code, at) {
            sites.push(at);
        }
    }
    sites
}

/// Whether CPUID stands at `at`, and everything near it decodes.
fn is_clean_around(code: &[u8], at: usize) -> bool {
    let first = at.saturating_sub(NEIGHBOURHOOD);
    let start = first.saturating_sub(LEAD_IN);
    let end = (at + NEIGHBOURHOOD).min(code.len());
    let mut decoder = Decoder::new(64, &code[start..], DecoderOptions::NONE);
    let mut instruction = Instruction::default();
    let mut found = false;
    while decoder.can_decode() && start + decoder.position() < end {
        let here = start + decoder.position();
        decoder.decode_out(&mut instruction);
        found |= here == at && instruction.code() == Code::Cpuid;
        let next = start + decoder.position();
        if instruction.is_invalid() && next > first {
            // Cut off by the end is not the same as undecodable.
            return found && decoder.last_error() == DecoderError::NoMoreBytes;
        }
        if next > at && !found {
            return false;
        }
    }
    found
}
