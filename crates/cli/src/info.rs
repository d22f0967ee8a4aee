//! `anyclave info`: the machine that a program would see.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anyclave_arch::cpuid::{self, FIRST_SECTION_SUBLEAF, Registers, SGX_LEAF};
use anyclave_arch::msr::lepubkeyhash_bytes;
use anyclave_cpu::LaunchControl;
use anyclave_platform::{Config, Cpu, CpuidModel, Device, Feature, NODES, inject_text, nodes};
use serde_json::{Value, json};

use crate::machine::{self, Machine, registers};
use crate::say;
use crate::state::Source;

/// Show the machine that a program would see; on a machine, the one around
#[derive(clap::Args)]
pub(crate) struct Info {
    /// As one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    machine: Machine,
}

/// Sections that Linux looks for.
const MAX_SECTIONS: u32 = 8;

impl Info {
    /// Shows it.
    pub(crate) fn execute(self) -> ExitCode {
        let view = if machine::is_around() && !self.machine.is_given() {
            View::of_machine_around()
        } else {
            match self.machine.config() {
                Ok((config, keys)) => View::of_config(&config, &keys),
                Err(error) => {
                    say::error(error);
                    return ExitCode::FAILURE;
                }
            }
        };
        say::data(&if self.json { format!("{:#}\n", view.json()) } else { view.text() })
    }
}

/// What there is to see.
struct View {
    /// None for the machine around: programs see what a processor can, not how it was asked for.
    cpu: Option<Cpu>,
    /// None for the machine around.
    launch_control: Option<LaunchControl>,
    /// Rare events on purpose, as `--inject` has them; empty if there are none, None for the machine around.
    inject: Option<String>,
    features: Registers,
    leaf0: Registers,
    leaf1: Registers,
    /// Subleaf, base and size.
    sections: Vec<(u32, u64, u64)>,
    /// Kind and words.
    keys: (&'static str, String),
    nodes: Vec<&'static str>,
}

impl View {
    fn of_config(config: &Config, keys: &Source) -> Self {
        let model = CpuidModel::new(config);
        let answer = |leaf, subleaf| model.answer(leaf, subleaf, registers(leaf, subleaf));
        let nodes = nodes(config.launch_control).map(|node| node.path);
        let keys = (keys.kind(), keys.to_string());
        Self {
            cpu: Some(config.cpu.clone()),
            launch_control: Some(config.launch_control),
            inject: Some(inject_text(&config.inject)),
            ..Self::new(answer, keys, nodes.collect())
        }
    }

    fn of_machine_around() -> Self {
        let nodes = NODES.iter().map(|node| node.path).filter(|path| Path::new(path).exists());
        Self::new(registers, ("around", "of the machine around".to_owned()), nodes.collect())
    }

    fn new(
        answer: impl Fn(u32, u32) -> Registers,
        keys: (&'static str, String),
        nodes: Vec<&'static str>,
    ) -> Self {
        let sections = (FIRST_SECTION_SUBLEAF..FIRST_SECTION_SUBLEAF + MAX_SECTIONS)
            .map(|subleaf| (subleaf, answer(SGX_LEAF, subleaf)))
            .take_while(|(_, registers)| registers.eax & 0xf == 1)
            .map(|(subleaf, registers)| {
                let base = wide(registers.eax & !0xfff, registers.ebx & 0xf_ffff);
                (subleaf, base, wide(registers.ecx & !0xfff, registers.edx & 0xf_ffff))
            });
        Self {
            cpu: None,
            launch_control: None,
            inject: None,
            features: answer(7, 0),
            leaf0: answer(SGX_LEAF, 0),
            leaf1: answer(SGX_LEAF, 1),
            sections: sections.collect(),
            keys,
            nodes,
        }
    }

    fn sgx(&self) -> bool {
        self.features.ebx & cpuid::LEAF7_EBX_SGX != 0
    }

    /// On the machine around the firmware's word is not CPUID's: Linux has an enclave node where it may write the hash.
    fn launch_control(&self) -> &'static str {
        let announced = self.features.ecx & cpuid::LEAF7_ECX_SGX_LC != 0;
        let writable =
            NODES.iter().any(|node| node.device == Device::Enclave && self.nodes.contains(&node.path));
        match (announced, writable) {
            (true, true) => "writable",
            (true, false) => "locked",
            (false, _) => "absent",
        }
    }

    /// Whose enclaves alone may launch, if that is fixed and known.
    fn launch_signer(&self) -> Option<String> {
        let hash = self.launch_control.filter(|how| !how.is_writable())?.hash();
        Some(hex(&lepubkeyhash_bytes(hash)))
    }

    /// The names of what CPUID.12H.0:EAX announces.
    fn leaves(&self) -> Vec<&'static str> {
        let names = [
            (cpuid::SgxFeatures::SGX1.bits(), "sgx1"),
            (cpuid::SgxFeatures::SGX2.bits(), "sgx2"),
            (cpuid::SgxFeatures::ENCLV.bits(), "enclv"),
            (cpuid::SgxFeatures::OVERSUB.bits(), "oversub"),
            (cpuid::SgxFeatures::EUPDATESVN.bits(), "eupdatesvn"),
            (cpuid::SgxFeatures::EDECCSSA.bits(), "edeccssa"),
        ];
        names.into_iter().filter(|(bit, _)| self.leaf0.eax & bit != 0).map(|(_, name)| name).collect()
    }

    fn attributes(&self) -> u64 {
        wide(self.leaf1.eax, self.leaf1.ebx)
    }

    fn xfrm(&self) -> u64 {
        wide(self.leaf1.ecx, self.leaf1.edx)
    }

    fn total(&self) -> u64 {
        self.sections.iter().map(|(_, _, size)| size).sum()
    }

    fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let mut line = |name: &str, value: String| {
            let _ = writeln!(text, "{name:<16}{value}");
        };
        line("SGX", if self.sgx() { self.leaves().join(", ") } else { "none".to_owned() });
        if let Some(cpu) = &self.cpu {
            line("processor", cpu.to_string());
            line(
                "features",
                cpu.features().iter().map(|feature| feature.name()).collect::<Vec<_>>().join(", "),
            );
        }
        let signer = self.launch_signer().map(|signer| format!(", MRSIGNER {signer}"));
        line("launch control", format!("{}{}", self.launch_control(), signer.unwrap_or_default()));
        if let Some(events) = self.inject.as_ref().filter(|events| !events.is_empty()) {
            line("rare events", events.clone());
        }
        line("ATTRIBUTES", format!("{:#x}", self.attributes()));
        line("XFRM", format!("{:#x}", self.xfrm()));
        line("MISCSELECT", format!("{:#x}", self.leaf0.ebx));
        let [small, large, ..] = self.leaf0.edx.to_le_bytes();
        line("largest enclave", format!("below 2^{large} bytes, 32-bit below 2^{small}"));
        for (index, (_, base, size)) in self.sections.iter().enumerate() {
            line(&format!("EPC section {index}"), format!("{base:#x}, {} KiB", size >> 10));
        }
        line("EPC", format!("{} KiB", self.total() >> 10));
        line("keys", self.keys.1.clone());
        for node in &self.nodes {
            line("device", (*node).to_owned());
        }
        for (name, registers) in self.cpuid() {
            let Registers { eax, ebx, ecx, edx } = registers;
            line(&format!("CPUID.{name}"), format!("{eax:08x} {ebx:08x} {ecx:08x} {edx:08x}"));
        }
        text
    }

    /// The leaves that speak of SGX, by the manual's way of writing them.
    fn cpuid(&self) -> Vec<(String, Registers)> {
        let named = [("7.0", self.features), ("12H.0", self.leaf0), ("12H.1", self.leaf1)];
        let sections = self.sections.iter().map(|(subleaf, base, size)| {
            (format!("{:X}H.{subleaf}", SGX_LEAF), cpuid::section(*base, *size))
        });
        named.into_iter().map(|(name, registers)| (name.to_owned(), registers)).chain(sections).collect()
    }

    fn json(&self) -> Value {
        let [small, large, ..] = self.leaf0.edx.to_le_bytes();
        let sections: Vec<_> =
            self.sections.iter().map(|(_, base, size)| json!({ "base": base, "size": size })).collect();
        let cpu = self.cpu.as_ref().map(|cpu| {
            let features: Vec<_> = cpu.features().iter().copied().map(Feature::name).collect();
            json!({ "model": cpu.model().name(), "features": features })
        });
        let cpuid: Vec<_> = self
            .cpuid()
            .into_iter()
            .map(|(name, Registers { eax, ebx, ecx, edx })| {
                json!({ "leaf": name, "eax": eax, "ebx": ebx, "ecx": ecx, "edx": edx })
            })
            .collect();
        json!({
            "schema": 1,
            "cpu": cpu,
            "sgx": self.sgx(),
            "leaves": self.leaves(),
            "launch_control": self.launch_control(),
            "launch_signer": self.launch_signer(),
            "inject": self.inject,
            "attributes": self.attributes(),
            "xfrm": self.xfrm(),
            "miscselect": self.leaf0.ebx,
            "max_size_64": large,
            "max_size_32": small,
            "epc": { "size": self.total(), "sections": sections },
            "keys": { "source": self.keys.0, "text": self.keys.1 },
            "devices": self.nodes,
            "cpuid": cpuid,
        })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

fn wide(low: u32, high: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Options {
        #[command(flatten)]
        info: Info,
    }

    fn view(arguments: &[&str]) -> View {
        let info = Options::try_parse_from([&["x"], arguments].concat()).unwrap().info;
        let (config, keys) = info.machine.config().unwrap();
        View::of_config(&config, &keys)
    }

    #[test]
    fn json_says_what_was_asked_for() {
        let json = view(&["--epc", "64M,4M", "--seed", "x"]).json();
        assert_eq!(json["schema"], 1);
        assert_eq!(json["sgx"], true);
        assert_eq!(json["epc"]["size"], 68 << 20);
        assert_eq!(json["epc"]["sections"][1]["size"], 4 << 20);
        assert_eq!(json["keys"]["source"], "seed");
        assert!(json["devices"].as_array().unwrap().contains(&json!("/dev/sgx_enclave")));
        assert_eq!(json["cpuid"][1]["leaf"], "12H.0");
        assert_eq!(json["leaves"][0], "sgx1");
        assert_eq!(json["cpu"]["model"], "icelake");
        let features = json["cpu"]["features"].as_array().unwrap();
        assert!(["kss", "exinfo"].iter().all(|name| features.contains(&json!(name))), "{features:?}");
        let bare = view(&["--cpu", "sgx1,+genuineintel", "--seed", "x"]).json();
        assert_eq!(bare["cpu"], json!({ "model": "sgx1", "features": ["genuineintel"] }));
        assert_eq!((&bare["miscselect"], &json["miscselect"]), (&json!(0), &json!(1)));
    }

    #[test]
    fn launch_control_is_told_with_its_signer() {
        let json = |how: &str| view(&["--seed", "x", "--launch-control", how]).json();
        assert_eq!(
            (&json("writable")["launch_control"], &json("writable")["launch_signer"]),
            (&json!("writable"), &Value::Null)
        );
        let other = "0a".repeat(32);
        for (option, name, signer) in [
            ("locked", "locked", "acb77012053e05a63d413b8bbae8fb6c5d73b3f2996d91c43bbbf90959c0f8d4"),
            (&format!("locked={other}"), "locked", &other),
            ("absent", "absent", "acb77012053e05a63d413b8bbae8fb6c5d73b3f2996d91c43bbbf90959c0f8d4"),
        ] {
            let json = json(option);
            assert_eq!((&json["launch_control"], &json["launch_signer"]), (&json!(name), &json!(signer)));
            assert_eq!(json["devices"], json!(["/dev/sgx_provision", "/dev/sgx/provision"]), "{option}");
            let text = view(&["--seed", "x", "--launch-control", option]).text();
            assert!(text.contains(name) && text.contains(signer), "{text}");
        }
    }

    #[test]
    fn rare_events_are_told() {
        let view = view(&["--seed", "x", "--inject", "conflict=1/9"]);
        assert_eq!(view.json()["inject"], "conflict=1/9");
        assert!(view.text().contains("conflict=1/9"));
        assert_eq!(self::view(&["--seed", "x"]).json()["inject"], "");
    }

    #[test]
    fn text_names_what_json_names() {
        let text = view(&["--epc", "64M", "--seed", "x"]).text();
        for word in [
            "sgx1",
            "icelake",
            "kss",
            "writable",
            "65536 KiB",
            "from --seed",
            "/dev/sgx_provision",
            "CPUID.12H.2",
        ] {
            assert!(text.contains(word), "{word}: {text}");
        }
    }
}
