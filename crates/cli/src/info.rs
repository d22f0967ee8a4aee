//! `anyclave info`: the machine that a program would see.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anyclave_arch::cpuid::{self, FIRST_SECTION_SUBLEAF, Registers, SGX_LEAF};
use anyclave_platform::{Config, Cpu, CpuidModel, Device, Feature, NODES};
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
        let nodes = NODES
            .iter()
            .filter(|node| config.flexible_launch_control || node.device != Device::Enclave)
            .map(|node| node.path);
        let keys = (keys.kind(), keys.to_string());
        Self { cpu: Some(config.cpu.clone()), ..Self::new(answer, keys, nodes.collect()) }
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

    fn launch_control(&self) -> &'static str {
        if self.features.ecx & cpuid::LEAF7_ECX_SGX_LC == 0 { "locked" } else { "writable" }
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
        }
        line("launch control", self.launch_control().to_owned());
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
        assert_eq!(json["cpu"], json!({ "model": "icelake", "features": ["exinfo"] }));
        let bare = view(&["--cpu", "sgx1,+genuineintel", "--seed", "x"]).json();
        assert_eq!(bare["cpu"], json!({ "model": "sgx1", "features": ["genuineintel"] }));
        assert_eq!((&bare["miscselect"], &json["miscselect"]), (&json!(0), &json!(1)));
    }

    #[test]
    fn text_names_what_json_names() {
        let text = view(&["--epc", "64M", "--seed", "x"]).text();
        for word in
            ["sgx1", "icelake", "writable", "65536 KiB", "from --seed", "/dev/sgx_provision", "CPUID.12H.2"]
        {
            assert!(text.contains(word), "{word}: {text}");
        }
    }
}
