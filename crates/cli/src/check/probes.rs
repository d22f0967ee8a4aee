//! What a machine needs of its host.

use anyclave_sys::{Errno, cpuid, probe};

/// How much depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// Nothing goes without it.
    Required,
    /// Something is worse without it.
    Useful,
    /// Nothing uses it yet; something planned will.
    Later,
}

impl Need {
    /// In one word, for `--json`.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Useful => "useful",
            Self::Later => "later",
        }
    }
}

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    /// It works.
    pub(super) found: bool,
    /// A version, or the error; may be empty.
    pub(super) detail: String,
}

impl From<anyclave_sys::Result<()>> for Outcome {
    fn from(result: anyclave_sys::Result<()>) -> Self {
        let detail = result.err().map_or_else(String::new, |error| error.to_string());
        Self { found: result.is_ok(), detail }
    }
}

impl From<bool> for Outcome {
    fn from(found: bool) -> Self {
        Self { found, detail: String::new() }
    }
}

/// One thing to try.
pub(super) struct Probe {
    /// What it is called.
    pub(super) name: &'static str,
    /// What it is for.
    pub(super) purpose: &'static str,
    /// How much depends on it.
    pub(super) need: Need,
    /// Tries it.
    pub(super) attempt: fn() -> Outcome,
    /// What is lost without it.
    pub(super) cost: &'static str,
    /// What its owner can do.
    pub(super) mend: &'static str,
}

/// Everything, in the order in which it is shown.
pub(super) const PROBES: &[Probe] = &[
    Probe {
        name: "Linux 5.14",
        purpose: "the kernel's calls that a supervisor is made of",
        need: Need::Required,
        attempt: release,
        cost: "nothing runs",
        mend: "a newer kernel",
    },
    Probe {
        name: "tracing",
        purpose: "the supervisor stops and resumes programs (ptrace, by a child of theirs)",
        need: Need::Required,
        attempt: || probe::tracing().into(),
        cost: "nothing runs",
        mend: "kernel.yama.ptrace_scope at most 1; in a container a seccomp profile that allows ptrace; do not \
               run under a debugger or strace",
    },
    Probe {
        name: "process memory",
        purpose: "the supervisor reads programs' memory (/proc/PID/mem)",
        need: Need::Required,
        attempt: || probe::process_memory().into(),
        cost: "nothing runs",
        mend: "mount /proc without hidepid; see tracing",
    },
    Probe {
        name: "code writes",
        purpose: "the vDSO and CPUID instructions are edited in place (/proc/PID/mem of read-only pages)",
        need: Need::Required,
        attempt: || probe::code_writes().into(),
        cost: "programs do not see that there is SGX",
        mend: "boot without proc_mem.force_override=never",
    },
    Probe {
        name: "notifications",
        purpose: "system calls that concern SGX reach the supervisor (seccomp user notification)",
        need: Need::Required,
        attempt: || probe::notifications().into(),
        cost: "nothing runs",
        mend: "a kernel with CONFIG_SECCOMP_FILTER; in a container a seccomp profile that allows seccomp",
    },
    Probe {
        name: "killable waits",
        purpose: "a signal does not repeat a call that the supervisor is answering (seccomp, Linux 5.19)",
        need: Need::Useful,
        attempt: || probe::killable_notifications().into(),
        cost: "a program that is interrupted by signals at the wrong moment may see an open fail with EINTR",
        mend: "Linux 5.19",
    },
    Probe {
        name: "memory files",
        purpose: "enclave memory is a memory file, mapped executable (memfd, /proc/self/fd)",
        need: Need::Required,
        attempt: || probe::executable_memory_files().into(),
        cost: "enclaves cannot be mapped",
        mend: "a security policy that lets programs execute shared memory files",
    },
    Probe {
        name: "FSGSBASE",
        purpose: "enclaves and library OSes set FS and GS themselves",
        need: Need::Useful,
        attempt: || probe::fsgsbase().into(),
        cost: "enclaves that execute WRFSBASE or WRGSBASE get #UD",
        mend: "Linux 5.9, not booted with nofsgsbase, on a processor since 2012",
    },
    Probe {
        name: "CPUID faulting",
        purpose: "every CPUID instruction reaches the supervisor, also in code made at run time",
        need: Need::Later,
        attempt: cpuid_faulting,
        cost: "nothing yet: CPUID is found and replaced in the code of files",
        mend: "a processor that has it, not hidden by a hypervisor",
    },
    Probe {
        name: "INT 80H",
        purpose: "a replaced CPUID instruction stops its program without a signal (32-bit system calls)",
        need: Need::Required,
        attempt: || probe::ia32_emulation().into(),
        cost: "programs that execute CPUID are killed",
        mend: "a kernel with CONFIG_IA32_EMULATION, not booted with ia32_emulation=off",
    },
    Probe {
        name: "userfaultfd",
        purpose: "pages can leave the EPC while programs run",
        need: Need::Later,
        attempt: || probe::userfaultfd().into(),
        cost: "nothing yet: pages do not leave the EPC",
        mend: "Linux 5.19 with CONFIG_USERFAULTFD; in a container a seccomp profile that allows it",
    },
    Probe {
        name: "modify_ldt",
        purpose: "entering an enclave without a trap",
        need: Need::Later,
        attempt: || probe::modify_ldt().into(),
        cost: "nothing yet: every entry traps",
        mend: "a kernel with CONFIG_MODIFY_LDT_SYSCALL",
    },
    Probe {
        name: "pidfd_getfd",
        purpose: "taking over what injected calls have opened",
        need: Need::Later,
        attempt: || probe::pidfd_getfd().into(),
        cost: "nothing yet",
        mend: "Linux 5.6; in a container a seccomp profile that allows it",
    },
];

fn cpuid_faulting() -> Outcome {
    match cpuid::has_cpuid_faulting() {
        Ok(found) => found.into(),
        Err(error) => Err(error).into(),
    }
}

fn release() -> Outcome {
    match std::fs::read_to_string("/proc/sys/kernel/osrelease") {
        Ok(text) => Outcome { found: version(&text) >= Some((5, 14)), detail: text.trim().to_owned() },
        Err(error) => Err(error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)).into(),
    }
}

/// The first two numbers of a kernel's release.
fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|character: char| !character.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_compared_by_number() {
        assert_eq!(version("6.18.44-fc\n"), Some((6, 18)));
        assert_eq!(version("5.4"), Some((5, 4)));
        assert!(version("5.4.0") < Some((5, 19)));
        assert_eq!(version("six"), None);
        assert_eq!(version(""), None);
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = PROBES.iter().map(|probe| probe.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), PROBES.len());
    }
}
