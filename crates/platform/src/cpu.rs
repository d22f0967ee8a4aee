//! Which processor a machine has: `--cpu`.

use std::fmt;
use std::str::FromStr;

use anyclave_arch::MiscSelect;

/// A line of processors. Each stands for the features its first parts had, as far as they are implemented.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Model {
    /// The first parts with SGX.
    Sgx1,
    /// The first parts with dynamic memory.
    Sgx2,
    /// Ice Lake servers.
    #[default]
    IceLake,
    /// Sapphire Rapids.
    SapphireRapids,
    /// Everything there is.
    Max,
}

/// Something that a processor may have or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feature {
    /// MISCSELECT.EXINFO: the SSA tells enclaves about page faults and general-protection faults.
    ExInfo,
    /// The name GenuineIntel, and the signature of an Ice Lake server, for software that asks for them.
    GenuineIntel,
}

/// Features of processors with SGX that are not implemented yet.
const NOT_YET: [&str; 8] = ["sgx2", "kss", "oversub", "enclv", "aexnotify", "edeccssa", "cet", "eupdatesvn"];

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

    const fn has(self, feature: Feature) -> bool {
        match feature {
            // It came with SGX2.
            Feature::ExInfo => !matches!(self, Self::Sgx1),
            // A name is no ability.
            Feature::GenuineIntel => false,
        }
    }
}

impl Feature {
    /// All that are implemented.
    pub const ALL: [Self; 2] = [Self::ExInfo, Self::GenuineIntel];

    /// As `--cpu` has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ExInfo => "exinfo",
            Self::GenuineIntel => "genuineintel",
        }
    }
}

/// A processor: a model, and what it has. Its text form is `icelake` or `icelake,+genuineintel,-exinfo`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cpu {
    model: Model,
    features: Vec<Feature>,
}

/// Why a text is not a processor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CpuError {
    /// The first word.
    #[error("'{0}' is no model: {models} are", models = names(Model::ALL.map(Model::name)))]
    Model(String),
    /// A later word without a sign.
    #[error("'{0}' is neither +name nor -name")]
    NoSign(String),
    /// A name of nothing.
    #[error("'{0}' is no feature: {features} are", features = names(Feature::ALL.map(Feature::name)))]
    Feature(String),
    /// A feature that real processors have.
    #[error("'{0}' is not implemented yet: {features} are", features = names(Feature::ALL.map(Feature::name)))]
    NotYet(String),
}

fn names<const N: usize>(names: [&str; N]) -> String {
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

    /// MISCSELECT bits that its enclaves may have.
    #[must_use]
    pub fn miscselect(&self) -> MiscSelect {
        if self.has(Feature::ExInfo) { MiscSelect::EXINFO } else { MiscSelect::empty() }
    }

    fn set(&mut self, feature: Feature, present: bool) {
        self.features.retain(|other| *other != feature);
        if present {
            self.features.push(feature);
        }
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
                None if !NOT_YET.contains(&name) => return Err(CpuError::Feature(name.to_owned())),
                None if present => return Err(CpuError::NotYet(name.to_owned())),
                // What is not there is left out already.
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

    #[test]
    fn models_have_what_is_implemented_of_them() {
        assert_eq!(Cpu::default(), cpu("icelake"));
        assert!(cpu("sgx1").features().is_empty());
        for text in ["sgx2", "icelake", "spr", "max"] {
            assert_eq!(cpu(text).features(), [Feature::ExInfo], "{text}");
            assert_eq!(cpu(text).to_string(), text);
        }
    }

    #[test]
    fn features_are_added_and_left_out() {
        let intel = cpu("icelake,+genuineintel");
        assert!(intel.has(Feature::GenuineIntel) && intel.has(Feature::ExInfo));
        assert_eq!(cpu("max,-exinfo").miscselect(), MiscSelect::empty());
        assert_eq!(cpu("sgx1,+exinfo").miscselect(), MiscSelect::EXINFO);
        assert_eq!(cpu("spr,+genuineintel,-genuineintel"), cpu("spr"));
        assert_eq!(cpu("spr,-sgx2,-kss"), cpu("spr"));
    }

    #[test]
    fn the_text_form_is_read_back() {
        for text in ["icelake,+genuineintel", "sgx1,+exinfo", "max,-exinfo,+genuineintel"] {
            assert_eq!(cpu(text).to_string(), text);
        }
        assert_eq!(cpu("icelake,+exinfo").to_string(), "icelake");
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
        assert_eq!(
            error("icelake,+kss").to_string(),
            "'kss' is not implemented yet: exinfo and genuineintel are"
        );
        assert_eq!(error("x").to_string(), "'x' is no model: sgx1, sgx2, icelake, spr and max are");
    }
}
