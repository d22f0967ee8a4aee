//! What there is before anything happens: the processor, pages, enclaves.

use anyclave_arch::cpuid::SgxFeatures;
use anyclave_arch::{Attributes, Flags, Linear, MiscSelect, PageType, SecInfo, SecInfoFlags, SigStruct};
use anyclave_cpu::xsave::XsaveLayout;
use anyclave_cpu::{LaunchControl, Odds};
use zerocopy::{FromBytes, IntoBytes};

use super::layout;
use super::parse::find;
use super::plan::{self, PagePlan};
use super::syntax::{Assignment, Kind, Place, Setting, Statement};
use super::value::Datum;
use super::world::{Home, Object, World};

/// Bits of ATTRIBUTES by the words of scripts.
const ATTRIBUTES: [(&str, Flags); 6] = [
    ("debug", Flags::DEBUG),
    ("provisionkey", Flags::PROVISIONKEY),
    ("tokenkey", Flags::EINITTOKENKEY),
    ("cet", Flags::CET),
    ("kss", Flags::KSS),
    ("aexnotify", Flags::AEXNOTIFY),
];

/// Groups of leaves by the words of scripts.
const FEATURES: [(&str, SgxFeatures); 5] = [
    ("sgx2", SgxFeatures::SGX2),
    ("enclv", SgxFeatures::ENCLV),
    ("oversub", SgxFeatures::OVERSUB),
    ("eupdatesvn", SgxFeatures::EUPDATESVN),
    ("edeccssa", SgxFeatures::EDECCSSA),
];

/// Whether a statement describes what there is before anything happens.
pub(super) const fn is_declaration(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::Cpu(_)
            | Kind::Enclave { .. }
            | Kind::With { .. }
            | Kind::Without(_)
            | Kind::Pages(_)
            | Kind::Memory(_)
            | Kind::Image(_)
    )
}

/// A problem of a statement: its line, and what is wrong.
pub(super) type Wrong = (usize, String);

impl World {
    /// Makes the world that the declarations among these statements describe.
    pub(super) fn declare(&mut self, statements: &[Statement]) -> Result<(), Wrong> {
        self.describe(statements)?;
        self.build_all()
    }

    /// Plans that world.
    pub(super) fn describe(&mut self, statements: &[Statement]) -> Result<(), Wrong> {
        let mut declarations = statements.iter().filter(|statement| is_declaration(&statement.kind));
        declarations
            .try_for_each(|statement| self.declaration(statement).map_err(|text| (statement.line, text)))
    }

    /// Makes what has been planned.
    pub(super) fn build_all(&mut self) -> Result<(), Wrong> {
        self.boot();
        let names: Vec<_> = self.enclaves.keys().cloned().collect();
        for name in &names {
            self.name_enclave(name);
        }
        for name in &names {
            let sigstruct = self.sigstruct_of(name)?;
            self.build(name, &sigstruct).map_err(|text| (0, text))?;
        }
        Ok(())
    }

    fn declaration(&mut self, statement: &Statement) -> Result<(), String> {
        match &statement.kind {
            Kind::Cpu(settings) => settings.iter().try_for_each(|setting| self.cpu_setting(setting)),
            Kind::Enclave { name, settings } => {
                if !self.enclaves.contains_key(name) {
                    self.add_enclave(name);
                }
                self.name_enclave(name);
                settings.iter().try_for_each(|setting| self.enclave_setting(name, setting))?;
                self.name_enclave(name);
                Ok(())
            }
            Kind::With { name, offset, settings } => {
                let offset = self.number(offset)?;
                self.with(name, offset, settings)
            }
            Kind::Without(name) => {
                let (enclave, page) = name.split_once('.').ok_or("ENCLAVE.PAGE is wanted")?;
                let plan = self.enclaves.get_mut(enclave).ok_or("there is no such enclave")?;
                plan.pages.retain(|other| other.name != page);
                self.objects.remove(name);
                Ok(())
            }
            Kind::Pages(names) => {
                for name in names {
                    let page = self.allocate();
                    self.add_page(name, page, "page");
                }
                Ok(())
            }
            Kind::Memory(names) => {
                for name in names {
                    self.add_memory(name, layout::by_name("page"));
                }
                Ok(())
            }
            Kind::Image(assignment) => self.image(statement.line, assignment),
            _ => Ok(()),
        }
    }

    fn cpu_setting(&mut self, setting: &Setting) -> Result<(), String> {
        let value = match &setting.value {
            Some(expr) => self.number(expr)?,
            None => 0,
        };
        if let Some((_, flag)) = ATTRIBUTES.iter().find(|(word, _)| *word == setting.word) {
            self.config.attributes.set(*flag, !setting.negated);
            return Ok(());
        }
        if let Some((_, feature)) = FEATURES.iter().find(|(word, _)| *word == setting.word) {
            self.config.features.set(*feature, !setting.negated);
            return Ok(());
        }
        let byte = u8::try_from(value).unwrap_or(u8::MAX);
        match &*setting.word {
            "max" => {}
            "sgx1" => {
                self.config.features = SgxFeatures::SGX1;
                self.config.attributes -= Flags::KSS | Flags::AEXNOTIFY;
                self.config.miscselect = MiscSelect::empty();
            }
            "xfrm" => self.config.xfrm = value,
            "xcr0" => self.config.xcr0 = value,
            "miscselect" => {
                self.config.miscselect = MiscSelect::from_bits_retain(u32::try_from(value).unwrap_or(0));
            }
            "max64" => self.config.max_size_64 = byte,
            "max32" => self.config.max_size_32 = byte,
            "locked" if setting.negated => self.config.launch_control = LaunchControl::Writable,
            "locked" => self.config.launch_control = LaunchControl::intel(),
            "entropy" => self.config.inject.entropy = Odds(u32::from(setting.negated)),
            // where XSAVE puts AVX state: far enough for frames of several pages
            "avx" => {
                let at = u32::try_from(value).unwrap_or(0);
                self.config.xsave = XsaveLayout::new(vec![(0, 0), (0, 0), (at, 256)]);
            }
            word => return Err(format!("no processor is `{word}`")),
        }
        Ok(())
    }

    fn enclave_setting(&mut self, name: &str, setting: &Setting) -> Result<(), String> {
        let value = match &setting.value {
            Some(expr) => self.number(expr)?,
            None => 0,
        };
        let plan = self.enclaves.get_mut(name).ok_or("there is no such enclave")?;
        let small = u32::try_from(value).unwrap_or(u32::MAX);
        if let Some((_, flag)) = ATTRIBUTES.iter().find(|(word, _)| *word == setting.word) {
            plan.edit(|secs| {
                let mut flags = secs.attributes.flags();
                flags.set(*flag, !setting.negated);
                secs.attributes = Attributes::new(flags, secs.attributes.xfrm.get());
            });
            return Ok(());
        }
        match &*setting.word {
            "uninitialised" => plan.initialised = setting.negated,
            "signer" => plan.signer = u8::try_from(value).ok().ok_or("a signer is a byte")?,
            "base" => plan.edit(|secs| secs.base = value.into()),
            "size" => plan.edit(|secs| secs.size = value.into()),
            "ssaframesize" => plan.edit(|secs| secs.ssaframesize = small.into()),
            "miscselect" => plan.edit(|secs| secs.miscselect = small.into()),
            "xfrm" => plan.edit(|secs| secs.attributes.xfrm = value.into()),
            // 32-bit: below 4 GiB, with limits that EADD accepts
            "small" => {
                plan.edit(|secs| {
                    secs.base = (0x1000_0000 + (secs.base.get() & 0xfff_ffff)).into();
                    secs.attributes.flags &= !Flags::MODE64BIT.bits();
                });
                for page in
                    plan.pages.iter_mut().filter(|page| page.secinfo.page_type() == Some(PageType::Tcs))
                {
                    page.data[64..72].fill(0xff);
                }
            }
            word => return Err(format!("no enclave is `{word}`")),
        }
        Ok(())
    }

    fn with(&mut self, name: &str, offset: u64, settings: &[Setting]) -> Result<(), String> {
        let (enclave, page) = name.split_once('.').ok_or("ENCLAVE.PAGE is wanted")?;
        let fill = match find(settings, "fill").and_then(|setting| setting.value.as_ref()) {
            Some(expr) => u8::try_from(self.number(expr)?).ok().ok_or("a byte is wanted")?,
            None => 0,
        };
        let mut rights = SecInfoFlags::empty();
        let mut page_type = PageType::Reg;
        for setting in settings {
            match &*setting.word {
                "r" => rights |= SecInfoFlags::R,
                "w" => rights |= SecInfoFlags::W,
                "x" => rights |= SecInfoFlags::X,
                "tcs" => page_type = PageType::Tcs,
                "reg" | "fill" => {}
                word => return Err(format!("no page is `{word}`")),
            }
        }
        let epc = self.allocate();
        let plan = self.enclaves.get_mut(enclave).ok_or("there is no such enclave")?;
        let mut data = Box::new([fill; 4096]);
        if page_type == PageType::Tcs {
            // like the first one of the enclave
            if let Some(tcs) = plan.pages.iter().find(|page| page.secinfo.page_type() == Some(PageType::Tcs))
            {
                data.clone_from(&tcs.data);
            }
        }
        let secinfo = SecInfo::new(page_type, rights);
        let new = PagePlan { name: page.to_owned(), offset, secinfo, data, epc };
        match plan.pages.iter_mut().find(|other| other.name == page) {
            Some(old) => *old = PagePlan { epc: old.epc, ..new },
            None => plan.pages.push(new),
        }
        self.name_enclave(enclave);
        Ok(())
    }

    /// Changes what the loader of an enclave is given.
    fn image(&mut self, line: usize, assignment: &Assignment) -> Result<(), String> {
        let (Place::Name(name) | Place::Byte(name, _)) = &assignment.place else {
            return Err("a field of the image is wanted".to_owned());
        };
        let (enclave, rest) = name.split_once('.').ok_or("ENCLAVE.OBJECT.FIELD is wanted")?;
        let (object, field) = rest.split_once('.').unwrap_or((rest, ""));
        if object == "sigstruct" {
            let plan = self.enclaves.get_mut(enclave).ok_or("there is no such enclave")?;
            plan.sigstruct.push((line, assignment.clone()));
            return Ok(());
        }
        let (_, offset, length) = self.span(name).ok_or_else(|| format!("{name} is not known"))?;
        let (offset, length) = match &assignment.place {
            Place::Byte(_, byte) => (offset + self.length(byte)?, 1),
            _ => (offset, length),
        };
        let value = self.value(&assignment.value)?;
        let plan = self.enclaves.get_mut(enclave).ok_or("there is no such enclave")?;
        let bytes = if object == "secs" {
            &mut plan.secs
        } else {
            let page = plan.pages.iter_mut().find(|page| page.name == object);
            &mut page.ok_or_else(|| format!("{field} is of no page"))?.data
        };
        let place = bytes.get_mut(offset..offset + length).ok_or("beyond the page")?;
        apply(place, assignment.operator, &value)?;
        self.name_enclave(enclave);
        Ok(())
    }

    /// The SIGSTRUCT of an enclave, with the changes of its image.
    pub(super) fn sigstruct_of(&mut self, name: &str) -> Result<SigStruct, Wrong> {
        let none = || (0, format!("{name} is no enclave"));
        let plan = self.enclaves.get(name).cloned().ok_or_else(none)?;
        let mut sigstruct = plan.unsigned();
        let layout = layout::by_name("sigstruct").ok_or_else(none)?;
        for (line, assignment) in &plan.sigstruct {
            let wrong = |text: String| (*line, text);
            let (Place::Name(path) | Place::Byte(path, _)) = &assignment.place else { continue };
            let field = path.rsplit('.').next().unwrap_or_default();
            let span =
                layout.field(field).ok_or_else(|| wrong(format!("{field} is no field of a SIGSTRUCT")))?;
            let (mut offset, mut length) = span;
            if let Place::Byte(_, byte) = &assignment.place {
                offset += self.length(byte).map_err(wrong)?;
                length = 1;
            }
            let value = self.value(&assignment.value).map_err(wrong)?;
            let mut bytes = sigstruct.as_bytes().to_vec();
            let place = bytes.get_mut(offset..offset + length).ok_or_else(none)?;
            apply(place, assignment.operator, &value).map_err(wrong)?;
            sigstruct = SigStruct::read_from_bytes(&bytes).ok().ok_or_else(none)?;
        }
        plan::sign(&mut sigstruct, plan.signer);
        Ok(sigstruct)
    }

    /// A name for bytes at an address.
    pub(super) fn name_structure(&mut self, name: &str, layout: &str, at: Linear) -> Result<(), String> {
        let layout = layout::by_name(layout).ok_or_else(|| format!("there is no structure {layout}"))?;
        let home = match self.space.look(at) {
            Some(anyclave_cpu::Target::Epc(epc)) => Home::Epc(epc),
            _ => Home::Memory,
        };
        self.objects.insert(name.to_owned(), Object { at, home, layout });
        Ok(())
    }
}

/// Changes bytes by an assignment.
pub(super) fn apply(place: &mut [u8], operator: &str, value: &Datum) -> Result<(), String> {
    let length = place.len();
    if operator == "=" {
        let bytes = match value {
            // the beginning of something larger
            Datum::Bytes(bytes) if bytes.len() < length => {
                let mut whole = place.to_vec();
                whole[..bytes.len()].copy_from_slice(bytes);
                whole
            }
            value => {
                value.to_bytes(length).ok_or_else(|| format!("the value does not fit {length} bytes"))?
            }
        };
        place.copy_from_slice(&bytes);
        return Ok(());
    }
    let (Datum::Number(old), Datum::Number(by)) = (Datum::from_bytes(place.to_vec()), value) else {
        return Err(format!("{operator} needs numbers"));
    };
    let new = operate(operator, old, *by);
    place.copy_from_slice(&new.to_le_bytes()[..length]);
    Ok(())
}

/// What a number becomes by an assignment.
pub(super) const fn operate(operator: &str, old: u64, by: u64) -> u64 {
    match operator.as_bytes() {
        b"|=" => old | by,
        b"&=" => old & by,
        b"^=" => old ^ by,
        b"+=" => old.wrapping_add(by),
        b"-=" => old.wrapping_sub(by),
        _ => by,
    }
}
