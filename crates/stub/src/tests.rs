//! The code runs here as a copy in memory of its own; a signal handler stands in for the supervisor.

mod enter;
mod park;

use crate::{code, enter_enclave_cfi, offset};
use core::ffi::c_void;
use core::ptr;

/// A copy of the code that can be executed.
struct Copy {
    at: *mut c_void,
}

const PAGE: usize = 4096;

impl Copy {
    fn of(bytes: &[u8]) -> Self {
        assert!(bytes.len() <= PAGE);
        let (rw, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: the kernel chooses the place of a new anonymous mapping; nothing else is touched.
        let at = unsafe { libc::mmap(ptr::null_mut(), PAGE, rw, flags, -1, 0) };
        assert_ne!(at, libc::MAP_FAILED);
        // SAFETY: the page is ours, writable and at least as long as the bytes, which lie elsewhere.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), at.cast(), bytes.len()) };
        // SAFETY: the page is ours, and no reference points into it.
        let rc = unsafe { libc::mprotect(at, PAGE, libc::PROT_READ | libc::PROT_EXEC) };
        assert_eq!(rc, 0);
        Self { at }
    }

    fn address(&self, offset: usize) -> usize {
        self.at.addr() + offset
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        // SAFETY: the page was mapped by `of`, and functions in it are only called while `self` lives.
        unsafe { libc::munmap(self.at, PAGE) };
    }
}

#[test]
fn labels_stand_at_their_instructions() {
    let at = |offset: usize| &code()[offset..];
    assert!(code().len() <= PAGE);
    assert!(at(offset::syscall()).starts_with(&[0x0f, 0x05, 0x0f, 0x0b]));
    assert!(at(offset::sentinel()).starts_with(&[0x0f, 0x0b]));
    assert!(at(offset::restorer()).starts_with(&[0x48, 0xc7, 0xc0, 15, 0, 0, 0, 0x0f, 0x05]));
    assert!(at(offset::enclu()).starts_with(&[0x0f, 0x01, 0xd7]));
    assert!((offset::enter_enclave()..offset::enter_enclave_end()).contains(&offset::enclu()));
    assert!((offset::enter_enclave()..offset::enter_enclave_end()).contains(&offset::fixup()));
    assert_eq!(code()[offset::enter_enclave_end() - 1], 0xc3);
    assert!(enter_enclave_cfi().len() > 10);
}

#[test]
fn there_is_one_enclu() {
    let enclu = code().windows(3).filter(|bytes| *bytes == [0x0f, 0x01, 0xd7]).count();
    assert_eq!(enclu, 1);
}
