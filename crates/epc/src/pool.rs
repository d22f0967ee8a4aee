//! All sections together: allocation, return, and the count of everything.

use anyclave_arch::EpcAddr;
use anyclave_cpu::{Encls, Section};

use crate::page::{EpcPage, Free, Role};
use crate::progress::Progress;
use crate::section::{SectionPages, Taken};

/// The EPC of a machine.
#[derive(Debug)]
pub struct Epc {
    sections: Vec<SectionPages>,
    owned: u64,
    /// Pages that EREMOVE would not clear at first: a SECS whose pages lie further on.
    deferred: Vec<EpcAddr>,
    lost: u64,
}

/// Every page of the EPC, by state: `free + owned + deferred + lost = total`, always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Pages of all sections.
    pub total: u64,
    /// Pages that an allocation can get, touched or not.
    pub free: u64,
    /// Pages handed out.
    pub owned: u64,
    /// Pages that sanitising must try once more.
    pub deferred: u64,
    /// Pages that EREMOVE refused to give back: gone until the machine ends.
    pub lost: u64,
}

/// No page is free, and none can be made free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the EPC has no free page")]
pub struct OutOfEpc;

impl Epc {
    /// The EPC made of these sections, every page free.
    #[must_use]
    pub fn new(sections: &[Section]) -> Self {
        let sections = sections.iter().copied().map(SectionPages::new).collect();
        Self { sections, owned: 0, deferred: Vec::new(), lost: 0 }
    }

    /// How many pages are in which state.
    #[must_use]
    pub fn counters(&self) -> Counters {
        Counters {
            total: self.sections.iter().map(SectionPages::total).sum(),
            free: self.sections.iter().map(SectionPages::free).sum(),
            owned: self.owned,
            deferred: u64::try_from(self.deferred.len()).unwrap_or(u64::MAX),
            lost: self.lost,
        }
    }

    /// Takes a free page, from the lowest section that has one. A page that was never taken before is
    /// sanitised first. The time does not depend on the size of the EPC.
    pub fn allocate(&mut self, encls: &mut impl Encls) -> Progress<Result<EpcPage<Free>, OutOfEpc>> {
        Progress::Done(self.take(encls).ok_or(OutOfEpc))
    }

    fn take(&mut self, encls: &mut impl Encls) -> Option<EpcPage<Free>> {
        for section in &mut self.sections {
            while let Some(taken) = section.take() {
                let address = match taken {
                    Taken::Clean(address) => address,
                    Taken::Untouched(address) if encls.eremove(address).is_ok() => address,
                    Taken::Untouched(address) => {
                        self.deferred.push(address);
                        continue;
                    }
                };
                self.owned += 1;
                return Some(EpcPage::new(address));
            }
        }
        self.sanitise_deferred(encls);
        let address = self.sections.iter_mut().find_map(SectionPages::take)?.address(); // all clean now
        self.owned += 1;
        Some(EpcPage::new(address))
    }

    /// The second try, when every other page has been through EREMOVE. What fails now stays lost.
    fn sanitise_deferred(&mut self, encls: &mut impl Encls) {
        for address in std::mem::take(&mut self.deferred) {
            match self.sections.iter_mut().find(|section| section.contains(address)) {
                Some(section) if encls.eremove(address).is_ok() => section.give(address),
                _ => self.lost += 1,
            }
        }
    }

    /// Takes a page back.
    pub fn free(&mut self, page: EpcPage<Free>) {
        // A page of another machine's EPC has no section here and changes nothing.
        if let Some(section) = self.sections.iter_mut().find(|section| section.contains(page.address())) {
            section.give(page.address());
            self.owned -= 1;
        }
    }

    /// Writes off a page that EREMOVE would not clear.
    pub fn lose<R: Role>(&mut self, page: EpcPage<R>) {
        if self.sections.iter().any(|section| section.contains(page.address())) {
            self.owned -= 1;
            self.lost += 1;
        }
    }

    /// EREMOVE and return in one. Says whether the page came back; if not it is lost.
    pub fn reclaim<R: Role>(&mut self, encls: &mut impl Encls, page: EpcPage<R>) -> bool {
        match page.eremove(encls) {
            Ok(page) => {
                self.free(page);
                true
            }
            Err(refused) => {
                self.lose(refused.page);
                false
            }
        }
    }
}

#[cfg(test)]
mod tests;
