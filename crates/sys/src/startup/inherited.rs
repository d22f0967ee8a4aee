//! Descriptors that were open when this process was started.
//!
//! A process that lives on by itself must not hold its caller's pipes and files open. What may be closed
//! without taking anything from Rust code is what was open before any Rust code ran.

use crate::{Errno, Result};
use std::sync::atomic::{AtomicU64, Ordering};

/// Descriptors above this are not recorded.
const LIMIT: usize = 4096;

/// Bit n: descriptor n was open at the start and has not been closed by us.
static OPEN: [AtomicU64; LIMIT / 64] = [const { AtomicU64::new(0) }; LIMIT / 64];

/// Notes the open descriptors. Runs before the runtime of Rust is there: no allocation, no `std` that
/// needs it. Where /proc is missing nothing is noted.
pub(super) fn record() {
    // SAFETY: the path is a C string; opening a directory for reading changes nothing.
    let dir = unsafe { libc::open(c"/proc/self/fd".as_ptr(), libc::O_RDONLY | libc::O_DIRECTORY) };
    if dir < 0 {
        return;
    }
    // Entries begin at multiples of eight.
    let mut buf = [0_u64; 256];
    loop {
        // SAFETY: the kernel writes no more than the length given into the live buffer.
        let got = unsafe { libc::syscall(libc::SYS_getdents64, dir, buf.as_mut_ptr(), size_of_val(&buf)) };
        match usize::try_from(got) {
            Ok(got @ 1..) => note(&buf, got, dir),
            _ => break,
        }
    }
    // SAFETY: the descriptor is ours, opened above.
    unsafe { libc::close(dir) };
}

/// Notes the `len` bytes of directory entries, but not the descriptor of the directory itself.
fn note(buf: &[u64; 256], len: usize, dir: i32) {
    // `struct linux_dirent64`: d_ino, d_off, d_reclen at 16, d_type at 18, and the name from 19 on.
    const LENGTH_AT: usize = 16;
    const NAME_AT: usize = 19;
    let byte = |at: usize| buf.get(at / 8).map_or(0, |word| word.to_ne_bytes()[at % 8]);
    let mut at = 0;
    while at < len {
        let mut number = 0_usize;
        let mut name = at + NAME_AT;
        let mut is_number = false;
        while byte(name).is_ascii_digit() {
            number = number.saturating_mul(10).saturating_add(usize::from(byte(name) - b'0'));
            is_number = true;
            name += 1;
        }
        if is_number
            && i32::try_from(number) != Ok(dir)
            && let Some(word) = OPEN.get(number / 64)
        {
            word.fetch_or(1 << (number % 64), Ordering::Relaxed);
        }
        match u16::from_ne_bytes([byte(at + LENGTH_AT), byte(at + LENGTH_AT + 1)]) {
            0 => return,
            entry => at += usize::from(entry),
        }
    }
}

/// Closes what this process was started with, from descriptor 3 to 4095: for a child that lives on by itself
/// and never execs what its parent was started for. What was opened since stays.
///
/// A rule for its callers: until then nobody closes a descriptor that came with the start, nor makes an owner
/// (`File`, `OwnedFd`) of one. Its number would go to the next file that is opened, which this call would then
/// close under its owner. So call it early, before anything that could.
///
/// # Errors
/// `EIO`: closing a file reported a failed write; all others are closed nevertheless.
pub fn close_inherited() -> Result<()> {
    let mut outcome = Ok(());
    for (index, word) in OPEN.iter().enumerate() {
        let standard = if index == 0 { 0b111 } else { 0 };
        let open = word.fetch_and(standard, Ordering::Relaxed) & !standard;
        for bit in (0..64).filter(|bit| open >> bit & 1 != 0) {
            let Ok(fd) = i32::try_from(index * 64 + bit) else { continue };
            // SAFETY: the descriptor was open before any code of ours ran, by the rule of this function nobody
            // has closed or owned it since, and the bit that was set until now says that neither have we.
            if unsafe { libc::close(fd) } != 0 && Errno::last() == Errno::EIO {
                outcome = Err(Errno::EIO);
            }
        }
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memfd::Memfd;
    use crate::testing::in_child;
    use std::os::fd::{AsFd, AsRawFd};

    fn is_open(fd: i32) -> bool {
        crate::procfs::fd_flags(crate::fork::getpid(), fd).is_ok()
    }

    #[test]
    fn what_was_open_at_the_start_is_closed_and_nothing_else() {
        let failed = in_child(|| {
            let inherited = Memfd::create(c"inherited", 0).unwrap();
            let high = crate::fd::dup_from(inherited.as_fd(), 777).unwrap();
            // As if this were the start.
            record();
            let own = Memfd::create(c"own", 0).unwrap();
            let fds = [inherited.as_fd().as_raw_fd(), high.as_raw_fd(), own.as_fd().as_raw_fd(), 1];
            close_inherited().unwrap();
            let open = fds.map(is_open);
            // A second time nothing is left to close, though the number lives again.
            let again = Memfd::create(c"again", 0).unwrap();
            close_inherited().unwrap();
            let kept = is_open(again.as_fd().as_raw_fd());
            std::mem::forget((inherited, high));
            i32::from(open != [false, false, true, true] || !kept)
        });
        assert_eq!(failed, 0);
    }

    #[test]
    fn many_descriptors_are_all_recorded() {
        let missed = in_child(|| {
            let memfd = Memfd::create(c"many", 0).unwrap();
            let copies: Vec<_> = (0..500).map(|_| crate::fd::dup_from(memfd.as_fd(), 100).unwrap()).collect();
            record();
            let recorded = |fd: usize| OPEN[fd / 64].load(Ordering::Relaxed) >> (fd % 64) & 1 != 0;
            let all = copies.iter().all(|copy| recorded(copy.as_raw_fd().try_into().unwrap()));
            i32::from(!all || recorded(4000))
        });
        assert_eq!(missed, 0);
    }
}
