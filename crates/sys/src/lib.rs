//! Safe wrappers over Linux on x86-64: tracing, seccomp, memory files, processes.
//!
//! What may never appear here: anything about SGX. A function of this crate takes numbers, descriptors
//! and addresses and says what the kernel said. Every error is an [`Errno`].
//!
//! Addresses of another process are plain `u64`s in this crate: nothing here ever dereferences one, they
//! only travel to the kernel.
#![allow(unsafe_code, reason = "one of the two crates where unsafe code lives")]
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

pub mod bpf;
pub mod client;
pub mod cpuid;
pub mod fd;
pub mod fork;
pub mod host;
mod identity;
pub mod inotify;
pub mod maps;
pub mod mem;
pub mod memfd;
pub mod notify;
pub mod path;
pub mod prctl;
pub mod probe;
pub mod procfs;
pub mod ptrace;
pub mod remote;
pub mod sched;
pub mod seccomp;
pub mod signal;
pub mod startup;

#[cfg(test)]
mod testing;

pub use nix::errno::Errno;
pub use nix::unistd::Pid;

/// The result of everything that asks the kernel.
pub type Result<T> = std::result::Result<T, Errno>;

/// The errno inside an error of the standard library; `EIO` for the few it makes up itself.
fn errno_of(error: &std::io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}
