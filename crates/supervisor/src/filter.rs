//! The seccomp filters: which system calls a program makes that can concern SGX.
//!
//! The base filter is on every process of a machine from its first instruction. Opens and looks by path, and
//! ioctls with the enclave driver's magic, wait for the notification threads without stopping the process;
//! calls whose arguments or results change stop it for its tracer. The window filter is added when a process
//! opens its first device, since only then mprotect and its kin can hit an enclave. A loader of many pages gets one more
//! that watches its descriptor.

pub(crate) mod own;

use anyclave_sys::bpf::{ARCH_X86_64, Action, BuildError, Builder, Field, Label, Program, Test, X32_BIT};

/// What stopped a thread at a seccomp event. Filters of programs may return numbers, too, and rarely these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(crate) enum Reason {
    /// A 64-bit system call of either filter.
    Call = 0xa401,
    /// `int 0x80` in 64-bit code above 4 GiB: a replaced CPUID, or a program of the old school.
    Int80 = 0xa402,
    /// A system call from our code, under a filter of the program's own.
    OurCode = 0xa403,
    /// A system call that the strict mode does not have.
    Strict = 0xa404,
}

impl Reason {
    /// From the filter's data.
    pub(crate) const fn from_data(data: u16) -> Option<Self> {
        match data {
            _ if data == Self::Call as u16 => Some(Self::Call),
            _ if data == Self::Int80 as u16 => Some(Self::Int80),
            _ if data == Self::OurCode as u16 => Some(Self::OurCode),
            _ if data == Self::Strict as u16 => Some(Self::Strict),
            _ => None,
        }
    }

    const fn action(self) -> Action {
        Action::Trace(self as u16)
    }
}

/// Calls by path: any may name a device node.
const BY_PATH: [i64; 8] = [
    libc::SYS_open,
    libc::SYS_stat,
    libc::SYS_lstat,
    libc::SYS_access,
    libc::SYS_openat,
    libc::SYS_faccessat,
    libc::SYS_openat2,
    libc::SYS_faccessat2,
];

/// Calls that matter only where windows, or descriptors of devices, are.
const ON_WINDOWS: [i64; 7] = [
    libc::SYS_mprotect,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_pkey_mprotect,
    libc::SYS_remap_file_pages,
    libc::SYS_fstat,
];

/// Signals that the processor raises, which a trap of ours may use up and whose dispositions are therefore
/// kept in our own book.
pub(crate) const FAULT_SIGNALS: [i32; 6] =
    [libc::SIGILL, libc::SIGTRAP, libc::SIGBUS, libc::SIGFPE, libc::SIGSEGV, libc::SIGSYS];

/// Numbers of SGX's model-specific registers, which are offsets in /dev/cpu/N/msr: IA32_FEATURE_CONTROL, and the
/// first and the last of IA32_SGXLEPUBKEYHASH.
const MSRS: [u32; 3] = [0x3a, 0x8c, 0x8f];
/// The bytes of a register.
const MSR_BYTES: u32 = 8;

/// Second byte of the driver's ioctl numbers.
const SGX_MAGIC: u32 = 0xa4;

/// The filter of every process.
///
/// # Errors
/// Only if this file has a mistake.
pub(crate) fn base() -> Result<Program, BuildError> {
    let mut filter = Builder::new();
    let foreign = filter.label();
    let [ioctl, mmap, prctl, ptrace, seccomp, clone] = [(); 6].map(|()| filter.label());
    filter.load(Field::Arch).jump_unless(Test::Eq(ARCH_X86_64), foreign);
    filter.load(Field::Nr).ret_if(Test::AnySet(X32_BIT), Action::Allow);
    let looks = Looks::of(&mut filter);
    for call in BY_PATH {
        filter.ret_if(Test::Eq(number(call)), Action::UserNotif);
    }
    filter
        .jump_if(Test::Eq(number(libc::SYS_ioctl)), ioctl)
        .jump_if(Test::Eq(number(libc::SYS_mmap)), mmap)
        .jump_if(Test::Eq(number(libc::SYS_prctl)), prctl)
        .jump_if(Test::Eq(number(libc::SYS_ptrace)), ptrace)
        .jump_if(Test::Eq(number(libc::SYS_seccomp)), seccomp)
        .jump_if(Test::Eq(number(libc::SYS_clone)), clone)
        // A ring closes descriptors without a call.
        .ret_if(Test::Eq(number(libc::SYS_io_uring_setup)), Reason::Call.action())
        .ret(Action::Allow);

    filter.bind(ioctl).load(Field::ArgLow(1)).and(0xff00);
    filter.ret_if(Test::Eq(SGX_MAGIC << 8), Action::UserNotif).ret(Action::Allow);

    // Shared file mappings may be windows; executable ones bring code with CPUID in it.
    filter.bind(mmap).load(Field::ArgLow(3)).ret_if(Test::AnySet(flag(libc::MAP_ANONYMOUS)), Action::Allow);
    filter.ret_if(Test::AnySet(flag(libc::MAP_SHARED)), Reason::Call.action());
    filter.load(Field::ArgLow(2)).ret_if(Test::AnySet(flag(libc::PROT_EXEC)), Reason::Call.action());
    filter.ret(Action::Allow);

    filter.bind(prctl).load(Field::ArgLow(0));
    for option in [libc::PR_SET_DUMPABLE, libc::PR_GET_DUMPABLE, libc::PR_GET_SECCOMP] {
        filter.ret_if(Test::Eq(flag(option)), Action::UserNotif);
    }
    filter.ret_if(Test::Eq(flag(libc::PR_SET_SECCOMP)), Reason::Call.action()).ret(Action::Allow);

    filter.bind(clone).load(Field::ArgLow(0));
    filter.ret_if(Test::AnySet(flag(libc::CLONE_UNTRACED)), Reason::Call.action()).ret(Action::Allow);

    // SECCOMP_SET_MODE_STRICT and SECCOMP_SET_MODE_FILTER; the others only ask.
    filter.bind(seccomp).load(Field::ArgLow(0)).ret_if(Test::Gt(1), Action::Allow).ret(Reason::Call.action());

    // What a descriptor is concerns only processes that have opened a device.
    looks.decide(&mut filter, Action::UserNotif, Action::Allow);

    // A process has one tracer, also in the moment in which it goes from one of ours to another.
    filter.bind(ptrace).load(Field::ArgLow(0));
    for request in [libc::PTRACE_TRACEME, libc::PTRACE_ATTACH, libc::PTRACE_SEIZE] {
        filter.ret_if(Test::Eq(request), Action::UserNotif);
    }
    filter.ret(Action::Allow);

    // Code of 32 bits lies below 4 GiB and runs without SGX.
    filter.bind(foreign).load(Field::IpHigh).ret_if(Test::Eq(0), Action::Allow).ret(Reason::Int80.action());
    filter.build()
}

/// Labels of the calls that look at a path or, with AT_EMPTY_PATH, at a descriptor.
struct Looks {
    newfstatat: Label,
    statx: Label,
}

impl Looks {
    /// Leads to them.
    fn of(filter: &mut Builder) -> Self {
        let looks = Self { newfstatat: filter.label(), statx: filter.label() };
        filter.jump_if(Test::Eq(number(libc::SYS_newfstatat)), looks.newfstatat);
        filter.jump_if(Test::Eq(number(libc::SYS_statx)), looks.statx);
        looks
    }

    /// Says what becomes of looks at paths and of looks at descriptors.
    fn decide(self, filter: &mut Builder, path: Action, descriptor: Action) {
        for (label, flags) in [(self.newfstatat, 3), (self.statx, 2)] {
            let by_path = filter.label();
            filter.bind(label).load(Field::ArgLow(flags));
            filter.jump_unless(Test::AnySet(flag(libc::AT_EMPTY_PATH)), by_path);
            filter.load(Field::ArgLow(0)).jump_if(Test::Eq(flag(libc::AT_FDCWD)), by_path).ret(descriptor);
            filter.bind(by_path).ret(path);
        }
    }
}

/// The filter that a process gets with its first device file.
///
/// # Errors
/// Only if this file has a mistake.
pub(crate) fn windows() -> Result<Program, BuildError> {
    let mut filter = Builder::new();
    let native = filter.label();
    filter.load(Field::Arch);
    filter.jump_if(Test::Eq(ARCH_X86_64), native).ret(Action::Allow);
    filter.bind(native).load(Field::Nr);
    for call in ON_WINDOWS {
        filter.ret_if(Test::Eq(number(call)), Reason::Call.action());
    }
    let looks = Looks::of(&mut filter);
    let [sigaction, mmap, pread, lseek] = [(); 4].map(|()| filter.label());
    filter
        .jump_if(Test::Eq(number(libc::SYS_rt_sigaction)), sigaction)
        .jump_if(Test::Eq(number(libc::SYS_mmap)), mmap)
        .jump_if(Test::Eq(number(libc::SYS_pread64)), pread)
        .jump_if(Test::Eq(number(libc::SYS_lseek)), lseek)
        .ret(Action::Allow);

    looks.decide(&mut filter, Action::Allow, Reason::Call.action());
    registers(&mut filter, pread, lseek);

    filter.bind(sigaction).load(Field::ArgLow(0));
    for signal in FAULT_SIGNALS {
        filter.ret_if(Test::Eq(flag(signal)), Reason::Call.action());
    }
    filter.ret(Action::Allow);

    // MAP_FIXED may replace a window, MAP_PRIVATE of a device is refused.
    filter
        .bind(mmap)
        .load(Field::ArgLow(3))
        .ret_if(Test::AnySet(flag(libc::MAP_FIXED)), Reason::Call.action());
    filter.ret_if(Test::AnySet(flag(libc::MAP_ANONYMOUS)), Action::Allow).ret(Reason::Call.action());
    filter.build()
}

/// The filter that watches one descriptor of a process: what can make it stand for something else stops.
///
/// # Errors
/// Only if this file has a mistake.
pub(crate) fn descriptor(fd: i32) -> Result<Program, BuildError> {
    let fd = flag(fd);
    let mut filter = Builder::new();
    let [native, close, dup, close_range] = [(); 4].map(|()| filter.label());
    filter.load(Field::Arch).jump_if(Test::Eq(ARCH_X86_64), native).ret(Action::Allow);
    filter
        .bind(native)
        .load(Field::Nr)
        .jump_if(Test::Eq(number(libc::SYS_close)), close)
        .jump_if(Test::Eq(number(libc::SYS_dup2)), dup)
        .jump_if(Test::Eq(number(libc::SYS_dup3)), dup)
        .jump_if(Test::Eq(number(libc::SYS_close_range)), close_range)
        .ret(Action::Allow);
    filter.bind(close).load(Field::ArgLow(0)).ret_if(Test::Eq(fd), Reason::Call.action()).ret(Action::Allow);
    filter.bind(dup).load(Field::ArgLow(1)).ret_if(Test::Eq(fd), Reason::Call.action()).ret(Action::Allow);
    filter.bind(close_range).load(Field::ArgLow(0)).ret_if(Test::Gt(fd), Action::Allow);
    filter.load(Field::ArgLow(1)).ret_if(Test::Ge(fd), Reason::Call.action()).ret(Action::Allow);
    filter.build()
}

/// Reads at offsets that can be registers of SGX, and seeks there, in whatever file. A file of registers has no more
/// than one of SGX's in it, so up to the end of the highest one reads of one register are looked at, and seeks.
fn registers(filter: &mut Builder, pread: Label, lseek: Label) {
    let [feature_control, first_hash, last_hash] = MSRS;
    let behind = last_hash + MSR_BYTES;
    let [whole, other] = [(); 2].map(|()| filter.label());
    filter.bind(pread).load(Field::ArgHigh(3)).ret_if(Test::Gt(0), Action::Allow);
    filter.load(Field::ArgLow(3)).ret_if(Test::Ge(behind), Action::Allow);
    filter.jump_if(Test::Eq(feature_control), whole);
    filter.jump_unless(Test::Ge(first_hash), other).jump_unless(Test::Gt(last_hash), whole);
    filter.bind(other).load(Field::ArgLow(2)).ret_if(Test::Eq(MSR_BYTES), Reason::Call.action());
    filter.ret(Action::Allow);
    filter.bind(whole).load(Field::ArgLow(2)).ret_if(Test::AnySet(MSR_BYTES - 1), Action::Allow);
    filter.ret(Reason::Call.action());

    // The first byte of a file is sought by everybody.
    filter.bind(lseek).load(Field::ArgHigh(1)).ret_if(Test::Gt(0), Action::Allow);
    filter.load(Field::ArgLow(1)).ret_if(Test::Eq(0), Action::Allow).ret_if(Test::Ge(behind), Action::Allow);
    filter.load(Field::ArgLow(2)).ret_if(Test::Eq(flag(libc::SEEK_SET)), Reason::Call.action());
    filter.ret(Action::Allow);
}

fn number(call: i64) -> u32 {
    u32::try_from(call).unwrap_or(u32::MAX)
}

const fn flag(value: i32) -> u32 {
    value.cast_unsigned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyclave_sys::bpf::SeccompData;

    fn call(nr: i64, args: [u64; 6]) -> SeccompData {
        SeccompData {
            nr: u32::try_from(nr).unwrap(),
            arch: ARCH_X86_64,
            instruction_pointer: 0x7f00_0000_0000,
            args,
        }
    }

    #[test]
    fn what_cannot_concern_sgx_passes() {
        let filter = base().unwrap();
        for nr in [libc::SYS_read, libc::SYS_readlink, libc::SYS_execve, libc::SYS_munmap, libc::SYS_getpid] {
            assert_eq!(filter.run(&call(nr, [0; 6])), Action::Allow, "{nr}");
        }
        let tcgets = call(libc::SYS_ioctl, [0, 0x5401, 0, 0, 0, 0]);
        assert_eq!(filter.run(&tcgets), Action::Allow);
        let anonymous = call(libc::SYS_mmap, [0, 4096, 7, 0x22, u64::MAX, 0]);
        assert_eq!(filter.run(&anonymous), Action::Allow);
        let data = call(libc::SYS_mmap, [0, 4096, 3, 2, 5, 0]);
        assert_eq!(filter.run(&data), Action::Allow);
        assert_eq!(filter.run(&call(libc::SYS_rt_sigaction, [11, 0, 0, 8, 0, 0])), Action::Allow);
        assert_eq!(filter.run(&call(0x4000_0000 | libc::SYS_open, [0; 6])), Action::Allow);
    }

    #[test]
    fn paths_and_driver_calls_wait_without_a_stop() {
        let filter = base().unwrap();
        for nr in BY_PATH {
            assert_eq!(filter.run(&call(nr, [0; 6])), Action::UserNotif, "{nr}");
        }
        for cmd in [0x4008_a400, 0xc030_a401, 0x0000_a404] {
            assert_eq!(filter.run(&call(libc::SYS_ioctl, [3, cmd, 0, 0, 0, 0])), Action::UserNotif);
        }
    }

    #[test]
    fn looks_at_descriptors_pass_until_there_is_a_device() {
        let cwd = u64::from(libc::AT_FDCWD.cast_unsigned());
        let empty = 0x1000;
        let calls = |fd, flags| {
            [
                call(libc::SYS_newfstatat, [fd, 1, 2, flags, 0, 0]),
                call(libc::SYS_statx, [fd, 1, flags, 0, 2, 0]),
            ]
        };
        let (base, windows) = (base().unwrap(), windows().unwrap());
        for data in calls(3, empty) {
            assert_eq!((base.run(&data), windows.run(&data)), (Action::Allow, Reason::Call.action()));
        }
        for data in [calls(3, 0), calls(cwd, 0), calls(cwd, empty)].concat() {
            assert_eq!((base.run(&data), windows.run(&data)), (Action::UserNotif, Action::Allow));
        }
    }

    #[test]
    fn registers_of_sgx_are_looked_at_beside_devices_and_other_reads_pass() {
        let filter = windows().unwrap();
        let pread = |count, offset| filter.run(&call(libc::SYS_pread64, [3, 8, count, offset, 0, 0]));
        let lseek = |offset, whence| filter.run(&call(libc::SYS_lseek, [3, offset, whence, 0, 0, 0]));
        let stop = Reason::Call.action();
        for number in [0x3a, 0x8c, 0x8d, 0x8e, 0x8f] {
            assert_eq!((pread(8, number), pread(16, number)), (stop, stop));
            assert_eq!((pread(4, number), pread(8, number | 1 << 32)), (Action::Allow, Action::Allow));
            assert_eq!((lseek(number, 0), lseek(number, 1)), (stop, Action::Allow));
            assert_eq!(lseek(number | 1 << 32, 0), Action::Allow);
        }
        for offset in [0x10, 0x3b, 0x8b, 0x90, 0x96] {
            assert_eq!((pread(8, offset), pread(16, offset)), (stop, Action::Allow));
            assert_eq!(lseek(offset, 0), stop);
        }
        // how the dynamic linker reads a library
        assert_eq!(pread(784, 64), Action::Allow);
        for offset in [0, 0x97, 0xc000_0080] {
            assert_eq!(lseek(offset, 0), Action::Allow);
        }
        let base = base().unwrap();
        assert_eq!(base.run(&call(libc::SYS_lseek, [3, 0x3a, 0, 0, 0, 0])), Action::Allow);
    }

    #[test]
    fn shared_and_executable_file_mappings_stop() {
        let filter = base().unwrap();
        for (prot, flags) in [(1, 1), (0, 3), (5, 2), (7, 0x12)] {
            let mapping = call(libc::SYS_mmap, [0, 4096, prot, flags, 3, 0]);
            assert_eq!(filter.run(&mapping), Reason::Call.action(), "{prot} {flags}");
        }
    }

    #[test]
    fn nobody_else_can_trace() {
        let filter = base().unwrap();
        for request in [0, 16, 0x4206] {
            let attach = call(libc::SYS_ptrace, [request, 1, 0, 0, 0, 0]);
            assert_eq!(filter.run(&attach), Action::UserNotif);
        }
        assert_eq!(filter.run(&call(libc::SYS_ptrace, [1, 0, 0, 0, 0, 0])), Action::Allow);
    }

    #[test]
    fn int_80_stops_only_above_4_gib() {
        let filter = base().unwrap();
        let mut data = call(20, [0; 6]);
        data.arch = 0x4000_0003;
        assert_eq!(filter.run(&data), Reason::Int80.action());
        data.instruction_pointer = 0x40_1000;
        assert_eq!(filter.run(&data), Action::Allow);
    }

    #[test]
    fn a_watched_descriptor_is_not_changed_unseen() {
        let filter = descriptor(7).unwrap();
        let stop = Reason::Call.action();
        let run = |nr, first, second| filter.run(&call(nr, [first, second, 0, 0, 0, 0]));
        let ways = [
            (libc::SYS_close, 7, 0),
            // the upper half of an int is nobody's
            (libc::SYS_close, 7 | 1 << 32, 0),
            (libc::SYS_dup2, 3, 7),
            (libc::SYS_dup3, 3, 7),
            (libc::SYS_close_range, 7, 7),
            (libc::SYS_close_range, 0, 0xffff_ffff),
            (libc::SYS_close_range, 3, 0xffff_ffff),
            (libc::SYS_close_range, 7, 100),
        ];
        for (nr, first, second) in ways {
            assert_eq!(run(nr, first, second), stop, "{nr} {first} {second}");
        }
        let others = [
            (libc::SYS_close, 8, 7),
            (libc::SYS_dup2, 7, 8),
            (libc::SYS_dup3, 7, 6),
            (libc::SYS_dup, 7, 7),
            (libc::SYS_close_range, 8, 100),
            (libc::SYS_close_range, 0, 6),
            (libc::SYS_read, 7, 7),
        ];
        for (nr, first, second) in others {
            assert_eq!(run(nr, first, second), Action::Allow, "{nr} {first} {second}");
        }
        let ring = base().unwrap().run(&call(libc::SYS_io_uring_setup, [4, 0, 0, 0, 0, 0]));
        assert_eq!(ring, stop);
    }

    #[test]
    fn the_window_filter_stops_what_can_change_a_window() {
        let filter = windows().unwrap();
        for nr in ON_WINDOWS {
            assert_eq!(filter.run(&call(nr, [0; 6])), Reason::Call.action());
        }
        for signal in [4, 5, 7, 8, 11, 31] {
            let sigaction = call(libc::SYS_rt_sigaction, [signal, 0, 0, 8, 0, 0]);
            assert_eq!(filter.run(&sigaction), Reason::Call.action());
        }
        assert_eq!(filter.run(&call(libc::SYS_rt_sigaction, [2, 0, 0, 8, 0, 0])), Action::Allow);
        let fixed = call(libc::SYS_mmap, [0, 4096, 3, 0x32, u64::MAX, 0]);
        assert_eq!(filter.run(&fixed), Reason::Call.action());
        let anonymous = call(libc::SYS_mmap, [0, 4096, 3, 0x22, u64::MAX, 0]);
        assert_eq!(filter.run(&anonymous), Action::Allow);
        let private = call(libc::SYS_mmap, [0, 4096, 3, 2, 5, 0]);
        assert_eq!(filter.run(&private), Reason::Call.action());
        assert_eq!(filter.run(&call(libc::SYS_read, [0; 6])), Action::Allow);
        assert_eq!(filter.run(&call(libc::SYS_openat, [0; 6])), Action::Allow);
    }
}
