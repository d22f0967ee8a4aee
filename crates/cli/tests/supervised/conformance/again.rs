//! Each step of a case once more.

use anyclave_arch::{Enclu, Flags, Leaf, PageType, Pfec, SecInfoFlags, Vector};
use anyclave_cpu::{Fault, State};
use anyclave_testkit::conformance::recording::{Remap, Step};

use super::agent::{SITE, SITE_BYTES};
use super::compare::{check, same_gprs, same_registers, words, wrong};
use super::furniture::{AGENT, ENCLU};
use super::process::{OUTSIDE_SITE, Process, Start, Stop, site};
use super::venue::{AEP, Done, RFLAGS_FIXED, Venue, Verdict, impossible, registers};

/// Reads a byte at an address, or writes it, by AL alone; both end with the address.
const LOAD_AL: u8 = 0xa0;
const STORE_AL: u8 = 0xa2;
/// Divides by the zero in the block.
const DIVIDE: [u8; 7] = [0xf7, 0x34, 0x25, 0x00, 0x03, 0xad, 0x7e];

/// Addresses of programs lie below.
const LOW_HALF: u64 = 1 << 47;
/// Status flags and DF: what a program has of RFLAGS, with those that are always set.
pub(crate) const RFLAGS: u64 = 0x8d5 | 0x400 | RFLAGS_FIXED;
const PFEC_SGX: u32 = 1 << 15;
const PFEC_W: u32 = 1 << 1;
const PFEC_I: u32 = 1 << 4;
/// GPRSGX in an SSA frame of one page.
const GPRSGX: usize = 4096 - 184;
pub(crate) const GPRSGX_RIP: usize = GPRSGX + 136;

impl Venue<'_> {
    /// Does one step and compares what came of it.
    pub(super) fn step(&mut self, step: &Step) -> Done {
        self.resume(step)?;
        self.write_what_changed(step)?;
        self.remap(step)?;
        let outside = self.inside.is_none();
        let before = self.start(&step.before.state)?;
        let Some(leaf) = step.leaf else { return self.exit(step, &before) };
        if leaf == Leaf::Enclu(Enclu::Eexit) && step.result.is_ok() {
            self.land(step.after.state.gprs.rip)?;
        }
        if leaf == Leaf::Enclu(Enclu::Eresume) && step.result.is_ok() {
            self.disarm(step)?;
        }
        if outside {
            self.tcs = before.gprs[3];
        }
        self.instruct(&ENCLU);
        let stop = self.go(&before);
        match &step.result {
            Err(fault) => self.faulted(step, fault, &before, &stop),
            Ok(_) => {
                if self.is_capped(&stop) {
                    return impossible(
                        "page tables keep to the rights that a page was built with".to_owned(),
                    );
                }
                self.inside = self.inside_after(step);
                let wanted = u32::from(self.inside.is_some());
                check(step, "place", stop.at.map(u64::from).unwrap_or(99), wanted.into())?;
                let mut after = step.after.state.clone();
                // an entry point learns where the instruction behind ENCLU is, which stands elsewhere on the model; it
                // keeps RSP, as nothing that is resumed does in an enclave that may be notified
                let notified = self
                    .inside
                    .is_some_and(|number| self.enclaves[number].secs.attributes.has(Flags::AEXNOTIFY))
                    && after.gprs.rsp == step.before.state.gprs.rsp;
                let enters = leaf == Leaf::Enclu(Enclu::Eenter) || notified;
                if outside && enters {
                    after.gprs.rcx = OUTSIDE_SITE + ENCLU.len() as u64;
                }
                same_registers(step, &after, &stop)?;
                self.same_memory(step)
            }
        }
    }

    /// Whether ordinary paging has stopped an access to a page that was built without the right to read it.
    fn is_capped(&self, stop: &Stop) -> bool {
        let [vector, code, address, _] = stop.fault;
        let ordinary = stop.at.is_none() && vector == 14 && code & u64::from(Pfec::SGX.bits()) == 0;
        let page = self.page_at(address & !0xfff).filter(|_| ordinary);
        page.is_some_and(|(_, page)| !page.secinfo.bits().contains(SecInfoFlags::R))
    }

    fn inside_after(&self, step: &Step) -> Option<usize> {
        let base = step.after.inside?.0;
        (0..self.enclaves.len()).find(|number| self.base(*number) == base)
    }

    /// Registers for the process.
    fn start(&self, state: &State) -> Result<Start, Verdict> {
        let mut gprs = words(&state.gprs);
        if gprs[16] & !RFLAGS & 0x3f_ffff != 0 {
            return impossible(format!("RFLAGS {:#x} are not for programs", gprs[16]));
        }
        gprs[16] |= RFLAGS_FIXED;
        let mut xsave = state.xsave.0.clone();
        xsave.resize(832, 0);
        if let Some(number) = self.whereabouts() {
            xsave[512] &= self.enclaves[number].secs.attributes.xfrm.get().to_le_bytes()[0];
        }
        Ok(Start { gprs, xsave: Some(xsave), bases: [state.fs_base, state.gs_base] })
    }

    /// The case has written to pages of enclaves.
    fn write_what_changed(&mut self, step: &Step) -> Done {
        for (at, now) in &step.before.pages {
            let Some((enclave, page)) = self.page_at(*at) else { continue };
            let was = self.pages.insert(*at, now.clone()).unwrap_or_else(|| now.clone());
            let changed: Vec<usize> = (0..4096).filter(|index| was[*index] != now[*index]).collect();
            let (Some(first), Some(last)) = (changed.first(), changed.last()) else { continue };
            let rights = page.secinfo.bits();
            if page.secinfo.page_type() != Some(PageType::Reg)
                || !rights.contains(SecInfoFlags::R | SecInfoFlags::W)
            {
                return impossible(format!("the page at {at:#x} is not written by software"));
            }
            let frame = step.leaf == Some(Leaf::Enclu(Enclu::Eresume)) && step.result.is_ok();
            if frame && changed.iter().any(|index| (GPRSGX_RIP..GPRSGX_RIP + 8).contains(index)) {
                return impossible("resumes elsewhere".to_owned());
            }
            self.store(enclave, at + *first as u64, &now[*first..=*last]);
        }
        Ok(())
    }

    /// The case has changed its address space.
    fn remap(&mut self, step: &Step) -> Done {
        for (at, remap) in &step.remaps {
            let at = at.0 & !0xfff;
            if at >= LOW_HALF {
                return impossible(format!("paging of {at:#x}"));
            }
            let result = match remap {
                Remap::Memory => self.process.replace(at),
                Remap::Nothing => {
                    self.process.unmap(at, 0x1000);
                    Ok(at)
                }
                Remap::ReadOnly => self.process.protect(at),
            };
            result.or_else(|errno| impossible(format!("paging of {at:#x} gives errno {errno}")))?;
            if self.page_at(at).is_none() {
                self.landings.insert(at);
            } else if *remap != Remap::ReadOnly {
                self.replaced.insert(at);
            }
        }
        Ok(())
    }

    /// ERESUME goes on where the frame was left: behind what made it, which must not happen again.
    fn disarm(&mut self, step: &Step) -> Done {
        let Some((enclave, _)) = self.page_at(step.before.state.gprs.rbx) else { return Ok(()) };
        let at = self.end_of(enclave) - AGENT + SITE;
        let nothing = site(&[]).to_vec();
        self.store(enclave, at, &nothing);
        self.sites.insert(Some(enclave), nothing);
        Ok(())
    }

    /// A place for EEXIT to go to.
    fn land(&mut self, at: u64) -> Done {
        if (OUTSIDE_SITE..OUTSIDE_SITE + SITE_BYTES as u64).contains(&at) {
            return Ok(());
        }
        if at >= LOW_HALF || at & 0xfff > 0xff0 || self.page_at(at).is_some() {
            return impossible(format!("EEXIT to {at:#x}"));
        }
        if self.landings.insert(at & !0xfff) {
            self.process.map(at & !0xfff, 0x1000);
        }
        let jump = [&[0xff, 0x25, 0, 0, 0, 0], &Process::outside(0).to_le_bytes()[..]].concat();
        self.process.write(at, &jump);
        Ok(())
    }

    /// Compares a fault. Inside, it has become an exit, and the frame has the registers.
    fn faulted(&mut self, step: &Step, fault: &Fault, before: &Start, stop: &Stop) -> Done {
        if stop.at.is_some() {
            return wrong(step, format!("no fault, but {fault:?} is expected: {stop:x?}"));
        }
        let [vector, code, address, rip] = stop.fault;
        check(step, "vector", vector, fault.vector.number().into())?;
        if fault.vector == Vector::Pf {
            let wanted = fault.address.map_or(0, |address| address.0);
            if wanted >= LOW_HALF {
                return impossible(format!("an operand in the kernel's half, {wanted:#x}"));
            }
            let wanted = if self.inside.is_some() { wanted & !0xfff } else { wanted };
            check(step, "CR2", address, wanted)?;
        }
        check(step, "error code", code, self.code(fault).into())?;
        let Some(enclave) = self.inside else {
            check(step, "RIP", rip, OUTSIDE_SITE)?;
            return same_gprs(step, &before.gprs, &stop.gprs);
        };
        check(step, "RIP after an exit", rip, AEP)?;
        check(step, "RAX after an exit", stop.gprs[0], Enclu::Eresume as u64)?;
        check(step, "RBX after an exit", stop.gprs[3], self.tcs)?;
        let frame = self.frame(enclave);
        let site = self.site();
        self.interrupted = Some(frame);
        let saved = self.load(enclave, frame + GPRSGX as u64, 144);
        let saved: Vec<u64> = saved.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word)).collect();
        check(step, "RIP in the frame", saved[17], site)?;
        let saved: [u64; 17] = std::array::from_fn(|index| saved[index]);
        same_gprs(step, &before.gprs, &saved)
    }

    /// The error code of a fault. A mapping has no more rights than its page, so that ordinary paging refuses
    /// what the EPCM would refuse.
    fn code(&self, fault: &Fault) -> u32 {
        let page = fault.address.and_then(|address| self.page_at(address.0));
        let right = if fault.code & PFEC_W == 0 { SecInfoFlags::R } else { SecInfoFlags::W };
        let refused = page.is_some_and(|(_, page)| {
            page.secinfo.page_type() == Some(PageType::Reg) && !page.secinfo.bits().contains(right)
        });
        if refused { fault.code & !PFEC_SGX } else { fault.code }
    }

    /// The SSA frame that an exit fills now, if frames have one page.
    fn frame(&self, enclave: usize) -> u64 {
        let field = |at: usize| u64::from_le_bytes(*self.pages[&self.tcs][at..].first_chunk().unwrap());
        self.base(enclave) + field(16) + (field(24) & 0xffff_ffff) * 4096
    }

    /// Goes back to where the model still is: behind the leaf that has faulted.
    fn resume(&mut self, step: &Step) -> Done {
        let (Some(frame), Some(enclave)) = (self.interrupted, self.inside) else { return Ok(()) };
        let behind = self.end_of(enclave) - AGENT + SITE + SITE_BYTES as u64;
        self.store(enclave, frame + GPRSGX_RIP as u64, &behind.to_le_bytes());
        self.instruct(&ENCLU);
        let stop = self.go(&registers(Enclu::Eresume, self.tcs));
        check(step, "place after ERESUME", stop.at.map_or(99, u64::from), 1)?;
        self.interrupted = None;
        let content = self.pages[&frame].clone();
        self.store(enclave, frame, &content[..]);
        Ok(())
    }

    /// An asynchronous exit, for a reason that a program can give.
    fn exit(&mut self, step: &Step, before: &Start) -> Done {
        let Some((event, delivered)) = step.exit else {
            return impossible("an exit without an event".to_owned());
        };
        let Some(enclave) = self.inside else { return impossible("an exit outside".to_owned()) };
        let access = |byte: u8| [&[byte][..], &event.address.0.to_le_bytes()].concat();
        let instruction = match event.vector {
            None => vec![0xeb, 0xfe],
            Some(Vector::Ud) => vec![0x0f, 0x0b],
            Some(Vector::De) => DIVIDE.to_vec(),
            Some(Vector::Gp) if event.error_code == 0 => vec![0xf4],
            Some(Vector::Pf) if event.error_code & PFEC_I == 0 && event.address.0 < LOW_HALF => {
                access(if event.error_code & PFEC_W == 0 { LOAD_AL } else { STORE_AL })
            }
            Some(vector) => return impossible(format!("{vector:?} at will")),
        };
        self.instruct(&instruction);
        let stop = self.process.step(0, before, event.vector.is_none());
        self.inside = self.inside_after(step);
        if stop.at.is_some() {
            self.inside = Some(enclave);
            return impossible(format!("{event:?} does not happen"));
        }
        let [vector, code, address, rip] = stop.fault;
        if let Some(wanted) = delivered.vector {
            check(step, "vector", vector, wanted.number().into())?;
            if wanted == Vector::Pf {
                if code != u64::from(event.error_code) {
                    return impossible(format!("the error code is {code:#x}"));
                }
                check(step, "CR2", address, delivered.address.0)?;
            }
            check(step, "error code", code, delivered.error_code.into())?;
        }
        check(step, "RIP", rip, step.after.state.gprs.rip)?;
        same_registers(step, &step.after.state, &stop)?;
        self.same_memory(step)
    }
}
