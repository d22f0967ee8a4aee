//! Which CPU a thread runs on.

use crate::{Pid, Result};
use nix::sched::CpuSet;

/// The CPUs a thread may run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cpus(CpuSet);

impl Cpus {
    /// This CPU alone.
    ///
    /// # Errors
    /// `EINVAL`: a number above 1023.
    pub fn only(cpu: usize) -> Result<Self> {
        let mut set = CpuSet::new();
        set.set(cpu)?;
        Ok(Self(set))
    }

    /// `cpu` is one of them.
    #[must_use]
    pub fn contains(&self, cpu: usize) -> bool {
        self.0.is_set(cpu).unwrap_or(false)
    }
}

/// Where the thread `tid` (0: this one) may run.
///
/// # Errors
/// `ESRCH`.
pub fn affinity(tid: Pid) -> Result<Cpus> {
    nix::sched::sched_getaffinity(tid).map(Cpus)
}

/// Says where the thread `tid` (0: this one) may run; it moves at once.
///
/// # Errors
/// `ESRCH`; `EPERM`; `EINVAL`: no CPU of the set is there for us.
pub fn set_affinity(tid: Pid, cpus: &Cpus) -> Result<()> {
    nix::sched::sched_setaffinity(tid, &cpus.0)
}

/// The CPU this thread runs on just now.
///
/// # Errors
/// None that is known.
pub fn getcpu() -> Result<usize> {
    nix::sched::sched_getcpu()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_pinned_to_its_cpu_runs_there() {
        let this = Pid::from_raw(0);
        let before = affinity(this).unwrap();
        let cpu = getcpu().unwrap();
        assert!(before.contains(cpu));
        let only = Cpus::only(cpu).unwrap();
        set_affinity(this, &only).unwrap();
        assert_eq!((affinity(this).unwrap(), getcpu().unwrap()), (only, cpu));
        set_affinity(this, &before).unwrap();
    }
}
