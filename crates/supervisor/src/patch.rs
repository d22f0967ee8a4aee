//! What is changed in the code of a process, and what its instructions mean.
//!
//! Everything here is computed from bytes; nothing here touches a process. The bytes are a program's own
//! and may be hostile.

pub(crate) mod cpuid;
pub(crate) mod elf;
pub(crate) mod enclave_code;
pub(crate) mod instruction;
pub(crate) mod vdso;
