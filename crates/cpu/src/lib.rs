//! The software SGX processor.
//!
//! A [`Package`] is what all logical processors share: EPC bounds, EPCM, model-specific registers, keys.
//! A [`Processor`] is one logical processor: in enclave mode or not. Leaves run on both:
//! [`Package::encls`] for the kernel's side, [`Package::enclu`] for the program's, [`Package::enclv`] for a
//! hypervisor's, [`Package::aex`] for whatever takes a processor out of an enclave unasked. Each leaf has a file
//! of its own under `encls/`, `enclu/` and `enclv/` and checks in the manual's order.
//!
//! [`Encls`] is the kernel's side once more, typed: what an operating system builds on, be it above this
//! processor ([`Bare`]) or above one that is virtual.
//!
//! The processor knows no operating system and no process. Where bytes lie ([`Frames`]), what a linear
//! address means ([`AddressSpace`]) and where randomness comes from ([`Entropy`]) are its three seams.

#![forbid(unsafe_code)]

mod aex;
mod config;
mod encls;
mod enclu;
mod enclv;
mod entropy;
mod epcm;
mod exit;
mod frames;
mod inject;
mod kernel;
mod keys;
mod launch;
mod locks;
mod msr;
mod package;
mod paging;
mod processor;
mod secs;
mod space;
mod ssa;
mod state;
mod table;
#[cfg(test)]
mod testing;
mod tracking;
pub mod xsave;

pub use aex::Event;
pub use config::{Config, Section};
pub use encls::EnclsRegisters;
pub use entropy::Entropy;
pub use epcm::{Epcm, EpcmEntry};
pub use exit::{Completion, Exit, Fault};
pub use frames::{Frames, PageBuffer, Place};
pub use inject::{Inject, Odds};
pub use kernel::{Bare, Encls, EnclsError, EvictedPage, PAGE_BYTES};
pub use launch::LaunchControl;
pub use locks::{Lock, LockClass};
pub use package::{Package, WrmsrFault};
pub use processor::{EnclaveMode, Processor};
pub use secs::SecsPage;
pub use space::{Access, AddressSpace, PageFault, Target};
pub use ssa::SsaFrame;
pub use state::{Gprs, State};
pub use table::{EpcTable, Spread};
pub use tracking::{Slot, Slots};
