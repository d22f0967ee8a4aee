//! What a machine needs of its host.

use anyclave_sys::probe;

use super::container::{Allowance, Container};
use super::host;

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
    /// What the owner of a container allows it by, if it is refused there at times.
    pub(super) allowance: Option<Allowance>,
}

impl Probe {
    /// What is to be done about it, here.
    pub(super) fn mend(&self, container: Option<Container>) -> String {
        match container.zip(self.allowance) {
            Some((container, allowance)) => format!("{}; else {}", container.mend(allowance), self.mend),
            None => self.mend.to_owned(),
        }
    }
}

/// Everything, in the order in which it is shown.
pub(super) const PROBES: &[Probe] = &[
    Probe {
        name: "Linux 5.14",
        purpose: "the kernel's calls that a supervisor is made of",
        need: Need::Required,
        attempt: host::release,
        cost: "nothing runs",
        mend: "a newer kernel",
        allowance: None,
    },
    Probe {
        name: "/proc",
        purpose: "all that is asked about programs is read there",
        need: Need::Required,
        attempt: || probe::own_proc().into(),
        cost: "nothing runs",
        mend: "mount -t proc proc /proc in this mount and PID namespace (unshare --mount-proc does)",
        allowance: None,
    },
    Probe {
        name: "tracing",
        purpose: "the supervisor stops and resumes programs (ptrace, by a child of theirs)",
        need: Need::Required,
        attempt: host::tracing,
        cost: "nothing runs",
        mend: "kernel.yama.ptrace_scope at most 1 (2 for root); a seccomp profile that allows ptrace; no debugger and no strace \
               around",
        allowance: Some(Allowance::Ptrace),
    },
    Probe {
        name: "process memory",
        purpose: "the supervisor reads programs' memory (/proc/PID/mem)",
        need: Need::Required,
        attempt: || probe::process_memory().into(),
        cost: "nothing runs",
        mend: "mount /proc without hidepid; see tracing",
        allowance: None,
    },
    Probe {
        name: "code writes",
        purpose: "the vDSO and CPUID instructions are edited in place (/proc/PID/mem of read-only pages)",
        need: Need::Required,
        attempt: || probe::code_writes().into(),
        cost: "programs do not see that there is SGX",
        mend: "boot without proc_mem.force_override=never",
        allowance: None,
    },
    Probe {
        name: "notifications",
        purpose: "system calls that concern SGX reach the supervisor (seccomp user notification)",
        need: Need::Required,
        attempt: || probe::notifications().into(),
        cost: "nothing runs",
        mend: "a kernel with CONFIG_SECCOMP_FILTER; a seccomp profile that allows seccomp",
        allowance: Some(Allowance::Seccomp),
    },
    Probe {
        name: "killable waits",
        purpose: "a signal does not repeat a call that the supervisor is answering (seccomp, Linux 5.19)",
        need: Need::Useful,
        attempt: || probe::killable_notifications().into(),
        cost: "a program that is interrupted by signals at the wrong moment may see an open fail with EINTR",
        mend: "Linux 5.19",
        allowance: None,
    },
    Probe {
        name: "memory files",
        purpose: "enclave memory is a memory file, mapped executable (memfd, /proc/self/fd)",
        need: Need::Required,
        attempt: || probe::executable_memory_files().into(),
        cost: "enclaves cannot be mapped",
        mend: "a security policy that lets programs execute shared memory files",
        allowance: None,
    },
    Probe {
        name: "lasting keys",
        purpose: "what one run seals another can unseal (a directory for the device root)",
        need: Need::Useful,
        attempt: host::lasting_keys,
        cost: "each run has keys of its own",
        mend: "--state DIR or ANYCLAVE_STATE with a directory that can be written, or --seed TEXT",
        allowance: None,
    },
    Probe {
        name: "descriptors",
        purpose: "the supervisor has two or three for each process and for each enclave (hard limit of RLIMIT_NOFILE)",
        need: Need::Useful,
        attempt: host::descriptors,
        cost: "of a large tree of processes, or with many enclaves, some are killed with a word",
        mend: "ulimit -Hn 4096 or more; docker run --ulimit nofile=65536",
        allowance: None,
    },
    Probe {
        name: "mappings",
        purpose: "each run of enclave pages with the same rights is one (vm.max_map_count)",
        need: Need::Useful,
        attempt: host::mappings,
        cost: "enclaves with very many changes of rights from page to page get ENOMEM",
        mend: "sysctl vm.max_map_count=65530 on the host",
        allowance: None,
    },
    Probe {
        name: "FSGSBASE",
        purpose: "enclaves and library OSes set FS and GS themselves",
        need: Need::Useful,
        attempt: || probe::fsgsbase().into(),
        cost: "enclaves that execute WRFSBASE or WRGSBASE get #UD",
        mend: "Linux 5.9, not booted with nofsgsbase, on a processor since 2012",
        allowance: None,
    },
    Probe {
        name: "breakpoints",
        purpose: "CPUID inside an enclave is #UD (debug registers, by ptrace)",
        need: Need::Useful,
        attempt: || probe::breakpoints().into(),
        cost: "enclaves that execute CPUID get the host's answer",
        mend: "no profiler that takes them on all processors; a virtual machine that has debug registers",
        allowance: Some(Allowance::Ptrace),
    },
    Probe {
        name: "CPUID faulting",
        purpose: "every CPUID instruction reaches the supervisor, also in code made at run time",
        need: Need::Later,
        attempt: host::cpuid_faulting,
        cost: "nothing yet: CPUID is found and replaced in the code of files",
        mend: "a processor that has it, not hidden by a hypervisor",
        allowance: None,
    },
    Probe {
        name: "INT 80H",
        purpose: "a replaced CPUID instruction stops its program without a signal (32-bit system calls)",
        need: Need::Useful,
        attempt: || probe::ia32_emulation().into(),
        cost: "each CPUID is a SIGILL that is taken back, which takes longer",
        mend: "a kernel with CONFIG_IA32_EMULATION, not booted with ia32_emulation=off",
        allowance: None,
    },
    Probe {
        name: "userfaultfd",
        purpose: "pages can leave the EPC while programs run",
        need: Need::Later,
        attempt: || probe::userfaultfd().into(),
        cost: "nothing yet: pages do not leave the EPC",
        mend: "Linux 5.19 with CONFIG_USERFAULTFD; a seccomp profile that allows userfaultfd",
        allowance: Some(Allowance::Seccomp),
    },
    Probe {
        name: "modify_ldt",
        purpose: "entering an enclave without a trap",
        need: Need::Later,
        attempt: || probe::modify_ldt().into(),
        cost: "nothing yet: every entry traps",
        mend: "a kernel with CONFIG_MODIFY_LDT_SYSCALL",
        allowance: Some(Allowance::Seccomp),
    },
    Probe {
        name: "pidfd_getfd",
        purpose: "taking over what injected calls have opened",
        need: Need::Later,
        attempt: || probe::pidfd_getfd().into(),
        cost: "nothing yet",
        mend: "Linux 5.6; a seccomp profile that allows pidfd_getfd",
        allowance: Some(Allowance::Ptrace),
    },
    Probe {
        name: "kcmp",
        purpose: "telling whether two descriptors are one open file",
        need: Need::Later,
        attempt: || probe::kcmp().into(),
        cost: "nothing yet: a lease tells when an enclave's last descriptor is closed",
        mend: "a kernel with CONFIG_KCMP; a seccomp profile that allows kcmp",
        allowance: Some(Allowance::Ptrace),
    },
    Probe {
        name: "user namespaces",
        purpose: "files of a machine's own, mounted",
        need: Need::Later,
        attempt: || probe::user_namespaces().into(),
        cost: "nothing yet: files are shown by answering calls",
        mend: "sysctl user.max_user_namespaces above 0; a seccomp profile that allows unshare",
        allowance: Some(Allowance::Seccomp),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = PROBES.iter().map(|probe| probe.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), PROBES.len());
    }
}
