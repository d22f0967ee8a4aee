//! `siginfo_t` as a value.

use std::fmt;
use std::mem::{align_of, size_of};

/// What accompanies a signal: 128 bytes of the kernel's layout.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct SigInfo(libc::siginfo_t);

const SIZE: usize = size_of::<libc::siginfo_t>();
/// Where the union begins: `si_addr` of a fault, `si_pid` of a sent signal.
const UNION: usize = 16;

// As the kernel declares it: three `int`s and, from `UNION` on, a union of which the largest member fills 28. The
// library declares the union, and the `int` between that aligns it, as one array of 29, with a member without size
// behind it for the alignment. So it has no padding, neither between its members nor at its end: 4 * (3 + 29) = 128.
const _: () = assert!(SIZE == 4 * (3 + 29) && SIZE.is_multiple_of(align_of::<libc::siginfo_t>()));

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
    pub fn from_bytes(bytes: [u8; SIZE]) -> Self {
        // SAFETY: `siginfo_t` is of this size and made of integers only, so any bytes are one.
        Self(unsafe { std::mem::transmute::<[u8; SIZE], libc::siginfo_t>(bytes) })
    }

    /// The kernel's bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; SIZE] {
        // SAFETY: every `SigInfo` is made of 128 initialised bytes, by `from_bytes` or by the kernel, which
        // fills the whole structure; and a copy keeps them all, as the structure has no padding (above).
        unsafe { std::mem::transmute::<libc::siginfo_t, [u8; SIZE]>(self.0) }
    }

    /// The signal's number.
    #[must_use]
    pub fn signo(&self) -> i32 {
        self.0.si_signo
    }

    /// `si_code`: why it was sent. Negative and zero codes come from user space (`SI_USER`, `SI_TKILL`,
    /// `SI_QUEUE`), positive ones from the kernel.
    #[must_use]
    pub fn code(&self) -> i32 {
        self.0.si_code
    }

    /// `si_errno`.
    #[must_use]
    pub fn errno(&self) -> i32 {
        self.0.si_errno
    }

    /// `si_addr`: where a fault happened; means nothing for other signals.
    #[must_use]
    pub fn addr(&self) -> u64 {
        let bytes = self.to_bytes();
        let mut addr = [0; 8];
        addr.copy_from_slice(&bytes[UNION..UNION + 8]);
        u64::from_ne_bytes(addr)
    }

    /// `si_pid`: the sender of a signal that was sent; means nothing for faults.
    #[must_use]
    pub fn pid(&self) -> i32 {
        let bytes = self.to_bytes();
        let mut pid = [0; 4];
        pid.copy_from_slice(&bytes[UNION..UNION + 4]);
        i32::from_ne_bytes(pid)
    }

    pub(crate) fn as_raw(&self) -> &libc::siginfo_t {
        &self.0
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
