//! What tests of several layers share: memory without a host, a scripted calling thread, a machine, an
//! enclave and its loader, a processor that fails on demand. Tests alone use it; it panics where they are
//! wrong.

#![forbid(unsafe_code)]

pub mod conformance;
pub mod enclave;
pub mod encls;
pub mod entropy;
pub mod fuzz;
pub mod interleave;
pub mod machine;
pub mod memory;
mod user;
pub mod vectors;
