//! Classic BPF programs as seccomp runs them: built with forward labels, and run here for tests.

mod build;
mod foreign;
mod run;

pub use self::build::{BuildError, Builder, Label};
pub use self::foreign::Foreign;

/// `AUDIT_ARCH_X86_64`: what [`Field::Arch`] holds for every system call of a 64-bit program, x32 ones too.
pub const ARCH_X86_64: u32 = 0xC000_003E;
/// `AUDIT_ARCH_I386`: the same for `int 0x80` and for programs of 32 bits.
pub const ARCH_I386: u32 = 0x4000_0003;
/// The bit of [`Field::Nr`] that marks an x32 system call.
pub const X32_BIT: u32 = 0x4000_0000;

/// What a filter sees of a system call: `struct seccomp_data`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct SeccompData {
    /// The number, an `int` to the kernel.
    pub nr: u32,
    /// `AUDIT_ARCH_*`.
    pub arch: u32,
    /// The address after the `syscall` instruction.
    pub instruction_pointer: u64,
    /// The arguments.
    pub args: [u64; 6],
}

const _: () = assert!(size_of::<SeccompData>() == 64);

/// A 32-bit word of [`SeccompData`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The system call's number.
    Nr,
    /// `AUDIT_ARCH_*`.
    Arch,
    /// The low half of the instruction pointer.
    IpLow,
    /// Its high half.
    IpHigh,
    /// The low half of an argument, from 0 to 5.
    ArgLow(u8),
    /// Its high half.
    ArgHigh(u8),
}

/// A 64-bit word of [`SeccompData`], which a filter compares by halves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wide {
    /// The instruction pointer.
    Ip,
    /// An argument, from 0 to 5.
    Arg(u8),
}

impl Wide {
    const fn low(self) -> Field {
        match self {
            Self::Ip => Field::IpLow,
            Self::Arg(n) => Field::ArgLow(n),
        }
    }

    const fn high(self) -> Field {
        match self {
            Self::Ip => Field::IpHigh,
            Self::Arg(n) => Field::ArgHigh(n),
        }
    }
}

impl Field {
    /// The offset in [`SeccompData`]; `None` for an argument that does not exist.
    fn offset(self) -> Option<u32> {
        let arg = |n: u8, half| (n < 6).then(|| 16 + 8 * u32::from(n) + half);
        match self {
            Self::Nr => Some(0),
            Self::Arch => Some(4),
            Self::IpLow => Some(8),
            Self::IpHigh => Some(12),
            Self::ArgLow(n) => arg(n, 0),
            Self::ArgHigh(n) => arg(n, 4),
        }
    }
}

/// A test of the word loaded last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Test {
    /// Equal.
    Eq(u32),
    /// Greater or equal, unsigned.
    Ge(u32),
    /// Greater, unsigned.
    Gt(u32),
    /// Any of these bits set.
    AnySet(u32),
}

/// What a filter decides: `SECCOMP_RET_*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Let it pass.
    Allow,
    /// Fail with this errno.
    Errno(u16),
    /// Ask the listener.
    UserNotif,
    /// Stop for the tracer with this data.
    Trace(u16),
    /// SIGSYS with this data.
    Trap(u16),
    /// Let it pass and write it to the audit log.
    Log,
    /// Kill the thread.
    KillThread,
    /// Kill the process.
    KillProcess,
}

impl Action {
    /// The word a filter returns.
    #[must_use]
    pub fn to_raw(self) -> u32 {
        match self {
            Self::Allow => libc::SECCOMP_RET_ALLOW,
            Self::Errno(errno) => libc::SECCOMP_RET_ERRNO | u32::from(errno),
            Self::UserNotif => libc::SECCOMP_RET_USER_NOTIF,
            Self::Trace(data) => libc::SECCOMP_RET_TRACE | u32::from(data),
            Self::Trap(data) => libc::SECCOMP_RET_TRAP | u32::from(data),
            Self::Log => libc::SECCOMP_RET_LOG,
            Self::KillThread => libc::SECCOMP_RET_KILL_THREAD,
            Self::KillProcess => libc::SECCOMP_RET_KILL_PROCESS,
        }
    }

    /// How much it forbids: of several filters the most severe decision counts.
    #[must_use]
    pub const fn severity(self) -> u8 {
        match self {
            Self::Allow => 0,
            Self::Log => 1,
            Self::Trace(_) => 2,
            Self::UserNotif => 3,
            Self::Errno(_) => 4,
            Self::Trap(_) => 5,
            Self::KillThread => 6,
            Self::KillProcess => 7,
        }
    }

    /// The reverse of [`to_raw`](Self::to_raw); an unknown action kills the process, as in the kernel.
    #[must_use]
    pub fn from_raw(raw: u32) -> Self {
        let data = (raw & libc::SECCOMP_RET_DATA) as u16;
        match raw & libc::SECCOMP_RET_ACTION_FULL {
            libc::SECCOMP_RET_ALLOW => Self::Allow,
            libc::SECCOMP_RET_ERRNO => Self::Errno(data),
            libc::SECCOMP_RET_USER_NOTIF => Self::UserNotif,
            libc::SECCOMP_RET_TRACE => Self::Trace(data),
            libc::SECCOMP_RET_TRAP => Self::Trap(data),
            libc::SECCOMP_RET_LOG => Self::Log,
            libc::SECCOMP_RET_KILL_THREAD => Self::KillThread,
            _ => Self::KillProcess,
        }
    }
}

/// One instruction: `struct sock_filter`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Insn {
    pub(crate) code: u16,
    pub(crate) jump_true: u8,
    pub(crate) jump_false: u8,
    pub(crate) k: u32,
}

const _: () = assert!(size_of::<Insn>() == size_of::<libc::sock_filter>());

/// A finished filter: every jump stays inside, every path ends in a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program(Vec<Insn>);

impl Program {
    /// The number of instructions, from 1 to 4096.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a program is never empty")]
    pub fn len(&self) -> u16 {
        // The builder refuses more than 4096.
        u16::try_from(self.0.len()).unwrap_or(u16::MAX)
    }

    /// The instructions as the kernel reads them, eight bytes each.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let bytes = |insn: &Insn| {
            let mut bytes = [0; 8];
            bytes[0..2].copy_from_slice(&insn.code.to_ne_bytes());
            bytes[2] = insn.jump_true;
            bytes[3] = insn.jump_false;
            bytes[4..8].copy_from_slice(&insn.k.to_ne_bytes());
            bytes
        };
        self.0.iter().flat_map(bytes).collect()
    }

    /// The `struct sock_fprog` for a process in whose memory [`to_bytes`](Self::to_bytes) lies at `addr`.
    #[must_use]
    pub fn fprog_at(&self, addr: u64) -> [u8; 16] {
        let mut fprog = [0; 16];
        fprog[0..2].copy_from_slice(&self.len().to_ne_bytes());
        fprog[8..16].copy_from_slice(&addr.to_ne_bytes());
        fprog
    }

    pub(crate) fn insns(&self) -> &[Insn] {
        &self.0
    }
}
