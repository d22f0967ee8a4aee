//! Statements that do something.

use std::collections::BTreeSet;

use anyclave_arch::token::EinitToken;
use anyclave_arch::{EpcAddr, Flags, Leaf, Linear, PageType, SecInfoFlags, SigStruct, Vector};
use anyclave_cpu::{EnclsRegisters, EpcmEntry, Event, Lock, Target};
use zerocopy::FromZeros;

use super::declare::{apply, operate};
use super::keys;
use super::leaves::{self, Fixed};
use super::plan;
use super::recording::Remap;
use super::syntax::{self, Assignment, Kind, MapTo, Place, Run, Setting};
use super::value::Datum;
use super::world::{Home, Ran, World};

/// Bytes of ENCLU.
pub(super) const ENCLU_LENGTH: u64 = 3;

impl World {
    /// Performs a statement that is neither a declaration nor an expectation.
    pub(super) fn perform(&mut self, line: usize, kind: &Kind, own: Leaf) -> Result<(), String> {
        match kind {
            Kind::Struct { name, layout, at } => {
                let at = Linear(self.number(at)?);
                self.name_structure(name, layout, at)
            }
            Kind::Assign(assignment) => self.assign(assignment),
            Kind::Let { name, value } => {
                let value = self.value(value)?;
                self.lets.insert(name.clone(), value);
                Ok(())
            }
            Kind::Map { at, to } => self.map(at, to),
            Kind::Epcm { page, settings } => {
                let page = self.page(page)?;
                let entry = self.entry(self.package.epcm_entry(page), settings)?;
                self.package.force_entry(page, entry);
                Ok(())
            }
            Kind::Hold { page, lock } => {
                let page = Linear(self.number(page)?);
                let Some(Target::Epc(page)) = self.space.look(page) else {
                    return Err(format!("{page} is not in the EPC"));
                };
                let lock = lock_named(lock).ok_or_else(|| format!("there is no lock `{lock}`"))?;
                self.package.hold(page, lock);
                Ok(())
            }
            Kind::Release => {
                self.package.let_go();
                Ok(())
            }
            Kind::Sign(name) => {
                let sigstruct = self.sigstruct_of(name).map_err(|(_, text)| text)?;
                let signer = self.enclaves.get(name).map_or(1, |plan| plan.signer);
                self.lets.insert("signer".to_owned(), Datum::Number(signer.into()));
                self.put("sigstruct", &sigstruct);
                Ok(())
            }
            Kind::Resign => {
                let mut sigstruct: SigStruct = self.structure("sigstruct").ok_or("there is no sigstruct")?;
                let signer = match self.lets.get("signer") {
                    Some(Datum::Number(signer)) => u8::try_from(*signer).unwrap_or(1),
                    _ => 1,
                };
                plan::sign(&mut sigstruct, signer);
                self.put("sigstruct", &sigstruct);
                Ok(())
            }
            Kind::Grant(name) => self.grant(name),
            Kind::Mac => self.mac(),
            Kind::Processor(number) => {
                self.current = self.number(number)?;
                self.cpu();
                Ok(())
            }
            Kind::Event => {
                self.cpu().processor.event_pending = true;
                Ok(())
            }
            Kind::Guest => {
                self.cpu().processor.epc_virtualization = true;
                Ok(())
            }
            Kind::Microcode(cpusvn) => {
                let bytes = self.value(cpusvn)?.to_bytes(16).ok_or("a CPUSVN has 16 bytes")?;
                let cpusvn = bytes.first_chunk().ok_or("a CPUSVN has 16 bytes")?;
                self.package.load_microcode(*cpusvn).then_some(()).ok_or_else(|| "it is older".to_owned())
            }
            Kind::Run(run) => self.run(line, run, own),
            Kind::Aex { event, step } => self.aex(line, event, *step),
            _ => Err("this statement does nothing".to_owned()),
        }
    }

    fn assign(&mut self, assignment: &Assignment) -> Result<(), String> {
        let Assignment { place, operator, value, poke } = assignment;
        let value = self.value(value)?;
        if let Place::Name(name) = place {
            if name == "lepubkeyhash" {
                let hash = value.to_bytes(32).ok_or("a hash has 32 bytes")?;
                let hash =
                    anyclave_arch::msr::lepubkeyhash_msrs(hash.first_chunk().ok_or("a hash has 32 bytes")?);
                return self.package.set_lepubkeyhash(hash).ok().ok_or_else(|| "WRMSR: #GP".to_owned());
            }
            if let Some(register) = self.cpu().register(name) {
                let Datum::Number(by) = value else { return Err("a register takes a number".to_owned()) };
                *register = operate(operator, *register, by);
                return Ok(());
            }
        }
        let (home, at, length) = match place {
            Place::Name(name) => {
                let (object, offset, length) =
                    self.span(name).ok_or_else(|| format!("{name} is not known"))?;
                (object.home, object.at.offset(offset.try_into().unwrap_or(0)), (offset, length))
            }
            Place::Byte(name, byte) => {
                let (object, offset) = self.byte(name, byte)?;
                (object.home, object.at.offset(offset.try_into().unwrap_or(0)), (offset, 1))
            }
            Place::Memory(at, length) => {
                let (at, length) = (Linear(self.number(at)?), self.length(length)?);
                match self.space.look(at) {
                    Some(Target::Epc(epc)) => (Home::Epc(epc), at, (0, length)),
                    Some(Target::Ordinary) => (Home::Memory, at, (0, length)),
                    None => return Err(format!("nothing is mapped at {at}")),
                }
            }
        };
        self.write(home, at, length, operator, &value, *poke)
    }

    fn write(
        &mut self,
        home: Home,
        at: Linear,
        (offset, length): (usize, usize),
        operator: &str,
        value: &Datum,
        poke: bool,
    ) -> Result<(), String> {
        let mut bytes = vec![0; length];
        match home {
            Home::Memory => {
                self.space.bytes(at, &mut bytes);
                apply(&mut bytes, operator, value)?;
                self.space.put(at, &bytes);
            }
            Home::Epc(epc) => {
                let epc = EpcAddr(epc.0 + u64::try_from(offset).unwrap_or(0));
                let entry = self.package.epcm_entry(epc);
                let by_software = entry.valid && entry.page_type == PageType::Reg;
                if !by_software && !poke {
                    return Err("only the processor writes this page; say `image` or `poke`".to_owned());
                }
                self.load_epc(epc, &mut bytes);
                apply(&mut bytes, operator, value)?;
                self.store_epc(epc, &bytes);
            }
            Home::Registers => {
                let image = &mut self.cpu().state.xsave.0;
                let place = image.get_mut(offset..offset + length).ok_or("beyond the image")?;
                apply(place, operator, value)?;
            }
        }
        Ok(())
    }

    fn map(&mut self, at: &syntax::Expr, to: &MapTo) -> Result<(), String> {
        let at = Linear(self.number(at)?);
        match to {
            MapTo::Memory => self.remaps.push((at, Remap::Memory)),
            MapTo::Nothing => self.remaps.push((at, Remap::Nothing)),
            MapTo::ReadOnly => self.remaps.push((at, Remap::ReadOnly)),
            MapTo::Page(_) => {}
        }
        match to {
            MapTo::Memory => self.space.map(at, Target::Ordinary),
            MapTo::Nothing => self.space.unmap(at),
            MapTo::ReadOnly => self.space.protect(at),
            MapTo::Page(page) => {
                let page = Linear(self.number(page)?);
                let target = self.space.look(page).ok_or_else(|| format!("nothing is mapped at {page}"))?;
                let target = match target {
                    Target::Epc(epc) => Target::Epc(epc.page()),
                    Target::Ordinary => Target::Ordinary,
                };
                self.space.map(at, target);
            }
        }
        Ok(())
    }

    /// An EPCM entry after the words of a statement.
    pub(super) fn entry(&mut self, mut entry: EpcmEntry, settings: &[Setting]) -> Result<EpcmEntry, String> {
        for Setting { word, negated, value } in settings {
            let value = match value {
                Some(syntax::Expr::Name(name)) if word == "of" => {
                    let secs = format!("{name}.secs");
                    Some(self.page(if self.objects.contains_key(&secs) { &secs } else { name })?.0)
                }
                Some(expr) => Some(self.number(expr)?),
                None => None,
            };
            let on = !negated;
            match (&**word, value) {
                ("valid", None) => entry.valid = on,
                ("blocked", None) => entry.blocked = on,
                ("pending", None) => entry.pending = on,
                ("modified", None) => entry.modified = on,
                ("pr", None) => entry.pr = on,
                ("r", None) => entry.rights.set(SecInfoFlags::R, on),
                ("w", None) => entry.rights.set(SecInfoFlags::W, on),
                ("x", None) => entry.rights.set(SecInfoFlags::X, on),
                ("secs", None) => entry.page_type = PageType::Secs,
                ("tcs", None) => entry.page_type = PageType::Tcs,
                ("reg", None) => entry.page_type = PageType::Reg,
                ("va", None) => entry.page_type = PageType::Va,
                ("trim", None) => entry.page_type = PageType::Trim,
                ("at", Some(at)) => entry.address = Linear(at),
                ("of", Some(secs)) => entry.secs = EpcAddr(secs),
                _ => return Err(format!("no EPCM entry is `{word}`")),
            }
        }
        Ok(entry)
    }

    /// A token by which a launch enclave permits an enclave, with its signer in the hash MSRs.
    fn grant(&mut self, name: &str) -> Result<(), String> {
        let plan = self.enclaves.get(name).ok_or_else(|| format!("{name} is no enclave"))?;
        let token = EinitToken {
            valid: 1.into(),
            attributes: plan.secs().attributes,
            mrenclave: plan.mrenclave(),
            mrsigner: plan.mrsigner(),
            cpusvnle: [2; 16],
            isvprodidle: 0x20.into(),
            isvsvnle: 1.into(),
            maskedattributesle: anyclave_arch::Attributes::new(Flags::INIT | Flags::EINITTOKENKEY, 0),
            keyid: [5; 32],
            ..EinitToken::new_zeroed()
        };
        self.put("token", &token);
        let signer = anyclave_arch::msr::lepubkeyhash_msrs(&self.launch_signer);
        self.package.set_lepubkeyhash(signer).ok().ok_or_else(|| "WRMSR: #GP".to_owned())?;
        self.mac()
    }

    fn mac(&mut self) -> Result<(), String> {
        let mut token: EinitToken = self.structure("token").ok_or("there is no token")?;
        token.mac = keys::token_mac(&self.config, &token, &self.launch_signer);
        self.put("token", &token);
        Ok(())
    }

    /// Executes a leaf.
    pub(super) fn run(&mut self, line: usize, run: &Run, own: Leaf) -> Result<(), String> {
        let leaf = run.leaf.unwrap_or(own);
        let kept = self.cpu().state.clone();
        let is_other = run.leaf.is_some();
        let user = is_user(leaf);
        let (positions, fixed) = leaves::operands(leaf);
        if is_other {
            for (register, value) in fixed {
                let value = match value {
                    Fixed::Number(number) => *number,
                    Fixed::Object(name) => self.number(&syntax::Expr::Name((*name).to_owned()))?,
                };
                if let Some(register) = self.cpu().register(register) {
                    *register = value;
                }
            }
            if run.operands.len() > positions.len() {
                return Err(format!("{leaf} has {} operands", positions.len()));
            }
        }
        for (position, operand) in positions.iter().zip(&run.operands) {
            let operand = self.number(operand)?;
            if let Some(register) = self.cpu().register(position) {
                *register = operand;
            }
        }
        for assignment in &run.named {
            self.assign(assignment)?;
        }
        let number = match leaf {
            Leaf::Encls(leaf) => Some(leaf as u64),
            Leaf::Enclu(leaf) => Some(leaf as u64),
            Leaf::Enclv(leaf) => Some(leaf as u64),
            Leaf::AnyEncls | Leaf::AnyEnclu | Leaf::AnyEnclv => None,
        };
        if let Some(number) = number {
            self.cpu().state.gprs.rax = number;
        }
        let moment = self.steps.is_some().then(|| self.moment());
        let before = self.cpu().clone();
        let (was, entries) = (self.snapshot(), self.entries());
        let result = match leaf {
            Leaf::Enclu(_) | Leaf::AnyEnclu => self.enclu(),
            Leaf::Encls(_) | Leaf::AnyEncls => self.privileged(false),
            Leaf::Enclv(_) | Leaf::AnyEnclv => self.privileged(true),
        };
        self.ran = Some(Ran {
            line,
            leaf: Some(leaf),
            result,
            delivered: None,
            before,
            was,
            entries,
            // a step of the kernel's leaves the registers of the case alone
            restore: (is_other && !user).then_some(kept),
            judged: false,
            completed: false,
            registers: BTreeSet::new(),
            pages: BTreeSet::new(),
        });
        self.keep(moment, None);
        if run.step { self.finish() } else { Ok(()) }
    }

    fn enclu(&mut self) -> Result<anyclave_cpu::Completion, anyclave_cpu::Fault> {
        let current = self.current;
        let Some(cpu) = self.processors.get_mut(&current) else { return Ok(anyclave_cpu::Completion::Done) };
        self.package.enclu(&mut cpu.processor, &mut self.space, &mut cpu.state, ENCLU_LENGTH)
    }

    /// ENCLS, or ENCLV.
    fn privileged(&mut self, enclv: bool) -> Result<anyclave_cpu::Completion, anyclave_cpu::Fault> {
        let current = self.current;
        let Some(cpu) = self.processors.get_mut(&current) else { return Ok(anyclave_cpu::Completion::Done) };
        let gprs = &mut cpu.state.gprs;
        let (rax, rbx, rcx, rdx, rflags) = (gprs.rax, gprs.rbx, gprs.rcx, gprs.rdx, gprs.rflags);
        let mut registers = EnclsRegisters { rax, rbx, rcx, rdx, rflags };
        let (processor, space) = (&mut cpu.processor, &mut self.space);
        let result = if enclv {
            self.package.enclv(processor, space, &mut registers)
        } else {
            self.package.encls(processor, space, &mut registers)
        };
        let EnclsRegisters { rax, rbx, rcx, rdx, rflags } = registers;
        (gprs.rax, gprs.rbx, gprs.rcx, gprs.rdx, gprs.rflags) = (rax, rbx, rcx, rdx, rflags);
        result
    }

    /// What an event is made of.
    pub(super) fn event(&mut self, event: &syntax::Event) -> Result<Event, String> {
        let vector = match event.vector.as_deref() {
            None => None,
            Some(name) => Some(vector(name).ok_or_else(|| format!("there is no exception {name}"))?),
        };
        let address = match &event.address {
            Some(expr) => Linear(self.number(expr)?),
            None => Linear(0),
        };
        let code = match &event.code {
            Some(expr) => self.number(expr)?,
            None => 0,
        };
        let error_code = u32::try_from(code).ok().ok_or("an error code has 32 bits")?;
        Ok(Event { vector, error_code, address })
    }

    fn aex(&mut self, line: usize, event: &syntax::Event, step: bool) -> Result<(), String> {
        let event = self.event(event)?;
        let moment = self.steps.is_some().then(|| self.moment());
        let before = self.cpu().clone();
        let (was, entries) = (self.snapshot(), self.entries());
        let current = self.current;
        let Some(cpu) = self.processors.get_mut(&current) else { return Ok(()) };
        let delivered = self.package.aex(&mut cpu.processor, &mut cpu.state, event);
        self.ran = Some(Ran {
            line,
            leaf: None,
            result: Ok(anyclave_cpu::Completion::Done),
            delivered: Some(delivered),
            before,
            was,
            entries,
            restore: None,
            judged: false,
            completed: false,
            registers: BTreeSet::new(),
            pages: BTreeSet::new(),
        });
        self.keep(moment, Some(event));
        if step { self.finish() } else { Ok(()) }
    }
}

/// Whether a leaf is executed in user mode.
pub(super) const fn is_user(leaf: Leaf) -> bool {
    matches!(leaf, Leaf::Enclu(_) | Leaf::AnyEnclu)
}

fn lock_named(name: &str) -> Option<Lock> {
    Some(match name {
        "exclusive" => Lock::EXCLUSIVE,
        "shared" => Lock::SHARED,
        "sgx2" => Lock::SGX2,
        "measurement" => Lock::MEASUREMENT,
        "tracking" => Lock::TRACKING,
        _ => return None,
    })
}

fn vector(name: &str) -> Option<Vector> {
    Some(match name {
        "DE" => Vector::De,
        "DB" => Vector::Db,
        "BP" => Vector::Bp,
        "OF" => Vector::Of,
        "BR" => Vector::Br,
        "UD" => Vector::Ud,
        "NM" => Vector::Nm,
        "DF" => Vector::Df,
        "TS" => Vector::Ts,
        "NP" => Vector::Np,
        "SS" => Vector::Ss,
        "GP" => Vector::Gp,
        "PF" => Vector::Pf,
        "MF" => Vector::Mf,
        "AC" => Vector::Ac,
        "MC" => Vector::Mc,
        "XM" => Vector::Xm,
        "CP" => Vector::Cp,
        _ => return None,
    })
}
