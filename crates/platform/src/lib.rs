//! One SGX machine, put together from a [`Config`]: processor, driver, device nodes, CPUID.
//!
//! The machine around a run is one, and a guest will be another, of the same code. Nothing here does I/O:
//! memory and entropy come from outside, and so does what the host's CPUID says.

#![forbid(unsafe_code)]

mod config;
mod cpu;
mod cpuid;
mod epc;
mod inject;
mod keys;
mod launch;
mod machine;
mod node;
pub mod views;

pub use config::{Config, Host, XFRM_MASK};
pub use cpu::{Cpu, CpuError, Feature, Model};
pub use cpuid::CpuidModel;
pub use epc::{EpcLayout, EpcSection, LayoutError, SizeError, parse_size};
pub use inject::{InjectError, inject_text, injects, parse_inject};
pub use keys::{CPUSVN, Keys};
pub use launch::{LaunchControlError, launch_control_text, parse_launch_control};
pub use machine::{Machine, Parts};
pub use node::{Device, MISC_MAJOR, NODE_MODE, NODES, Node, nodes};
