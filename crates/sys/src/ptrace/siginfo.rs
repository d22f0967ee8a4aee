//! `siginfo_t` as a value.

use std::fmt;
use std::mem::{align_of, size_of};

/// What accompanies a signal: 128 bytes of the kernel's layout.
///
/// Bytes and not the library's structure, whose private parts may be left uninitialised: here each has a value.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub struct SigInfo([u8; SIZE]);

const SIZE: usize = size_of::<libc::siginfo_t>();
/// Where the union begins: `si_addr` of a fault, `si_pid` of a sent signal.
const UNION: usize = 16;

const _: () = assert!(SIZE == 128 && size_of::<SigInfo>() == SIZE);
const _: () = assert!(align_of::<SigInfo>() >= align_of::<libc::siginfo_t>());

impl SigInfo {
    /// The information of a fault: `signo` (SIGSEGV, SIGILL, ...) with its `code` at the address `addr`.
    #[must_use]
    pub fn fault(signo: i32, code: i32, addr: u64) -> Self {
        let mut bytes = [0; SIZE];
        bytes[0..4].copy_from_slice(&signo.to_ne_bytes());
        bytes[8..12].copy_from_slice(&code.to_ne_bytes());
        bytes[UNION..UNION + 8].copy_from_slice(&addr.to_ne_bytes());
        Self::from_bytes(bytes)
    }

    /// The information made of the kernel's bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; SIZE]) -> Self {
        Self(bytes)
    }

    /// The kernel's bytes.
    #[must_use]
    pub const fn to_bytes(&self) -> [u8; SIZE] {
        self.0
    }

    /// The signal's number.
    #[must_use]
    pub fn signo(&self) -> i32 {
        self.word(0)
    }

    /// `si_code`: why it was sent. Negative and zero codes come from user space (`SI_USER`, `SI_TKILL`,
    /// `SI_QUEUE`), positive ones from the kernel.
    #[must_use]
    pub fn code(&self) -> i32 {
        self.word(8)
    }

    /// `si_errno`.
    #[must_use]
    pub fn errno(&self) -> i32 {
        self.word(4)
    }

    /// `si_addr`: where a fault happened; means nothing for other signals.
    #[must_use]
    pub fn addr(&self) -> u64 {
        let mut addr = [0; 8];
        addr.copy_from_slice(&self.0[UNION..UNION + 8]);
        u64::from_ne_bytes(addr)
    }

    /// `si_pid`: the sender of a signal that was sent; means nothing for faults.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.word(UNION)
    }

    /// The `int` that begins at byte `at`.
    fn word(&self, at: usize) -> i32 {
        let mut word = [0; 4];
        word.copy_from_slice(&self.0[at..at + 4]);
        i32::from_ne_bytes(word)
    }

    pub(crate) fn as_raw(&self) -> &libc::siginfo_t {
        let raw = std::ptr::from_ref(self).cast::<libc::siginfo_t>();
        // SAFETY: size and alignment are enough (above), the bytes are initialised and stay borrowed, and the
        // structure is `int`s and a union, which any bytes are.
        unsafe { &*raw }
    }
}

impl fmt::Debug for SigInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigInfo")
            .field("signo", &self.signo())
            .field("code", &self.code())
            .field("addr", &format_args!("{:#x}", self.addr()))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_has_its_three_fields_where_libc_reads_them() {
        let info = SigInfo::fault(libc::SIGSEGV, 2, 0x7fff_1234_5000);
        assert_eq!((info.signo(), info.code(), info.addr()), (libc::SIGSEGV, 2, 0x7fff_1234_5000));
        // SAFETY: the information is that of a fault, for which `si_addr` is set.
        let addr = unsafe { info.as_raw().si_addr() };
        assert_eq!(addr as u64, 0x7fff_1234_5000);
    }
}
