//! Syscall user dispatch of a stopped tracee, set and read from outside.

use super::{Tracee, raw};
use crate::Result;
use std::ops::Range;

/// `PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG` and its reverse, which the library does not name.
const SET: i64 = 0x4210;
const GET: i64 = 0x4211;
/// `PR_SYS_DISPATCH_ON`.
const ON: u64 = 1;

/// `struct ptrace_sud_config`: mode, selector, offset, length.
type Config = [u64; 4];

impl Tracee {
    /// From now on the kernel looks at the byte at `selector` before it takes a system call from outside `free`: 0
    /// lets it pass, 1 makes it SIGSYS.
    ///
    /// # Errors
    /// `ESRCH`. `EIO`: a kernel before 6.4. `EFAULT`: no address for a selector.
    pub fn set_dispatch(self, free: Range<u64>, selector: u64) -> Result<()> {
        let mut config: Config = [ON, selector, free.start, free.end.saturating_sub(free.start)];
        // SAFETY: the kernel only reads one configuration, whose size it is told.
        unsafe { raw::with_value(SET, self.tid(), size_of::<Config>() as u64, &mut config) }
    }

    /// Whether the tracee has dispatch on, set by whomever.
    ///
    /// # Errors
    /// `ESRCH`. `EIO`: a kernel before 6.4.
    pub fn has_dispatch(self) -> Result<bool> {
        let mut config: Config = [0; 4];
        // SAFETY: the kernel writes one configuration, four words, whose size it is told.
        unsafe { raw::with_value(GET, self.tid(), size_of::<Config>() as u64, &mut config) }?;
        Ok(config[0] != 0)
    }
}
