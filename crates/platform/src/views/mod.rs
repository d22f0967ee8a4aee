//! Contents of files in which a machine shows: what Linux writes there.
//!
//! Those that tell of more than SGX are made of the host's own, given here as bytes.

pub mod cpuinfo;
pub mod mounts;
