//! What a program can see, beside what the model has.

use std::collections::BTreeMap;

use anyclave_arch::{Enclu, Leaf, PageType, SecInfoFlags};
use anyclave_cpu::{Gprs, State};
use anyclave_testkit::conformance::recording::Step;

use super::again::{GPRSGX_RIP, RFLAGS};
use super::furniture::CARRIER_SSA;
use super::process::Stop;
use super::venue::{Done, RFLAGS_FIXED, Venue, Verdict};

/// Bytes of an XSAVE area that are the same however it was filled: MXCSR, XMM, and the upper halves of YMM.
const KEPT: [std::ops::Range<usize>; 3] = [24..28, 160..416, 576..832];
/// Its header.
const HEADER: std::ops::Range<usize> = 512..576;

impl Venue<'_> {
    /// Compares the pages of all enclaves that can be read with what the model has.
    pub(super) fn same_memory(&mut self, step: &Step) -> Done {
        let found = self.readable(step);
        for (at, now) in &step.after.pages {
            let was = self.pages.insert(*at, now.clone());
            let Some(found) = found.get(at) else { continue };
            for (index, byte) in (*at..).enumerate().take(4096) {
                let changed = was.as_ref().is_none_or(|was| was[index] != now[index]);
                if found[index] == now[index] {
                    self.different.remove(&byte);
                } else if of_the_machine(step, byte) || of_the_venue(step, index) {
                    self.different.insert(byte);
                } else if changed || !self.different.contains(&byte) {
                    let (is, wanted) = (found[index], now[index]);
                    return wrong(step, format!("byte {byte:#x} is {is:#x}, not {wanted:#x}"));
                }
            }
        }
        Ok(())
    }

    /// The pages of the enclaves that enclave code can read, as the process has them. Neighbours are read at once.
    fn readable(&mut self, step: &Step) -> BTreeMap<u64, Vec<u8>> {
        let mut runs: Vec<(usize, u64, usize)> = Vec::new();
        for at in step.after.pages.keys() {
            let Some((enclave, page)) = self.page_at(*at) else { continue };
            let furniture = *at >= self.end_of(enclave) - CARRIER_SSA;
            let readable = page.secinfo.page_type() == Some(PageType::Reg)
                && page.secinfo.bits().contains(SecInfoFlags::R)
                && self.enclaves[enclave].sigstruct.is_some();
            if furniture || !readable || self.replaced.contains(at) {
                continue;
            }
            match runs.last_mut() {
                Some((last, start, pages))
                    if *last == enclave && *start + *pages as u64 * 4096 == *at && *pages < 8 =>
                {
                    *pages += 1;
                }
                _ => runs.push((enclave, *at, 1)),
            }
        }
        let mut found = BTreeMap::new();
        for (enclave, start, pages) in runs {
            let bytes = self.load(enclave, start, pages * 4096);
            found.extend((start..).step_by(4096).zip(bytes.chunks(4096).map(<[u8]>::to_vec)));
        }
        found
    }
}

/// Whether the byte comes out of the secrets or the version of this one machine.
fn of_the_machine(step: &Step, at: u64) -> bool {
    let gprs = &step.before.state.gprs;
    match step.leaf {
        Some(Leaf::Enclu(Enclu::Egetkey)) => at.wrapping_sub(gprs.rcx) < 16,
        Some(Leaf::Enclu(Enclu::Ereport)) => matches!(at.wrapping_sub(gprs.rdx), 0..16 | 384..432),
        _ => false,
    }
}

/// Whether a byte of a frame is one that an exit fills with what program and model do not have in common: RIP, and
/// bytes of the XSAVE area that x87 instructions and software fill.
fn of_the_venue(step: &Step, index: usize) -> bool {
    let kept = KEPT.iter().any(|range| range.contains(&index)) || HEADER.contains(&index);
    step.exit.is_some() && (index < 832 && !kept || (GPRSGX_RIP..GPRSGX_RIP + 8).contains(&index))
}

/// In the order of the SSA.
pub(super) fn words(gprs: &Gprs) -> [u64; 17] {
    [
        gprs.rax,
        gprs.rcx,
        gprs.rdx,
        gprs.rbx,
        gprs.rsp,
        gprs.rbp,
        gprs.rsi,
        gprs.rdi,
        gprs.r8,
        gprs.r9,
        gprs.r10,
        gprs.r11,
        gprs.r12,
        gprs.r13,
        gprs.r14,
        gprs.r15,
        gprs.rflags,
    ]
}

const NAMES: [&str; 17] = [
    "RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI", "R8", "R9", "R10", "R11", "R12", "R13", "R14",
    "R15", "RFLAGS",
];

pub(super) fn same_gprs(step: &Step, wanted: &[u64; 17], found: &[u64; 17]) -> Done {
    for ((name, wanted), found) in NAMES.iter().zip(wanted).zip(found) {
        let mask = if *name == "RFLAGS" { RFLAGS } else { u64::MAX };
        check(step, name, found & mask, (wanted | if mask == RFLAGS { RFLAGS_FIXED } else { 0 }) & mask)?;
    }
    Ok(())
}

pub(super) fn same_registers(step: &Step, wanted: &State, stop: &Stop) -> Done {
    same_gprs(step, &words(&wanted.gprs), &stop.gprs)?;
    if step.after.inside.is_some() {
        check(step, "FSBASE", stop.bases[0], wanted.fs_base)?;
        check(step, "GSBASE", stop.bases[1], wanted.gs_base)?;
    }
    let image = &wanted.xsave;
    for range in KEPT {
        let component = if range.start < 576 { 1 } else { 2 };
        let absent = |bytes: &[u8]| range.start != 24 && bytes[512] & 1 << component == 0;
        for index in range.clone() {
            let wanted = if absent(&image.0) { 0 } else { image.0[index] };
            let found = if absent(&stop.xsave) { 0 } else { stop.xsave[index] };
            check(step, &format!("byte {index} of the extended state"), found.into(), wanted.into())?;
        }
    }
    Ok(())
}

pub(super) fn check(step: &Step, what: &str, found: u64, wanted: u64) -> Done {
    if found == wanted { Ok(()) } else { wrong(step, format!("{what} is {found:#x}, not {wanted:#x}")) }
}

pub(super) fn wrong<T>(step: &Step, text: String) -> Result<T, Verdict> {
    Err(Verdict::Wrong(step.line, text))
}
