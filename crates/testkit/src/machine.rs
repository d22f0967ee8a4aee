//! A machine without a host.

use anyclave_cpu::xsave::XsaveLayout;
use anyclave_platform::{Config, Host, Keys, Machine};

use crate::entropy::Seeded;
use crate::memory::PlainFrames;

/// A machine whose memory is a map.
pub type PlainMachine = Machine<PlainFrames, Seeded>;

/// The configuration of [`boot`]: AVX, and this much EPC, in the form of `--epc`.
#[must_use]
pub fn config(epc: &str) -> Config {
    let host = Host { xcr0: 7, xsave: XsaveLayout::avx(), last_basic_leaf: 0x10, caches: Vec::new() };
    let epc = epc.parse().unwrap_or_else(|error| panic!("{epc}: {error}"));
    Config { epc, ..Config::new(host, Keys::from_seed("testkit")) }
}

/// A machine with this much EPC.
#[must_use]
pub fn boot(epc: &str) -> PlainMachine {
    Machine::boot(&config(epc), PlainFrames::default(), Seeded(1))
}

/// The same with another processor, in the form of `--cpu`.
#[must_use]
pub fn boot_on(cpu: &str, epc: &str) -> PlainMachine {
    let cpu = cpu.parse().unwrap_or_else(|error| panic!("{cpu}: {error}"));
    Machine::boot(&Config { cpu, ..config(epc) }, PlainFrames::default(), Seeded(1))
}
