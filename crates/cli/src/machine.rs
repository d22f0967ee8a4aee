//! The MACHINE options, shared by the verbs that make a machine.

use std::ffi::OsString;
use std::fs::File;
use std::path::PathBuf;

use anyclave_arch::cpuid::Registers;
use anyclave_cpu::xsave::XsaveLayout;
use anyclave_cpu::{Inject, LaunchControl};
use anyclave_platform::{
    Config, Cpu, EpcLayout, Host, NODES, inject_text, launch_control_text, parse_inject, parse_launch_control,
};
use anyclave_sys::cpuid::{Cpuid, cpuid, xgetbv0};
use anyclave_sys::fork::getpid;
use anyclave_sys::host;
use anyclave_sys::procfs::Status;

use crate::state::{self, DeviceKeys, Source, StateError};

/// What kind of machine.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Machine")]
pub(crate) struct Machine {
    /// EPC sections: one to eight sizes, each with its NUMA node or without, such as 1G or 64M@node0,64M@node1
    /// [default: 256M]
    #[arg(long, value_name = "SIZE")]
    epc: Option<EpcLayout>,
    /// Processor: sgx1, sgx2, icelake, spr or max; with +NAME or -NAME behind it for sgx2,
    /// oversub, enclv, kss, exinfo, aexnotify, edeccssa, eupdatesvn and genuineintel, such as icelake,+genuineintel
    /// [default: icelake]
    #[arg(long, value_name = "MODEL[,+NAME|-NAME…]")]
    cpu: Option<Cpu>,
    /// Whose enclaves may launch: writable (Linux decides), locked, locked=MRSIGNER (64 hexadecimal digits), or absent;
    /// Linux has no enclave node but with writable [default: writable]
    #[arg(long, value_name = "HOW", value_parser = parse_launch_control)]
    launch_control: Option<LaunchControl>,
    /// Rare events on purpose: conflict=1/N (another processor is at the same page), event=1/N (an interrupt ends EINIT),
    /// entropy=1/N (RDSEED gives EUPDATESVN nothing), each once in N times on average, and seed=N, which decides when
    #[arg(long, value_name = "EVENT=1/N[,…][,seed=N]", value_parser = parse_inject)]
    inject: Option<Inject>,
    /// Derive all keys from TEXT instead of the device root
    #[arg(long, value_name = "TEXT")]
    seed: Option<String>,
    /// Directory of the device root [env: ANYCLAVE_STATE] [default: $XDG_STATE_HOME/anyclave, else
    /// ~/.local/state/anyclave]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
}

impl Machine {
    /// The default machine with the keys that a text gives.
    pub(crate) fn seeded(text: &str) -> Self {
        Self { seed: Some(text.to_owned()), ..Self::default() }
    }

    /// Whether any option was given on the command line.
    pub(crate) fn is_given(&self) -> bool {
        !self.words().is_empty()
    }

    /// Whether it is said where the keys come from.
    pub(crate) const fn has_keys(&self) -> bool {
        self.seed.is_some() || self.state.is_some()
    }

    /// The options once more, for a program of ours that is to make this machine.
    pub(crate) fn words(&self) -> Vec<OsString> {
        let Self { epc, cpu, launch_control, inject, seed, state } = self;
        let mut words = Vec::new();
        let mut put = |option: &str, value: Option<OsString>| {
            words.extend(value.into_iter().flat_map(|value| [option.into(), value]));
        };
        put("--epc", epc.as_ref().map(|epc| epc.to_string().into()));
        put("--cpu", cpu.as_ref().map(|cpu| cpu.to_string().into()));
        put("--launch-control", launch_control.map(|how| launch_control_text(how).into()));
        put("--inject", inject.as_ref().map(|inject| inject_text(inject).into()));
        put("--seed", seed.as_ref().map(Into::into));
        put("--state", state.as_ref().map(Into::into));
        words
    }

    /// The machine, and where its keys come from.
    pub(crate) fn config(&self) -> Result<(Config, Source), StateError> {
        let environment = std::env::var_os("ANYCLAVE_STATE").filter(|text| !text.is_empty());
        let directory = self.state.clone().or_else(|| environment.map(PathBuf::from));
        let DeviceKeys { keys, source } = state::device_keys(self.seed.as_deref(), directory.as_deref())?;
        let mut config = Config::new(host(), keys);
        if let Some(epc) = &self.epc {
            config.epc = epc.clone();
        }
        if let Some(cpu) = &self.cpu {
            config.cpu = cpu.clone();
        }
        config.launch_control = self.launch_control.unwrap_or_default();
        config.inject = self.inject.unwrap_or_default();
        Ok((config, source))
    }
}

/// What a machine takes over from this host's processor.
fn host() -> Host {
    const XSAVE: u32 = 0xd;
    // A processor without XSAVE has x87 and SSE.
    let xcr0 = xgetbv0().unwrap_or(3);
    let components = (0..63)
        .map(|index| {
            let component = cpuid(XSAVE, index);
            if xcr0 >> index & 1 == 1 { (component.ebx, component.eax) } else { (0, 0) }
        })
        .collect();
    Host {
        xcr0,
        xsave: XsaveLayout::new(components),
        last_basic_leaf: cpuid(0, 0).eax,
        caches: caches_elsewhere(),
    }
}

/// The caches of a processor that describes them in a leaf of its own maker: up to the subleaf that describes
/// none, so that there is one at least. Empty where leaf 4 is answered.
fn caches_elsewhere() -> Vec<Registers> {
    const CACHES: u32 = 4;
    const CACHES_ELSEWHERE: u32 = 0x8000_001d;
    /// The level numbers that there are, with room for several caches of one level.
    const MOST: u32 = 8;
    // EAX[4:0] is the kind of cache, 0 for none.
    let is_cache = |registers: &Registers| registers.eax & 0x1f != 0;
    if is_cache(&registers(CACHES, 0)) {
        return Vec::new();
    }
    let has_leaf = cpuid(0x8000_0000, 0).eax >= CACHES_ELSEWHERE;
    let there = (0..MOST).map(|subleaf| registers(CACHES_ELSEWHERE, subleaf));
    there.take_while(|cache| has_leaf && is_cache(cache)).chain([Registers::default()]).collect()
}

/// What CPUID answers to this very process.
pub(crate) fn registers(leaf: u32, subleaf: u32) -> Registers {
    let Cpuid { eax, ebx, ecx, edx } = cpuid(leaf, subleaf);
    Registers { eax, ebx, ecx, edx }
}

/// Whether this process runs on a machine of ours already: its tracer's thread bears our name, or, where a PID
/// namespace hides the tracer, the enclave node is a memory file.
pub(crate) fn is_around() -> bool {
    let tracer = Status::read(getpid()).map(|status| status.tracer);
    let is_ours = tracer.is_ok_and(|tracer| {
        tracer.as_raw() != 0
            && std::fs::read_to_string(format!("/proc/{tracer}/comm"))
                .is_ok_and(|name| name.starts_with("anyclave"))
    });
    is_ours || NODES.iter().any(|node| File::open(node.path).is_ok_and(|file| host::is_memory_file(&file)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Options {
        #[command(flatten)]
        machine: Machine,
    }

    fn machine(arguments: &[&str]) -> Result<Machine, clap::Error> {
        Options::try_parse_from([&["x"], arguments].concat()).map(|options| options.machine)
    }

    #[test]
    fn options_reach_the_configuration() {
        let machine =
            machine(&["--epc", "64M@node0,4M@node1", "--seed", "x", "--cpu", "max,+genuineintel"]).unwrap();
        assert!(machine.is_given());
        let (config, source) = machine.config().unwrap();
        assert_eq!(config.epc.total(), 68 << 20);
        assert_eq!(config.keys, anyclave_platform::Keys::from_seed("x"));
        assert_eq!(source, Source::Seed);
        assert_eq!(config.cpu.to_string(), "max,+genuineintel");
    }

    #[test]
    fn processors_that_there_are_not_are_usage_errors() {
        for cpu in ["", "skylake", "icelake,exinfo", "icelake,+cet", "icelake,+sgx1"] {
            let error = machine(&["--cpu", cpu]).unwrap_err();
            assert_eq!(error.kind(), clap::error::ErrorKind::ValueValidation, "{cpu:?}");
        }
    }

    #[test]
    fn launch_control_and_events_reach_the_configuration() {
        let machine =
            machine(&["--launch-control", "locked=intel", "--inject", "conflict=1/5", "--seed", "x"])
                .unwrap();
        let (config, _) = machine.config().unwrap();
        assert_eq!(config.launch_control, LaunchControl::intel());
        assert_eq!(config.inject.conflict.0, 5);
        let (config, _) = self::machine(&["--seed", "x"]).unwrap().config().unwrap();
        assert_eq!((config.launch_control, config.inject), (LaunchControl::Writable, Inject::default()));
    }

    #[test]
    fn launch_control_and_events_that_there_are_not_are_usage_errors() {
        for words in [["--launch-control", "open"], ["--launch-control", "locked=7"], ["--inject", "event"]] {
            let error = machine(&words).unwrap_err();
            assert_eq!(error.kind(), clap::error::ErrorKind::ValueValidation, "{words:?}");
        }
    }

    #[test]
    fn options_can_be_passed_on() {
        let words = ["--epc", "64M@node0,4M@node1", "--cpu", "sgx1,+exinfo", "--launch-control", "absent"];
        let words = [&words[..], &["--inject", "event=1/2,seed=3", "--seed", "x", "--state", "/y"]].concat();
        assert_eq!(machine(&words).unwrap().words(), words);
    }

    #[test]
    fn no_option_is_none() {
        assert!(!machine(&[]).unwrap().is_given());
        assert!(machine(&[]).unwrap().words().is_empty());
    }

    #[test]
    fn sizes_that_are_not_pages_are_usage_errors() {
        for size in ["", "0", "5000", "1.5G", "x"] {
            let error = machine(&["--epc", size]).unwrap_err();
            assert_eq!(error.kind(), clap::error::ErrorKind::ValueValidation, "{size:?}");
        }
    }

    #[test]
    fn the_host_has_x87_and_sse() {
        let host = host();
        assert_eq!(host.xcr0 & 3, 3);
        assert!(host.xsave.size(host.xcr0) >= 576);
    }

    #[test]
    fn caches_are_in_one_leaf_or_the_other() {
        let caches = host().caches;
        assert_eq!(caches.is_empty(), registers(4, 0).eax & 0x1f != 0);
        assert!(caches.last().is_none_or(|last| *last == Registers::default()));
    }
}
