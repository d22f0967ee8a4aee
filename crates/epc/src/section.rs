//! The free pages of one section: what was given back, and behind it the run that nobody has touched.

use anyclave_arch::{EpcAddr, PAGE_SIZE};
use anyclave_cpu::Section;

/// Free pages of a section.
#[derive(Debug)]
pub(crate) struct SectionPages {
    section: Section,
    /// Offset of the first page that was never taken.
    untouched: u64,
    /// Pages given back; the last is taken first, since its bytes may still be in a cache.
    freed: Vec<EpcAddr>,
}

/// A page on its way out of a section.
pub(crate) enum Taken {
    /// Given back by its last owner, so EREMOVE has been executed on it.
    Clean(EpcAddr),
    /// Never taken before: what the EPCM says of it is what the boot before left there.
    Untouched(EpcAddr),
}

impl Taken {
    pub(crate) const fn address(&self) -> EpcAddr {
        match self {
            Self::Clean(address) | Self::Untouched(address) => *address,
        }
    }
}

impl SectionPages {
    pub(crate) const fn new(section: Section) -> Self {
        Self { section, untouched: 0, freed: Vec::new() }
    }

    /// Pages of the section, free or not.
    pub(crate) const fn total(&self) -> u64 {
        self.section.size / PAGE_SIZE
    }

    /// Pages that [`Self::take`] can still give.
    pub(crate) fn free(&self) -> u64 {
        let freed = u64::try_from(self.freed.len()).unwrap_or(u64::MAX);
        self.total() - self.untouched / PAGE_SIZE + freed
    }

    pub(crate) const fn contains(&self, at: EpcAddr) -> bool {
        at.0.wrapping_sub(self.section.base) < self.section.size
    }

    pub(crate) fn take(&mut self) -> Option<Taken> {
        if let Some(address) = self.freed.pop() {
            return Some(Taken::Clean(address));
        }
        (self.untouched / PAGE_SIZE < self.total()).then(|| {
            let address = EpcAddr(self.section.base + self.untouched);
            self.untouched += PAGE_SIZE;
            Taken::Untouched(address)
        })
    }

    pub(crate) fn give(&mut self, address: EpcAddr) {
        self.freed.push(address);
    }
}
