//! Which processor a machine has: `--cpu`.

use std::fmt;
use std::str::FromStr;

use anyclave_arch::cpuid::SgxFeatures;
use anyclave_arch::{Flags, MiscSelect};

/// A line of processors. Each stands for what parts of it announced, as far as the processor's leaves go:
///
/// | model | part | CPUID.12H.0:EAX, EBX | CPUID.12H.1:EAX |
/// |---|---|---|---|
/// | sgx1 | i5-8400 (Coffee Lake), as all since Skylake | 1, 0 | 36H |
/// | sgx2 | Pentium J5005 (Gemini Lake) | 3, 1 | 36H |
/// | icelake | i7-1065G7 (Ice Lake client) | 63H, 1 | B6H |
/// | spr | Sapphire Rapids, with all of icelake | 863H, 1 | 4B6H |
/// | max | | C63H, 1 | 4B6H |
///
/// Servers of Ice Lake announce 403H in place of 63H, once their microcode has EUPDATESVN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Model {
    /// The first parts with SGX.
    Sgx1,
    /// The first parts with dynamic memory.
    Sgx2,
    /// Ice Lake.
    #[default]
    IceLake,
    /// Sapphire Rapids.
    SapphireRapids,
    /// Everything there is.
    Max,
}

/// Something that a processor may have or not. None of them needs another: a processor can have each alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feature {
    /// Dynamic memory: EAUG, EMODPR, EMODT, EACCEPT, EACCEPTCOPY, EMODPE.
    Sgx2,
    /// Leaves for a hypervisor that takes EPC from its guests: ETRACKC, ERDINFO, ELDBC, ELDUC.
    Oversub,
    /// ENCLV, for the same.
    Enclv,
    /// ATTRIBUTES.KSS: key separation and sharing.
    Kss,
    /// MISCSELECT.EXINFO: the SSA tells enclaves about page faults and general-protection faults.
    ExInfo,
    /// ATTRIBUTES.AEXNOTIFY: enclaves are told that they were interrupted.
    AexNotify,
    /// EDECCSSA.
    EdecCssa,
    /// EUPDATESVN.
    EUpdateSvn,
    /// The name GenuineIntel, and the signature of an Ice Lake server, for software that asks for them.
    GenuineIntel,
}

/// A feature of real processors that no processor here will have. To leave it out is no error.
const NEVER: &str = "cet";

impl Model {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Sgx1, Self::Sgx2, Self::IceLake, Self::SapphireRapids, Self::Max];

    /// As `--cpu` has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sgx1 => "sgx1",
            Self::Sgx2 => "sgx2",
            Self::IceLake => "icelake",
            Self::SapphireRapids => "spr",
            Self::Max => "max",
        }
    }

    /// Its parts have it.
    const fn has(self, feature: Feature) -> bool {
        let since = match feature {
            Feature::Sgx2 | Feature::ExInfo => Self::Sgx2,
            Feature::Oversub | Feature::Enclv | Feature::Kss => Self::IceLake,
            Feature::AexNotify | Feature::EdecCssa => Self::SapphireRapids,
            Feature::EUpdateSvn => Self::Max,
            // A name is no ability.
            Feature::GenuineIntel => return false,
        };
        // Each model has all of those before it.
        self as u8 >= since as u8
    }
}

impl Feature {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Sgx2,
        Self::Oversub,
        Self::Enclv,
        Self::Kss,
        Self::ExInfo,
        Self::AexNotify,
        Self::EdecCssa,
        Self::EUpdateSvn,
        Self::GenuineIntel,
    ];

    /// As `--cpu` has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sgx2 => "sgx2",
            Self::Oversub => "oversub",
            Self::Enclv => "enclv",
            Self::Kss => "kss",
            Self::ExInfo => "exinfo",
            Self::AexNotify => "aexnotify",
            Self::EdecCssa => "edeccssa",
            Self::EUpdateSvn => "eupdatesvn",
            Self::GenuineIntel => "genuineintel",
        }
    }

    /// What CPUID.12H.0:EAX says of it.
    const fn leaves(self) -> SgxFeatures {
        match self {
            Self::Sgx2 => SgxFeatures::SGX2,
            Self::Oversub => SgxFeatures::OVERSUB,
            Self::Enclv => SgxFeatures::ENCLV,
            Self::EdecCssa => SgxFeatures::EDECCSSA,
            Self::EUpdateSvn => SgxFeatures::EUPDATESVN,
            Self::Kss | Self::ExInfo | Self::AexNotify | Self::GenuineIntel => SgxFeatures::empty(),
        }
    }

    /// What CPUID.12H.1:EBX:EAX says of it.
    const fn attributes(self) -> Flags {
        match self {
            Self::Kss => Flags::KSS,
            Self::AexNotify => Flags::AEXNOTIFY,
            _ => Flags::empty(),
        }
    }

    /// What CPUID.12H.0:EBX says of it.
    const fn miscselect(self) -> MiscSelect {
        match self {
            Self::ExInfo => MiscSelect::EXINFO,
            _ => MiscSelect::empty(),
        }
    }
}

/// A processor: a model, and what it has. Its text form is `icelake` or `icelake,-exinfo,+genuineintel`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cpu {
    model: Model,
    features: Vec<Feature>,
}

/// Why a text is not a processor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CpuError {
    /// The first word.
    #[error("'{0}' is no model: {models} are", models = names(&Model::ALL.map(Model::name)))]
    Model(String),
    /// A later word without a sign.
    #[error("'{0}' is neither +name nor -name")]
    NoSign(String),
    /// A name of nothing.
    #[error("'{0}' is no feature: {features} are", features = names(&Feature::ALL.map(Feature::name)))]
    Feature(String),
    /// A feature that no processor here can have.
    #[error(
        "'cet' is not there: a host's shadow stacks are not for us to switch, so no enclave has control-flow enforcement"
    )]
    Never,
}

fn names(names: &[&str]) -> String {
    let (last, others) = names.split_last().unwrap_or((&"none", &[]));
    if others.is_empty() { (*last).to_owned() } else { format!("{} and {last}", others.join(", ")) }
}

impl Cpu {
    /// A processor of a model, with nothing added or left out.
    #[must_use]
    pub fn new(model: Model) -> Self {
        Self { model, features: Feature::ALL.into_iter().filter(|feature| model.has(*feature)).collect() }
    }

    /// The model.
    #[must_use]
    pub const fn model(&self) -> Model {
        self.model
    }

    /// What it has.
    #[must_use]
    pub fn features(&self) -> &[Feature] {
        &self.features
    }

    /// Whether it has a feature.
    #[must_use]
    pub fn has(&self, feature: Feature) -> bool {
        self.features.contains(&feature)
    }

    /// The leaves that it has: CPUID.12H.0:EAX.
    #[must_use]
    pub fn leaves(&self) -> SgxFeatures {
        SgxFeatures::SGX1 | self.features.iter().map(|feature| feature.leaves()).collect::<SgxFeatures>()
    }

    /// ATTRIBUTES.FLAGS that its enclaves may have: CPUID.12H.1:EBX:EAX.
    #[must_use]
    pub fn attributes(&self) -> Flags {
        let of_all = Flags::DEBUG | Flags::MODE64BIT | Flags::PROVISIONKEY | Flags::EINITTOKENKEY;
        of_all | self.features.iter().map(|feature| feature.attributes()).collect::<Flags>()
    }

    /// MISCSELECT bits that its enclaves may have: CPUID.12H.0:EBX.
    #[must_use]
    pub fn miscselect(&self) -> MiscSelect {
        self.features.iter().map(|feature| feature.miscselect()).collect()
    }

    fn set(&mut self, feature: Feature, present: bool) {
        let had = std::mem::take(&mut self.features);
        let has = |other: &Feature| if *other == feature { present } else { had.contains(other) };
        self.features = Feature::ALL.into_iter().filter(has).collect();
    }
}

impl Default for Cpu {
    fn default() -> Self {
        Self::new(Model::default())
    }
}

impl FromStr for Cpu {
    type Err = CpuError;

    fn from_str(text: &str) -> Result<Self, CpuError> {
        let mut words = text.split(',');
        let name = words.next().unwrap_or_default();
        let model = Model::ALL.into_iter().find(|model| model.name() == name);
        let mut cpu = Self::new(model.ok_or_else(|| CpuError::Model(name.to_owned()))?);
        for word in words {
            let (present, name) = match (word.strip_prefix('+'), word.strip_prefix('-')) {
                (Some(name), _) => (true, name),
                (None, Some(name)) => (false, name),
                (None, None) => return Err(CpuError::NoSign(word.to_owned())),
            };
            match Feature::ALL.into_iter().find(|feature| feature.name() == name) {
                Some(feature) => cpu.set(feature, present),
                None if name != NEVER => return Err(CpuError::Feature(name.to_owned())),
                None if present => return Err(CpuError::Never),
                None => {}
            }
        }
        Ok(cpu)
    }
}

/// The model, and what it has.
impl fmt::Display for Cpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.model.name())?;
        for feature in Feature::ALL {
            match (self.has(feature), self.model.has(feature)) {
                (true, false) => write!(f, ",+{}", feature.name())?,
                (false, true) => write!(f, ",-{}", feature.name())?,
                _ => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cpu(text: &str) -> Cpu {
        text.parse().unwrap()
    }

    /// CPUID.12H.0:EAX and EBX, CPUID.12H.1:EAX.
    fn announced(text: &str) -> (u32, u32, u64) {
        let cpu = cpu(text);
        (cpu.leaves().bits(), cpu.miscselect().bits(), cpu.attributes().bits())
    }

    #[test]
    fn models_announce_what_their_parts_did() {
        assert_eq!(Cpu::default(), cpu("icelake"));
        for (text, eax, ebx, attributes) in [
            ("sgx1", 1, 0, 0x36),
            ("sgx2", 0x3, 1, 0x36),
            ("icelake", 0x63, 1, 0xb6),
            ("spr", 0x863, 1, 0x4b6),
            ("max", 0xc63, 1, 0x4b6),
        ] {
            assert_eq!(announced(text), (eax, ebx, attributes), "{text}");
            assert_eq!(cpu(text).to_string(), text);
        }
    }

    #[test]
    fn features_are_added_and_left_out() {
        let intel = cpu("icelake,+genuineintel");
        assert!(intel.has(Feature::GenuineIntel) && intel.has(Feature::ExInfo));
        assert_eq!(cpu("max,-exinfo").miscselect(), MiscSelect::empty());
        assert_eq!(cpu("sgx1,+exinfo").miscselect(), MiscSelect::EXINFO);
        assert_eq!(announced("sgx1,+kss"), (1, 0, 0xb6));
        assert_eq!(cpu("icelake,-kss").attributes().bits() & 0x80, 0);
        assert_eq!(cpu("spr,+genuineintel,-genuineintel"), cpu("spr"));
    }

    /// What leaves bits stand for is the processor's own to say; here each feature has just one bit of one mask.
    #[test]
    fn each_feature_but_the_name_is_one_bit() {
        let bits = |feature: Feature| {
            let [eax, ebx] = [feature.leaves().bits(), feature.miscselect().bits()];
            eax.count_ones() + ebx.count_ones() + feature.attributes().bits().count_ones()
        };
        for feature in Feature::ALL {
            assert_eq!(bits(feature), u32::from(feature != Feature::GenuineIntel), "{feature:?}");
        }
    }

    #[test]
    fn the_text_form_is_read_back() {
        for text in ["icelake,+genuineintel", "sgx1,+kss,+exinfo", "max,-exinfo,+genuineintel", "sgx1"] {
            assert_eq!(cpu(text).to_string(), text);
        }
        assert_eq!(cpu("icelake,+exinfo").to_string(), "icelake");
        assert_eq!(cpu("sgx1,+exinfo,+kss"), cpu("sgx1,+kss,+exinfo"));
    }

    #[test]
    fn what_is_not_there_can_be_left_out() {
        assert_eq!(cpu("spr,-cet"), cpu("spr"));
        assert_eq!(cpu("sgx1,-sgx2,-kss,-eupdatesvn"), cpu("sgx1"));
    }

    #[test]
    fn what_is_not_there_is_refused_by_name() {
        let error = |text: &str| text.parse::<Cpu>().unwrap_err();
        assert_eq!(error("skylake"), CpuError::Model("skylake".into()));
        assert_eq!(error(""), CpuError::Model(String::new()));
        assert_eq!(error("+genuineintel"), CpuError::Model("+genuineintel".into()));
        assert_eq!(error("icelake,exinfo"), CpuError::NoSign("exinfo".into()));
        assert_eq!(error("icelake,"), CpuError::NoSign(String::new()));
        assert_eq!(error("icelake,+"), CpuError::Feature(String::new()));
        assert_eq!(error("icelake,-sse9"), CpuError::Feature("sse9".into()));
        assert_eq!(error("max,+cet"), CpuError::Never);
        assert!(error("max,+cet").to_string().contains("not there"));
        let features = error("icelake,+x").to_string();
        assert!(Feature::ALL.into_iter().all(|feature| features.contains(feature.name())), "{features}");
        assert_eq!(error("x").to_string(), "'x' is no model: sgx1, sgx2, icelake, spr and max are");
    }
}
