//! Finds a function of the vDSO as a program without a C library does: program headers, dynamic section, the
//! hash table's count of symbols, names.

use crate::{Result, errno_of};
use std::fs::File;
use std::os::unix::fs::FileExt;

const PT_DYNAMIC: u32 = 2;
const DT_HASH: u64 = 4;
const DT_STRTAB: u64 = 5;
const DT_SYMTAB: u64 = 6;
/// `STT_FUNC`, the low half of `st_info`.
const FUNCTION: u8 = 2;

/// More of anything than a vDSO has.
const MANY: u64 = 4096;

/// The address of the vDSO's function `name` in this process; `None` without a vDSO or without the function.
///
/// # Errors
/// What reading our own memory as a file says, which needs no pointers; `EIO`: the image names addresses where
/// nothing is.
pub(super) fn own_function(name: &str) -> Result<Option<u64>> {
    let Some(base) = base() else { return Ok(None) };
    let memory = File::open("/proc/self/mem").map_err(|error| errno_of(&error))?;
    find(base, name, &mut |at, bytes| memory.read_exact_at(bytes, at).map_err(|error| errno_of(&error)))
}

/// The address of the vDSO's ELF header.
fn base() -> Option<u64> {
    // SAFETY: the call has no precondition.
    let address = unsafe { libc::getauxval(libc::AT_SYSINFO_EHDR) };
    (address != 0).then_some(address)
}

/// The address of the function `name` in the image at `base`, read by `read`; `None` where it has none.
///
/// # Errors
/// Those of `read`.
fn find(base: u64, name: &str, read: &mut impl FnMut(u64, &mut [u8]) -> Result<()>) -> Result<Option<u64>> {
    let mut memory = Memory { base, read };
    // e_phoff at 32, e_phnum at 56; p_type at 0, p_vaddr at 16.
    let headers = memory.word(32)?;
    let count = u64::from(memory.half(56)?);
    for header in (0..count).map(|index| headers.wrapping_add(index * 56)) {
        if memory.number(header)? == PT_DYNAMIC {
            let dynamic = memory.word(header.wrapping_add(16))?;
            return memory.function(dynamic, name);
        }
    }
    Ok(None)
}

/// An ELF image; offsets count from its base and may wrap, as tables put elsewhere in memory need.
struct Memory<'a, R> {
    base: u64,
    read: &'a mut R,
}

impl<R: FnMut(u64, &mut [u8]) -> Result<()>> Memory<'_, R> {
    fn bytes<const N: usize>(&mut self, offset: u64) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        (self.read)(self.base.wrapping_add(offset), &mut bytes)?;
        Ok(bytes)
    }

    fn word(&mut self, offset: u64) -> Result<u64> {
        self.bytes(offset).map(u64::from_le_bytes)
    }

    fn number(&mut self, offset: u64) -> Result<u32> {
        self.bytes(offset).map(u32::from_le_bytes)
    }

    fn half(&mut self, offset: u64) -> Result<u16> {
        self.bytes(offset).map(u16::from_le_bytes)
    }

    fn byte(&mut self, offset: u64) -> Result<u8> {
        self.bytes(offset).map(u8::from_le_bytes)
    }

    fn function(&mut self, dynamic: u64, name: &str) -> Result<Option<u64>> {
        let (mut hash, mut strings, mut symbols) = (None, None, None);
        for entry in (0..MANY).map(|index| dynamic.wrapping_add(index * 16)) {
            let value = self.word(entry.wrapping_add(8))?;
            match self.word(entry)? {
                0 => break,
                DT_HASH => hash = Some(value),
                DT_STRTAB => strings = Some(value),
                DT_SYMTAB => symbols = Some(value),
                _ => {}
            }
        }
        let (Some(hash), Some(strings), Some(symbols)) = (hash, strings, symbols) else { return Ok(None) };
        // nchain is the number of symbols.
        let count = u64::from(self.number(hash.wrapping_add(4))?).min(MANY);
        for symbol in (0..count).map(|index| symbols.wrapping_add(index * 24)) {
            // st_name at 0, st_info at 4, st_shndx at 6, st_value at 8.
            let at = strings.wrapping_add(u64::from(self.number(symbol)?));
            let function = self.byte(symbol.wrapping_add(4))? & 0xf == FUNCTION;
            let defined = self.half(symbol.wrapping_add(6))? != 0;
            if function && defined && self.is_name(at, name)? {
                return Ok(Some(self.base.wrapping_add(self.word(symbol.wrapping_add(8))?)));
            }
        }
        Ok(None)
    }

    /// Byte by byte, since the table may end with its page.
    fn is_name(&mut self, at: u64, name: &str) -> Result<bool> {
        for (offset, expected) in (0..).zip(name.bytes().chain([0])) {
            if self.byte(at.wrapping_add(offset))? != expected {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_own_functions_are_found() {
        let base = base().unwrap();
        assert!(base.is_multiple_of(4096));
        let clock = own_function("__vdso_clock_gettime").unwrap().unwrap();
        assert!((base..base + 0x10000).contains(&clock));
        assert_eq!(own_function("__vdso_clock_gettim"), Ok(None));
        assert_eq!(own_function("__vdso_clock_gettimes"), Ok(None));
    }

    #[test]
    fn what_is_no_function_is_not_found() {
        // The name of the version is a symbol too, of type STT_OBJECT.
        assert_eq!(own_function("LINUX_2.6"), Ok(None));
    }

    #[test]
    fn any_bytes_are_read_without_harm() {
        for fill in [0, 1, 0xff, 0x40] {
            let read = &mut |_, bytes: &mut [u8]| {
                bytes.fill(fill);
                Ok(())
            };
            assert_eq!(find(0x1000, "__vdso_x", read), Ok(None));
        }
    }
}
