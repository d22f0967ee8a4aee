//! What leaves need for themselves while they execute. SDM vol. 3D, the tables of concurrency restrictions.
//!
//! A leaf never waits. Where another processor is in the middle of a leaf that excludes it, it faults or reports
//! EPC_PAGE_CONFLICT. Of each page there is a page lock, of each enclave a measurement and a tracking lock at its
//! SECS, and pages with state bits have a lock of their own for the leaves of SGX2:
//!
//! | leaf | page lock | further locks | conflict |
//! |---|---|---|---|
//! | ECREATE, EPA, EREMOVE | exclusive | | #GP |
//! | EADD | exclusive; SECS shared | measurement | #GP |
//! | EAUG | exclusive; SECS shared | | #GP |
//! | EEXTEND | shared | measurement | #GP |
//! | EINIT | SECS shared | measurement | #GP |
//! | EDBGRD, EDBGWR | shared | | #GP |
//! | ELDB, ELDU | exclusive; VA and SECS shared | | #GP |
//! | ELDBC, ELDUC | exclusive; VA and SECS shared | | code 7 |
//! | EBLOCK | shared | tracking, shared, code 15 | code 7 |
//! | EWB | exclusive; VA shared | | #GP |
//! | ETRACK | shared | tracking | #GP |
//! | ETRACKC | shared | tracking | code 7 |
//! | ERDINFO, EDECVIRTCHILD, EINCVIRTCHILD, ESETCONTEXT | shared | | code 7 |
//! | EMODPR | shared | SGX2, code 7 | #GP |
//! | EMODT | exclusive | SGX2 | code 7 |
//! | EUPDATESVN | all pages exclusive | | code 7 |
//! | EENTER, ERESUME, EDECCSSA | TCS shared | | #GP |
//! | EACCEPT | shared | SGX2 | #GP |
//! | EMODPE, EACCEPTCOPY | | SGX2 | #GP |
//! | EGETKEY, EREPORT, EEXIT | | | |
//!
//! Here one leaf executes at a time, as the architecture permits, so that no leaf meets another one's locks by
//! itself. What is seen of conflicts comes from [`Package::hold`], by which a test stands in for a processor in
//! the middle of a leaf, and from [`crate::Inject`].

use anyclave_arch::EpcAddr;
use anyclave_trace::Refusal;

use crate::encls::Context;
use crate::exit::{Exit, require};
use crate::package::Package;

/// What a lock protects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LockClass {
    /// An EPC page and its EPCM entry.
    Page,
    /// The state bits of a page, against other leaves of SGX2.
    Sgx2,
    /// The measurement of an enclave, by its SECS, and whether it is initialised.
    Measurement,
    /// The epochs of an enclave, by its SECS.
    Tracking,
}

/// A lock as a leaf needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lock {
    /// What it protects.
    pub class: LockClass,
    /// Whether it excludes those who would share.
    pub exclusive: bool,
}

impl Lock {
    /// A page for one leaf alone.
    pub const EXCLUSIVE: Self = Self { class: LockClass::Page, exclusive: true };
    /// A page that other leaves may look at.
    pub const SHARED: Self = Self { class: LockClass::Page, exclusive: false };
    /// The state bits of a page.
    pub const SGX2: Self = Self { class: LockClass::Sgx2, exclusive: true };
    /// The measurement of an enclave.
    pub const MEASUREMENT: Self = Self { class: LockClass::Measurement, exclusive: true };
    /// The epochs of an enclave, to begin one.
    pub const TRACKING: Self = Self { class: LockClass::Tracking, exclusive: true };
    /// The epochs of an enclave, to mark a page with the current one.
    pub const EPOCH: Self = Self { class: LockClass::Tracking, exclusive: false };

    /// Whether both cannot be held at once, of the same page.
    const fn excludes(self, other: Self) -> bool {
        self.class as u8 == other.class as u8 && (self.exclusive || other.exclusive)
    }
}

/// Locks that other processors hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct Held(Vec<(EpcAddr, Lock)>);

impl<F, E> Package<F, E> {
    /// From now on a leaf of another processor holds this lock of a page (of a SECS, for what belongs to an enclave).
    pub fn hold(&mut self, page: EpcAddr, lock: Lock) {
        self.held.0.push((page.page(), lock));
    }

    /// The leaves of other processors have ended.
    pub fn let_go(&mut self) {
        self.held.0.clear();
    }

    /// Whether no leaf of another processor works on the EPC.
    fn is_epc_free(&mut self) -> bool {
        self.held.0.is_empty() && !self.injector.conflict()
    }

    /// Whether a lock that a leaf needs is to be had.
    #[inline]
    fn is_free(&mut self, page: EpcAddr, lock: Lock) -> bool {
        let held = &self.held.0;
        let taken = held.iter().any(|(of, other)| *of == page.page() && lock.excludes(*other));
        !taken && !self.injector.conflict()
    }
}

impl<F, E, S> Context<'_, F, E, S> {
    /// Tries all locks of all pages, which the leaf needs to its end.
    pub(crate) fn lock_epc(&mut self, refusal: Refusal) -> Result<(), Exit> {
        require(self.package.is_epc_free(), refusal)
    }

    /// Tries a lock, which the leaf needs to its end.
    #[inline]
    pub(crate) fn lock(&mut self, page: EpcAddr, lock: Lock, refusal: Refusal) -> Result<(), Exit> {
        require(self.package.is_free(page, lock), refusal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_two_who_share_go_together() {
        assert!(!Lock::SHARED.excludes(Lock::SHARED));
        assert!(Lock::SHARED.excludes(Lock::EXCLUSIVE) && Lock::EXCLUSIVE.excludes(Lock::SHARED));
        assert!(!Lock::EPOCH.excludes(Lock::EPOCH));
        assert!(Lock::EPOCH.excludes(Lock::TRACKING) && Lock::TRACKING.excludes(Lock::EPOCH));
        for lock in [Lock::EXCLUSIVE, Lock::SGX2, Lock::MEASUREMENT, Lock::TRACKING] {
            assert!(lock.excludes(lock), "{lock:?}");
        }
    }

    #[test]
    fn classes_do_not_meet() {
        let locks = [Lock::EXCLUSIVE, Lock::SGX2, Lock::MEASUREMENT, Lock::TRACKING];
        for (i, lock) in locks.into_iter().enumerate() {
            assert!(locks[i + 1..].iter().all(|other| !lock.excludes(*other)), "{lock:?}");
        }
    }
}
