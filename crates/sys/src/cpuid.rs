//! The host processor: CPUID, XCR0, and whether CPUID can be made to fault.

use crate::{Errno, Result};
use std::arch::x86_64::{__cpuid_count, _xgetbv};

/// The four registers CPUID fills.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the registers' names say it")]
pub struct Cpuid {
    pub eax: u32,
    pub ebx: u32,
    pub ecx: u32,
    pub edx: u32,
}

/// CPUID of the processor this thread runs on.
#[must_use]
pub fn cpuid(leaf: u32, subleaf: u32) -> Cpuid {
    let raw = __cpuid_count(leaf, subleaf);
    Cpuid { eax: raw.eax, ebx: raw.ebx, ecx: raw.ecx, edx: raw.edx }
}

/// XCR0: the state components the kernel enabled. `None`: a processor or kernel without XSAVE.
#[must_use]
pub fn xgetbv0() -> Option<u64> {
    const OSXSAVE: u32 = 1 << 27;
    if cpuid(1, 0).ecx & OSXSAVE == 0 {
        return None;
    }
    // SAFETY: OSXSAVE says that XGETBV is there and enabled, and register 0 always exists.
    Some(unsafe { xgetbv() })
}

/// # Safety
/// CPUID reports OSXSAVE.
#[target_feature(enable = "xsave")]
unsafe fn xgetbv() -> u64 {
    // SAFETY: the caller vouches that the instruction is there, and XCR0 exists wherever it is.
    unsafe { _xgetbv(0) }
}

/// The processor and the kernel can make CPUID fault for a thread (`ARCH_SET_CPUID`).
///
/// # Errors
/// None that is known.
pub fn has_cpuid_faulting() -> Result<bool> {
    const ARCH_GET_CPUID: u64 = 0x1011;
    const ARCH_SET_CPUID: u64 = 0x1012;
    // Reading succeeds on every kernel since 4.12, whatever the processor can; only setting tells. Setting
    // what is already set changes nothing.
    match arch_prctl(ARCH_GET_CPUID, 0) {
        Ok(1) => {}
        Ok(_) => return Ok(true),
        Err(Errno::EINVAL) => return Ok(false),
        Err(error) => return Err(error),
    }
    match arch_prctl(ARCH_SET_CPUID, 1) {
        Ok(_) => Ok(true),
        Err(Errno::ENODEV) => Ok(false),
        Err(error) => Err(error),
    }
}

/// For the options that take and give numbers only.
fn arch_prctl(option: u64, value: u64) -> Result<i64> {
    // SAFETY: neither option used here reads or writes memory; CPUID stays enabled.
    Errno::result(unsafe { libc::syscall(libc::SYS_arch_prctl, option, value) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaf_zero_names_a_vendor() {
        let Cpuid { ebx, ecx, edx, .. } = cpuid(0, 0);
        let name: Vec<u8> = [ebx, edx, ecx].into_iter().flat_map(u32::to_le_bytes).collect();
        assert!(name.iter().all(u8::is_ascii_graphic), "{name:?}");
    }

    #[test]
    fn xcr0_has_x87_and_agrees_with_leaf_0dh() {
        let xcr0 = xgetbv0().unwrap();
        assert_eq!(xcr0 & 0b11, 0b11, "x87 and SSE are always enabled on x86-64");
        let leaf = cpuid(0xD, 0);
        let supported = u64::from(leaf.eax) | u64::from(leaf.edx) << 32;
        assert_eq!(xcr0 & !supported, 0);
    }

    #[test]
    fn asking_for_cpuid_faulting_leaves_cpuid_usable() {
        let first = has_cpuid_faulting().unwrap();
        assert_eq!(has_cpuid_faulting(), Ok(first));
        assert_ne!(cpuid(0, 0).eax, 0);
    }
}
