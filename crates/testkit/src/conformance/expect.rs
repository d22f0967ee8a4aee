//! Expectations: the architectural outcome and the cause, each on its own, and that nothing else happened.

use anyclave_arch::{Encls, Enclu, EpcAddr, Leaf, Linear, SgxError, Vector};
use anyclave_cpu::{Completion, EpcmEntry};
use anyclave_trace::Cause;

use super::execute::{ENCLU_LENGTH, is_user};
use super::syntax::{Expect, Expr, Fault, Setting, Value};
use super::value::Datum;
use super::world::{REGISTERS, Ran, SECTION, STATUS, World, sgx_pfec};

const CF: u64 = 1;
const ZF: u64 = 1 << 6;

/// A check that a case reached, and the outcome that the case saw and wanted.
pub(super) type Reached = Option<(Cause, String)>;

impl World {
    /// Looks whether what the last leaf or exit did is as expected.
    pub(super) fn expect(&mut self, expect: &Expect) -> Result<Reached, String> {
        let Some(mut ran) = self.ran.take() else { return Err("nothing was executed".to_owned()) };
        let reached = self.expected(&mut ran, expect);
        self.ran = Some(ran);
        reached
    }

    fn expected(&mut self, ran: &mut Ran, expect: &Expect) -> Result<Reached, String> {
        match expect {
            Expect::Done => {
                ran.judged = true;
                if ran.result == Ok(Completion::Done) { Ok(None) } else { Err(outcome(ran)) }
            }
            Expect::Fault { fault, cause } => {
                ran.judged = true;
                self.fault(ran, fault, cause.as_deref())
            }
            Expect::Code { code, zf, cause, completes } => {
                ran.judged = true;
                self.code(ran, code, *zf, cause, *completes)
            }
            Expect::Compare { left, differ, right } => {
                self.ran_for_names(ran, |world| world.compare(left, *differ, right))?;
                if let Value::Expr(Expr::Name(name)) = left {
                    ran.registers.insert(name.clone());
                }
                Ok(None)
            }
            Expect::Epcm { page, settings } => {
                let page = self.page(page)?;
                ran.pages.insert(page);
                self.epcm(page, settings).map(|()| None)
            }
            Expect::Inside(inside) => {
                let is = self.cpu().processor.inside();
                if is == *inside { Ok(None) } else { Err(format!("in enclave mode: {is}")) }
            }
            Expect::Others => {
                self.others(ran, &[])?;
                Ok(None)
            }
            Expect::Delivered(event) => {
                let event = self.ran_for_names(ran, |world| world.event(event))?;
                match ran.delivered {
                    Some(delivered) if delivered == event => Ok(None),
                    other => Err(format!("{other:?} is delivered, not {event:?}")),
                }
            }
        }
    }

    /// Lets names such as `was.rsp` mean the run that is being looked at.
    fn ran_for_names<R>(
        &mut self,
        ran: &mut Ran,
        work: impl FnOnce(&mut Self) -> Result<R, String>,
    ) -> Result<R, String> {
        let before = ran.before.clone();
        for name in REGISTERS {
            if let Some(value) = before.clone().register(name) {
                self.lets.insert(format!("was.{name}"), Datum::Number(*value));
            }
        }
        work(self)
    }

    fn fault(&mut self, ran: &mut Ran, wanted: &Fault, cause: Option<&str>) -> Result<Reached, String> {
        let (Err(fault), Some(leaf)) = (ran.result, ran.leaf) else { return Err(outcome(ran)) };
        let (vector, code, address) = match wanted {
            Fault::Gp => (Vector::Gp, 0, None),
            Fault::Ud => (Vector::Ud, 0, None),
            Fault::Pf { address, write, code } => {
                let address = Linear(self.ran_for_names(ran, |world| world.number(address))?);
                let code = match code {
                    Some(code) => {
                        u32::try_from(self.number(code)?).ok().ok_or("an error code has 32 bits")?
                    }
                    None => sgx_pfec(*write, is_user(leaf)),
                };
                (Vector::Pf, code, Some(address))
            }
        };
        if (fault.vector, fault.code, fault.address) != (vector, code, address) {
            let wanted = format!("{vector:?} code {code:#x} at {address:x?}");
            return Err(format!("{}, not {wanted}", outcome(ran)));
        }
        let found = fault.refusal.map(|refusal| refusal.cause);
        same_cause(ran, found, cause)?;
        self.others(ran, &[])?;
        self.unchanged(ran)?;
        let outcome = match (vector, wanted) {
            (Vector::Pf, Fault::Pf { write: true, .. }) => "#PF(SGX, write)",
            (Vector::Pf, _) => "#PF(SGX, read)",
            (Vector::Ud, _) => "#UD",
            _ => "#GP(0)",
        };
        Ok(found.map(|cause| (cause, outcome.to_owned())))
    }

    fn code(
        &mut self,
        ran: &mut Ran,
        code: &Expr,
        zf: bool,
        cause: &str,
        completes: bool,
    ) -> Result<Reached, String> {
        let Ok(Completion::Code(refusal)) = ran.result else { return Err(outcome(ran)) };
        let code = self.number(code)?;
        let gprs = self.cpu().state.gprs;
        let flag = if zf { ZF } else { CF };
        if gprs.rax != code || gprs.rflags & STATUS != flag {
            return Err(format!("RAX is {:#x} and the status flags {:#x}", gprs.rax, gprs.rflags & STATUS));
        }
        same_cause(ran, Some(refusal.cause), Some(cause))?;
        if completes {
            ran.completed = true;
            self.others(ran, &["rax", "rflags", "rip"])?;
        } else {
            self.others(ran, &["rax", "rflags", "rip"])?;
            self.unchanged(ran)?;
        }
        let changed = (gprs.rflags ^ ran.before.state.gprs.rflags) & !STATUS;
        let rip = ran.before.state.gprs.rip + if ran.leaf.is_some_and(is_user) { ENCLU_LENGTH } else { 0 };
        if changed != 0 || gprs.rip != rip {
            return Err(format!("RFLAGS is {:#x} and RIP {:#x}", gprs.rflags, gprs.rip));
        }
        let name = u32::try_from(code).ok().and_then(SgxError::from_code).map_or("none", SgxError::name);
        let flag = if zf { "ZF" } else { "CF" };
        Ok(Some((refusal.cause, format!("{name} ({code}), {flag}"))))
    }

    fn compare(&mut self, left: &Value, differ: bool, right: &Value) -> Result<(), String> {
        let (left, right) = (self.value(left)?, self.value(right)?);
        let same = match (&left, &right) {
            (Datum::Bytes(bytes), other) | (other, Datum::Bytes(bytes)) => {
                other.to_bytes(bytes.len()).as_ref() == Some(bytes)
            }
            (Datum::Number(left), Datum::Number(right)) => left == right,
            // a byte everywhere in a number would depend on how wide the number is
            _ => return Err("these do not compare".to_owned()),
        };
        if same == differ { Err(format!("the values are {left:x?} and {right:x?}")) } else { Ok(()) }
    }

    /// The entry is just what the words say: what is not said is clear.
    fn epcm(&mut self, page: EpcAddr, settings: &[Setting]) -> Result<(), String> {
        let found = self.package.epcm_entry(page);
        if let [Setting { word, .. }] = settings
            && word == "free"
        {
            return if found.valid { Err(format!("the page is in use: {found:?}")) } else { Ok(()) };
        }
        let blank = EpcmEntry { valid: true, ..EpcmEntry::INVALID };
        let mut wanted = self.entry(blank, settings)?;
        if !settings.iter().any(|setting| setting.word == "of") {
            wanted.secs = found.secs;
        }
        // when the page was marked, no software sees
        let seen = |entry: EpcmEntry| {
            let EpcmEntry { valid, rights, page_type, secs, address, blocked, pending, modified, pr, .. } =
                entry;
            (valid, rights, page_type, secs, address, (blocked, pending, modified, pr))
        };
        if seen(found) == seen(wanted) {
            Ok(())
        } else {
            Err(format!("the EPCM has {found:?}, not {wanted:?}"))
        }
    }

    /// Registers that are not named are as before.
    fn others(&mut self, ran: &Ran, but: &[&str]) -> Result<(), String> {
        let mut before = ran.before.clone();
        let after = self.cpu();
        for name in REGISTERS {
            let (old, new) = (before.register(name).copied(), after.register(name).copied());
            if old != new && !but.contains(&name) && !ran.registers.contains(name) {
                return Err(format!("{name} has changed from {old:x?} to {new:x?}"));
            }
        }
        if before.state.xsave == after.state.xsave
            || ran.registers.iter().any(|name| name.starts_with("xsave"))
        {
            return Ok(());
        }
        Err("extended state has changed".to_owned())
    }

    fn unchanged(&self, ran: &Ran) -> Result<(), String> {
        if self.snapshot() == ran.was {
            Ok(())
        } else {
            Err("the refused leaf has changed something".to_owned())
        }
    }

    /// The end of what is expected of a leaf: what no expectation has named must be as before.
    pub(super) fn finish(&mut self) -> Result<(), String> {
        let Some(ran) = self.ran.take() else { return Ok(()) };
        let result = self.finished(&ran);
        if let Some(state) = ran.restore {
            self.cpu().state = state;
        }
        result
    }

    fn finished(&mut self, ran: &Ran) -> Result<(), String> {
        if !ran.judged && ran.result != Ok(Completion::Done) {
            return Err(format!("line {}: {}", ran.line, outcome(ran)));
        }
        let done = ran.result == Ok(Completion::Done);
        if !ran.judged || !done && !ran.completed {
            return Ok(());
        }
        let pages = (SECTION.base..).step_by(4096).map(EpcAddr);
        for ((page, old), new) in pages.zip(&ran.entries).zip(self.entries()) {
            if *old != new && !ran.pages.contains(&page) {
                return Err(format!("the EPCM entry of {} has changed to {new:?}", self.name_of(page)));
            }
        }
        let Some(leaf) = ran.leaf.filter(|leaf| done && !is_transfer(*leaf)) else { return Ok(()) };
        let mut but = vec!["rip"];
        let gprs = self.cpu().state.gprs;
        if has_result(leaf) {
            but.extend(["rax", "rflags"]);
            if gprs.rax != 0 || gprs.rflags != ran.before.state.gprs.rflags & !STATUS {
                return Err(format!("RAX is {:#x} and RFLAGS {:#x} after success", gprs.rax, gprs.rflags));
            }
        }
        let rip = ran.before.state.gprs.rip + if is_user(leaf) { ENCLU_LENGTH } else { 0 };
        if gprs.rip != rip {
            return Err(format!("RIP is {:#x}", gprs.rip));
        }
        self.others(ran, &but)
    }

    /// What a script calls a page.
    fn name_of(&self, page: EpcAddr) -> String {
        let names = self.objects.iter().filter(|(_, object)| object.home == super::world::Home::Epc(page));
        names.map(|(name, _)| name.clone()).next().unwrap_or_else(|| page.to_string())
    }

    /// The check at which the last leaf stopped.
    pub(super) fn cause(&self) -> Option<Cause> {
        self.ran.as_ref().and_then(cause_of)
    }
}

fn cause_of(ran: &Ran) -> Option<Cause> {
    match ran.result {
        Ok(Completion::Done) => None,
        Ok(Completion::Code(refusal)) => Some(refusal.cause),
        Err(fault) => fault.refusal.map(|refusal| refusal.cause),
    }
}

/// The check has the wanted name and belongs to the leaf, or to the instruction before it has chosen one.
fn same_cause(ran: &Ran, found: Option<Cause>, wanted: Option<&str>) -> Result<(), String> {
    let leaf = ran.leaf.unwrap_or(Leaf::AnyEncls);
    let any = match leaf {
        Leaf::Encls(_) | Leaf::AnyEncls => Leaf::AnyEncls,
        Leaf::Enclu(_) | Leaf::AnyEnclu => Leaf::AnyEnclu,
        Leaf::Enclv(_) | Leaf::AnyEnclv => Leaf::AnyEnclv,
    };
    let owned = found.is_none_or(|cause| cause.leaf() == leaf || cause.leaf() == any);
    if found.map(Cause::name) == wanted && owned {
        return Ok(());
    }
    Err(format!("the check is {}, not {}", found.map_or("none", Cause::name), wanted.unwrap_or("none")))
}

/// What happened, in a line.
fn outcome(ran: &Ran) -> String {
    let leaf = ran.leaf.map_or_else(|| "the exit".to_owned(), |leaf| leaf.to_string());
    match ran.result {
        Ok(Completion::Done) => format!("{leaf} succeeded"),
        Ok(Completion::Code(refusal)) => refusal.to_string(),
        Err(fault) => match fault.refusal {
            Some(refusal) => format!("{refusal} ({fault:x?})"),
            None => format!("{leaf}: {fault:x?}"),
        },
    }
}

/// Leaves that load registers because that is what they are for.
const fn is_transfer(leaf: Leaf) -> bool {
    matches!(leaf, Leaf::Enclu(Enclu::Eenter | Enclu::Eresume | Enclu::Eexit) | Leaf::AnyEnclu)
}

/// Leaves that report in RAX, from the manual's table of their results.
const fn has_result(leaf: Leaf) -> bool {
    match leaf {
        Leaf::Encls(leaf) => {
            !matches!(leaf, Encls::Ecreate | Encls::Eadd | Encls::Eextend | Encls::Epa | Encls::Eaug)
        }
        Leaf::Enclu(leaf) => matches!(leaf, Enclu::Egetkey | Enclu::Eaccept | Enclu::Eacceptcopy),
        Leaf::Enclv(_) => true,
        Leaf::AnyEncls | Leaf::AnyEnclu | Leaf::AnyEnclv => false,
    }
}
