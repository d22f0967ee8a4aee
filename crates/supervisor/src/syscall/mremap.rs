//! mremap of a window.

use anyclave_driver::{Answer, mmap};
use anyclave_sys::ptrace::Regs;
use anyclave_sys::{Errno, Result};

use super::munmap::range;
use super::open::low;
use super::{answer, perform};
use crate::process::windows::Window;
use crate::shared::Shared;
use crate::tracer::Thread;

/// Growing and MREMAP_DONTUNMAP are refused; a window that moves shows no page where it is then.
pub(super) fn mremap(shared: &Shared, thread: &Thread, regs: &Regs) -> Result<()> {
    let (old, old_length, new_length, flags) = (regs.rdi, regs.rsi, regs.rdx, low(regs.r10));
    let (start, end) = range(old, old_length);
    let fixed = flags & libc::MREMAP_FIXED != 0;
    let target = fixed.then(|| range(regs.r8, new_length));
    let (windows, stub) = {
        let mm = thread.process.mm();
        let covers = target.is_some_and(|(start, end)| mm.windows.touches(start, end));
        let mut windows = mm.windows.within(start, end);
        if old_length == 0 {
            // A request for a second mapping of the same pages.
            windows.extend(mm.windows.find(old));
        }
        if windows.is_empty() && !covers { (Vec::new(), None) } else { (windows, mm.stub) }
    };
    let Some(stub) = stub else { return thread.tracee.cont(0) };
    if !well_formed(old, new_length, flags) {
        return answer(thread, Err(Errno::EINVAL));
    }
    if !windows.is_empty()
        && let Err(refusal) =
            mmap::mremap(page_up(old_length), page_up(new_length), flags & libc::MREMAP_DONTUNMAP != 0)
    {
        shared.log.refused(refusal);
        return answer(thread, Err(errno(refusal.answer())));
    }
    let (call, result) = perform(thread, stub.syscall())?;
    if let Ok(new) = result {
        let mut mm = thread.process.mm();
        if let Some((start, end)) = target {
            mm.windows.remove(start, end);
        }
        mm.windows.remove(start, end);
        for window in windows {
            let moved = Window {
                start: window.start - start + new,
                end: (window.end - start + new).min(new + page_up(new_length)),
                placed: window.placed && new == start,
                ..window
            };
            mm.windows.insert(moved);
        }
    }
    call.finish()?;
    thread.tracee.cont(0)
}

/// What Linux asks before it looks at the mapping.
const fn well_formed(old: u64, new_length: u64, flags: i32) -> bool {
    let needs_move = libc::MREMAP_FIXED | libc::MREMAP_DONTUNMAP;
    let known = needs_move | libc::MREMAP_MAYMOVE;
    flags & !known == 0
        && (flags & needs_move == 0 || flags & libc::MREMAP_MAYMOVE != 0)
        && old.is_multiple_of(4096)
        && page_up(new_length) != 0
}

/// Rounded up to pages, as the kernel does: the last page of all wraps to nothing.
const fn page_up(length: u64) -> u64 {
    length.wrapping_add(4095) & !4095
}

/// The errno of a refusal of the driver; a mapping is never restarted.
pub(super) fn errno(answer: Answer) -> Errno {
    match answer {
        Answer::Errno(errno) => Errno::from_raw(errno.number()),
        Answer::Restart => Errno::EINTR,
    }
}
