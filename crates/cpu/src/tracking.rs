//! Epochs: how a kernel learns that no processor uses old translations of a page any more. SDM vol. 3D, chapter on
//! EPC management, and the leaves ETRACK, EWB and EACCEPT.
//!
//! Each enclave counts epochs, in its SECS. A processor inside has a [`Slot`] that says in which epoch it entered.
//! EBLOCK, EMODPR and EMODT mark their page with the epoch of the moment. ETRACK begins a new epoch, once those of
//! the one before the current have left. A page is *tracked* when an epoch has begun since its mark and whoever
//! entered up to then has left: only such a processor can have a translation from before.
//!
//! The counters of hardware are its own affair; all outcomes that the manual documents follow from these two numbers.

use anyclave_arch::EpcAddr;

use crate::entropy::Entropy;
use crate::frames::Frames;
use crate::package::Package;

/// A logical processor inside an enclave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot {
    /// EID of the enclave.
    pub eid: u64,
    /// The enclave's epoch when the processor entered.
    pub epoch: u64,
}

/// The slots of all processors that are inside an enclave. Counts are sums over them, so that they cannot
/// come to differ from who is inside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Slots(Vec<Option<Slot>>);

impl Slots {
    /// A processor enters: the number of its slot, by which it leaves.
    pub fn enter(&mut self, slot: Slot) -> usize {
        let free = self.0.iter().position(Option::is_none);
        let index = free.unwrap_or_else(|| {
            self.0.push(None);
            self.0.len() - 1
        });
        if let Some(place) = self.0.get_mut(index) {
            *place = Some(slot);
        }
        index
    }

    /// The processor of this slot leaves.
    pub(crate) fn leave(&mut self, index: usize) {
        if let Some(place) = self.0.get_mut(index) {
            *place = None;
        }
    }

    /// The slot of this number, if a processor has it.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<Slot> {
        self.0.get(index).copied().flatten()
    }

    /// Who is inside any enclave.
    pub fn iter(&self) -> impl Iterator<Item = Slot> {
        self.0.iter().copied().flatten()
    }

    /// Processors inside an enclave.
    #[must_use]
    pub fn inside(&self, eid: u64) -> usize {
        self.iter().filter(|slot| slot.eid == eid).count()
    }

    /// Processors inside an enclave that entered before an epoch.
    #[must_use]
    pub fn entered_before(&self, eid: u64, epoch: u64) -> usize {
        self.iter().filter(|slot| slot.eid == eid && slot.epoch < epoch).count()
    }

    /// Whether all old translations of a page are gone, which was marked in epoch `mark`. `epoch` is the enclave's
    /// own.
    #[must_use]
    pub fn is_tracked(&self, eid: u64, epoch: u64, mark: u64) -> bool {
        epoch > mark && self.entered_before(eid, mark + 1) == 0
    }
}

impl<F: Frames, E: Entropy> Package<F, E> {
    /// Begins a new epoch of the enclave of `secs`, if all who entered before the current one have left.
    ///
    /// # Errors
    /// They have not: how many are inside.
    pub(crate) fn begin_epoch(&mut self, secs: EpcAddr) -> Result<(), u64> {
        let (eid, epoch) = self.with_secs(secs, |secs| (secs.eid.get(), secs.epoch.get()));
        let inside = self.slots.entered_before(eid, epoch);
        if inside != 0 {
            return Err(inside as u64);
        }
        self.with_secs(secs, |secs| secs.epoch += 1);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_used_again() {
        let mut slots = Slots::default();
        let slot = |epoch| Slot { eid: 1, epoch };
        let (a, b) = (slots.enter(slot(1)), slots.enter(slot(2)));
        assert_ne!(a, b);
        slots.leave(a);
        assert_eq!(slots.enter(slot(3)), a);
        assert_eq!((slots.inside(1), slots.get(a), slots.get(b)), (2, Some(slot(3)), Some(slot(2))));
        slots.leave(a);
        slots.leave(b);
        slots.leave(b);
        slots.leave(77);
        assert_eq!((slots.inside(1), slots.iter().count(), slots.get(a), slots.get(77)), (0, 0, None, None));
    }

    #[test]
    fn only_those_who_entered_up_to_the_mark_are_waited_for() {
        let mut slots = Slots::default();
        // marked in epoch 5, nobody inside: a new epoch is enough
        assert!(!slots.is_tracked(1, 5, 5));
        assert!(slots.is_tracked(1, 6, 5));
        // somebody entered in the epoch of the mark
        let old = slots.enter(Slot { eid: 1, epoch: 5 });
        assert!(!slots.is_tracked(1, 6, 5));
        assert_eq!(slots.entered_before(1, 6), 1);
        // later ones and those of other enclaves do not matter
        slots.enter(Slot { eid: 1, epoch: 6 });
        slots.enter(Slot { eid: 2, epoch: 5 });
        slots.leave(old);
        assert!(slots.is_tracked(1, 6, 5));
        assert_eq!((slots.inside(1), slots.entered_before(1, 6)), (1, 0));
    }
}
