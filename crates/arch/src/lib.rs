//! The words of the manual: addresses, leaf numbers, error codes and the structures that SGX programs,
//! kernels and processors exchange.
//!
//! Layouts, names and numbers follow the Intel SDM, volume 3D, edition [`SDM`]. Everything here is plain
//! data: no I/O, no state, no `unsafe`. Structures are byte-exact ([`zerocopy`] derives prove their layout)
//! and little-endian on every host.

#![no_std]
#![forbid(unsafe_code)]

pub mod address;
pub mod attributes;
pub mod cpuid;
pub mod error;
pub mod key;
pub mod leaf;
pub mod msr;
pub mod pageinfo;
pub mod pcmd;
pub mod pfec;
pub mod rdinfo;
pub mod report;
pub mod secinfo;
pub mod secs;
pub mod sigstruct;
pub mod ssa;
pub mod targetinfo;
pub mod tcs;
pub mod token;
pub mod vector;

pub use address::{EpcAddr, Linear, PAGE_SIZE};
pub use attributes::{Attributes, Flags, MiscSelect};
pub use error::SgxError;
pub use leaf::{Encls, Enclu, Enclv, Leaf};
pub use pageinfo::PageInfo;
pub use pcmd::Pcmd;
pub use pfec::Pfec;
pub use rdinfo::RdInfo;
pub use secinfo::{PageType, SecInfo, SecInfoFlags};
pub use secs::Secs;
pub use sigstruct::SigStruct;
pub use tcs::Tcs;
pub use vector::Vector;

/// The edition of the Intel manual whose order of checks the project follows.
pub const SDM: &str = "Intel SDM vol. 3D, 2023 edition";
