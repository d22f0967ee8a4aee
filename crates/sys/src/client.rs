//! The host side of an enclave, for the demo: a device file with requests, a window of its memory, and the
//! function of the vDSO that goes in.
//!
//! The one place of this crate that knows SGX exists, because the demo needs these few calls and unsafe code
//! may live nowhere else. It uses the Linux ABI alone: no library, nothing of the rest of this program.
//!
//! # Trust
//! Code inside an enclave reaches all memory of the process around it, as code of a debugger does, and no type
//! can say what it leaves alone. Whoever loads an enclave by this module vouches that it writes to no memory
//! but its own and that of the call it is given. The only one ever loaded is the demo's, which is built from
//! source with this program.

mod vdso;

use crate::{Errno, Result, errno_of};
use std::fs::{File, OpenOptions};
use std::mem::{offset_of, size_of};
use std::os::fd::AsRawFd;

/// `_IOC_TYPE` of the requests of an enclave device.
const MAGIC: u32 = 0xa4;

/// Protections of a window.
pub use nix::sys::mman::ProtFlags as Protection;

/// An open enclave file.
#[derive(Debug)]
pub struct Device(File);

impl Device {
    /// The node of the enclave driver.
    pub const NODE: &str = "/dev/sgx_enclave";

    /// Opens the node for reading and writing.
    ///
    /// # Errors
    /// `ENOENT`: a machine without SGX. `EACCES`.
    pub fn open() -> Result<Self> {
        OpenOptions::new().read(true).write(true).open(Self::NODE).map(Self).map_err(|error| errno_of(&error))
    }

    /// A request of the enclave driver, with its argument structure. Addresses in the structure are of memory
    /// that the kernel only reads; they must come from exposed pointers.
    ///
    /// # Errors
    /// `EINVAL`: the number does not belong to an enclave device or to a structure of this size. Otherwise
    /// what the driver says.
    pub fn request(&self, request: u32, argument: &mut [u8]) -> Result<i32> {
        let size = usize::try_from(request >> 16 & 0x3fff).or(Err(Errno::EINVAL))?;
        if request >> 8 & 0xff != MAGIC || size != argument.len() {
            return Err(Errno::EINVAL);
        }
        // SAFETY: the file is the enclave driver's, whose requests write to their own structure and to no
        // other memory; the structure is a live slice as long as the number says.
        let done = unsafe { libc::ioctl(self.0.as_raw_fd(), request.into(), argument.as_mut_ptr()) };
        Errno::result(done)
    }
}

/// Address space set aside for an enclave, aligned to its size; given back when dropped.
#[derive(Debug)]
pub struct Area {
    base: usize,
    size: usize,
}

impl Area {
    /// Sets `size` bytes aside, a power of two and at least a page. They cannot be accessed until a window is
    /// mapped there.
    ///
    /// # Errors
    /// `EINVAL`: another size. `ENOMEM`.
    pub fn reserve(size: usize) -> Result<Self> {
        if !size.is_power_of_two() || size < 4096 {
            return Err(Errno::EINVAL);
        }
        let twice = size.checked_mul(2).ok_or(Errno::EINVAL)?;
        // SAFETY: a new mapping where the kernel finds room replaces nothing.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                twice,
                libc::PROT_NONE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
                -1,
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(Errno::last());
        }
        let start = start.addr();
        let base = start.next_multiple_of(size);
        unmap(start, base - start)?;
        unmap(base + size, start + size - base)?;
        Ok(Self { base, size })
    }

    /// Its first address.
    #[must_use]
    pub fn base(&self) -> u64 {
        self.base as u64
    }

    /// Maps the enclave's pages at `offset` of this area, shared. The enclave must have been created with
    /// [`base`](Self::base) as its base address.
    ///
    /// # Errors
    /// `EINVAL`: the range does not lie in the area, or is not made of pages. `EACCES`: more rights than the
    /// pages have.
    pub fn map(&self, device: &Device, offset: usize, length: usize, rights: Protection) -> Result<()> {
        let end = offset.checked_add(length).ok_or(Errno::EINVAL)?;
        if end > self.size {
            return Err(Errno::EINVAL);
        }
        let address = std::ptr::without_provenance_mut(self.base + offset);
        let flags = libc::MAP_SHARED | libc::MAP_FIXED;
        // SAFETY: the range lies in an area that this value owns and to which Rust code has no reference, so
        // what it held before is of no use to anyone.
        let done = unsafe { libc::mmap(address, length, rights.bits(), flags, device.0.as_raw_fd(), 0) };
        if done == libc::MAP_FAILED { Err(Errno::last()) } else { Ok(()) }
    }
}

impl Drop for Area {
    fn drop(&mut self) {
        // Nothing is left to do where the kernel refuses: the address space stays taken.
        let _ = unmap(self.base, self.size);
    }
}

/// Takes away mappings that this module made.
fn unmap(start: usize, length: usize) -> Result<()> {
    if length == 0 {
        return Ok(());
    }
    // SAFETY: private function; its callers name address space that they reserved and did not hand out.
    let done = unsafe { libc::munmap(std::ptr::without_provenance_mut(start), length) };
    Errno::result(done).map(drop)
}

/// `struct sgx_enclave_run` of `asm/sgx.h`.
#[repr(C)]
#[derive(Default)]
struct Run {
    tcs: u64,
    function: u32,
    exception_vector: u16,
    exception_error_code: u16,
    exception_addr: u64,
    user_handler: u64,
    user_data: u64,
    reserved: [u64; 27],
}

const _: () = assert!(size_of::<Run>() == 256);
const _: () = assert!(offset_of!(Run, exception_addr) == 16);

/// How the function of the vDSO came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Return {
    /// What the function returned: 0, or a negative errno.
    pub status: i32,
    /// The ENCLU leaf that was last: 4 (EEXIT) when the enclave left; 3 (ERESUME) when an exception inside
    /// ended the stay; 2 (EENTER) when it never began.
    pub function: u32,
    /// Exception vector.
    pub vector: u16,
    /// Error code of the exception.
    pub error_code: u16,
    /// Address of a page fault.
    pub address: u64,
}

/// The function of the vDSO, and a stack of its own to call it on.
///
/// An enclave that is resumed leaves with the stack pointer of the entry that was interrupted, so entering and
/// resuming must begin at one and the same place of the stack. On a stack that nothing else uses they do.
pub struct Entry {
    /// Address of the function.
    function: u64,
    stack: Box<[u128; STACK_WORDS]>,
}

/// The function needs little; a signal that comes meanwhile needs room for its frame, AVX-512 registers and all.
const STACK_WORDS: usize = (64 << 10) / size_of::<u128>();

impl Entry {
    /// Name of the function in the vDSO's symbol table.
    pub const SYMBOL: &str = "__vdso_sgx_enter_enclave";

    /// Looks the function up in the vDSO of this process; `None` where there is none, as on a machine whose
    /// kernel knows no SGX. There is no other way to an entry: an address from elsewhere could be anything.
    ///
    /// # Errors
    /// What opening and reading /proc/self/mem says.
    pub fn find() -> Result<Option<Self>> {
        let Some(function) = vdso::own_function(Self::SYMBOL)? else { return Ok(None) };
        // SAFETY: the vDSO is the kernel's word about itself, and under this name it has one function, with the
        // signature of `vdso_sgx_enter_enclave_t` of `asm/sgx.h`. It stays mapped as long as the process
        // lives, unless somebody unmaps memory that is not theirs.
        Ok(Some(unsafe { Self::at(function) }))
    }

    /// An entry by the function at this address.
    ///
    /// # Safety
    /// There is code with the signature and the habits of `__vdso_sgx_enter_enclave`, for as long as the entry
    /// lives.
    unsafe fn at(function: u64) -> Self {
        Self { function, stack: Box::new([0; STACK_WORDS]) }
    }

    /// The address of the function.
    #[must_use]
    pub const fn function(&self) -> u64 {
        self.function
    }

    /// Calls it with ENCLU leaf `leaf` (2 EENTER, 3 ERESUME) on the thread whose TCS is at `tcs`. The enclave
    /// finds the address of `call` in RDI.
    pub fn enter(&mut self, leaf: u32, tcs: u64, call: &mut [u8]) -> Return {
        let mut run = Run { tcs, ..Run::default() };
        let status: i32;
        // SAFETY: whoever made this entry vouched for the function (`at`), and whoever loaded an enclave for what it
        // writes to ("Trust" in the module's text). The function takes six arguments in registers and the seventh
        // on the stack, which is the whole of `self.stack` and aligned to 16 bytes at the call. `run` and `call`
        // are live and exclusively ours meanwhile. After an exception R12 to R15 hold zeroes, so they count as overwritten like the registers
        // that any call may change; RBX, RBP and RSP it restores itself, and our own RSP waits on that stack.
        unsafe {
            std::arch::asm!(
                "xchg r12, rsp",
                "push r12",
                "push r13",
                "call r14",
                "pop r13",
                "pop rsp",
                inout("r12") self.stack.as_mut_ptr_range().end => _,
                inout("r13") &raw mut run => _,
                inout("r14") self.function => _,
                inout("rdi") call.as_mut_ptr() => _,
                inout("rsi") 0_u64 => _,
                inout("rdx") 0_u64 => _,
                inout("ecx") leaf => _,
                inout("r8") 0_u64 => _,
                inout("r9") 0_u64 => _,
                out("r15") _,
                lateout("eax") status,
                clobber_abi("C"),
            );
        }
        Return {
            status,
            function: run.function,
            vector: run.exception_vector,
            error_code: run.exception_error_code,
            address: run.exception_addr,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_area_is_aligned_to_its_size_and_given_back() {
        for size in [0x1000, 0x2_0000, 0x100_0000] {
            let area = Area::reserve(size).unwrap();
            assert!(area.base().is_multiple_of(size as u64));
        }
        assert_eq!(Area::reserve(0x3000).unwrap_err(), Errno::EINVAL);
        assert_eq!(Area::reserve(0).unwrap_err(), Errno::EINVAL);
    }

    #[test]
    fn requests_of_other_devices_and_sizes_are_refused() {
        let device = Device(File::open("/dev/null").unwrap());
        assert_eq!(device.request(0x4008_a500, &mut [0; 8]), Err(Errno::EINVAL));
        assert_eq!(device.request(0x4008_a400, &mut [0; 7]), Err(Errno::EINVAL));
        assert_eq!(device.request(0x4008_a400, &mut [0; 8]), Err(Errno::ENOTTY));
    }

    #[test]
    fn windows_stay_in_their_area() {
        let area = Area::reserve(0x2000).unwrap();
        let device = Device(OpenOptions::new().read(true).write(true).open("/dev/zero").unwrap());
        let map = |offset, length| area.map(&device, offset, length, Protection::PROT_READ);
        assert_eq!(map(0x1000, 0x1000), Ok(()));
        assert_eq!(map(0x1000, 0x2000), Err(Errno::EINVAL));
        assert_eq!(map(0x2000, 0x1000), Err(Errno::EINVAL));
        assert_eq!(map(usize::MAX, 1), Err(Errno::EINVAL));
    }

    /// Stands in for the function of the vDSO: says that there was an exception, and what it was called with.
    extern "C" fn stand_in(
        call: *mut u64,
        rsi: u64,
        rdx: u64,
        function: u32,
        r8: u64,
        r9: u64,
        run: *mut Run,
    ) -> i32 {
        // SAFETY: `enter` is called with eight aligned bytes.
        unsafe { *call += rsi + rdx + r8 + r9 + 1 };
        // SAFETY: `enter` passes a `Run`.
        let run = unsafe { &mut *run };
        run.function = function + 1;
        run.exception_vector = 14;
        run.exception_error_code = 7;
        run.exception_addr = run.tcs + 0x1000;
        i32::from(run.reserved != [0; 27]) - 5
    }

    #[test]
    fn the_function_gets_its_arguments_and_its_words_come_back() {
        let mut word = 41_u64;
        let call = bytes_of(&mut word);
        let function: extern "C" fn(*mut u64, u64, u64, u32, u64, u64, *mut Run) -> i32 = stand_in;
        // SAFETY: `stand_in` has the signature and saves what a C function saves, which is more than is asked.
        let mut entry = unsafe { Entry::at(function as usize as u64) };
        let back = entry.enter(2, 0x7000, call);
        assert_eq!(word, 42);
        let expected = Return { status: -5, function: 3, vector: 14, error_code: 7, address: 0x8000 };
        assert_eq!(back, expected);
    }

    /// The bytes of a word.
    fn bytes_of(word: &mut u64) -> &mut [u8] {
        // SAFETY: any eight bytes are a u64, and the slice borrows the word exclusively.
        unsafe { std::slice::from_raw_parts_mut(std::ptr::from_mut(word).cast(), size_of::<u64>()) }
    }

    #[test]
    fn an_entry_is_the_vdsos_function_or_there_is_none() {
        let found = Entry::find().unwrap().map(|entry| entry.function());
        assert_eq!(found, vdso::own_function(Entry::SYMBOL).unwrap());
    }
}
