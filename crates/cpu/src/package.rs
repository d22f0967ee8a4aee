//! What all logical processors share.

use std::fmt;

use anyclave_arch::{EpcAddr, Linear, PageType};
use zerocopy::{FromBytes, FromZeros, IntoBytes};

use crate::config::Config;
use crate::entropy::Entropy;
use crate::epcm::{Epcm, EpcmEntry};
use crate::frames::{Frames, PageBuffer, Place};
use crate::inject::Injector;
use crate::locks::Held;
use crate::paging::Paging;
use crate::secs::{PageOfSecs, SecsPage};
use crate::tracking::Slots;

/// The shared part of the processor.
#[derive(Clone, Debug)]
pub struct Package<F, E> {
    pub(crate) config: Config,
    /// CPUSVN of the microcode that is loaded; the one in force is `config.cpusvn`.
    pub(crate) microcode: [u8; 16],
    pub(crate) epcm: Epcm,
    pub(crate) frames: F,
    pub(crate) entropy: E,
    /// IA32_SGXLEPUBKEYHASH0..3.
    pub(crate) lepubkeyhash: [u64; 4],
    /// CR_REPORT_KEYID: random at reset.
    pub(crate) report_keyid: [u8; 32],
    pub(crate) next_eid: u64,
    /// The key and the versions of pages that leave the EPC.
    pub(crate) paging: Paging,
    /// Logical processors inside enclaves.
    pub(crate) slots: Slots,
    /// Locks that leaves of other processors hold.
    pub(crate) held: Held,
    pub(crate) injector: Injector,
    /// A page on its way into the EPC or out of it, until the leaf has made its last check. It is here so that
    /// it need not be made for each leaf.
    pub(crate) transit: Transit,
}

impl<F: Frames, E: Entropy> Package<F, E> {
    /// A processor after reset: EPC empty, hash MSRs as the firmware has left them.
    pub fn new(config: Config, frames: F, mut entropy: E) -> Self {
        let mut report_keyid = [0; 32];
        entropy.fill(&mut report_keyid);
        let mut paging_key = [0; 16];
        entropy.fill(&mut paging_key);
        Self {
            injector: Injector::new(config.inject),
            lepubkeyhash: config.launch_control.hash(),
            microcode: config.cpusvn,
            config,
            epcm: Epcm::default(),
            frames,
            entropy,
            report_keyid,
            next_eid: 1,
            paging: Paging::new(&paging_key),
            slots: Slots::default(),
            held: Held::default(),
            transit: Transit(Box::default()),
        }
    }

    /// What kind of processor this is.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// The memory behind the EPC, to look at.
    pub const fn frames(&self) -> &F {
        &self.frames
    }

    /// The memory behind the EPC.
    pub const fn frames_mut(&mut self) -> &mut F {
        &mut self.frames
    }

    /// The processor's random number generator.
    pub const fn entropy_mut(&mut self) -> &mut E {
        &mut self.entropy
    }

    /// The EPCM entry of a page, for tests, tools and the operating system's own bookkeeping checks.
    pub fn epcm_entry(&self, page: EpcAddr) -> EpcmEntry {
        self.epcm.entry(page)
    }

    /// Puts an EPCM entry in place as no software can: for tests of states that no leaf leads to.
    pub fn force_entry(&mut self, page: EpcAddr, entry: EpcmEntry) {
        self.set_entry(page, entry);
    }

    /// Who is inside enclaves, and since which epoch.
    pub const fn slots(&self) -> &Slots {
        &self.slots
    }

    /// IA32_SGXLEPUBKEYHASH0..3, which EINIT looks at also where they cannot be read.
    pub const fn lepubkeyhash(&self) -> [u64; 4] {
        self.lepubkeyhash
    }

    /// Writes IA32_SGXLEPUBKEYHASH0..3, where launch control is flexible.
    ///
    /// # Errors
    /// WRMSR's #GP where FEATURE_CONTROL.SGX_LC is clear.
    pub const fn set_lepubkeyhash(&mut self, hash: [u64; 4]) -> Result<(), WrmsrFault> {
        if !self.config.launch_control.is_writable() {
            return Err(WrmsrFault);
        }
        self.lepubkeyhash = hash;
        Ok(())
    }

    /// Microcode of this security version is loaded. Its version is in force from the next EUPDATESVN on.
    ///
    /// Gives whether it was taken: a processor does not go back behind microcode that it has, in no component.
    pub fn load_microcode(&mut self, cpusvn: [u8; 16]) -> bool {
        let newer = self.microcode.iter().zip(&cpusvn).all(|(loaded, offered)| loaded <= offered);
        if newer {
            self.microcode = cpusvn;
        }
        newer
    }

    /// Draws another key for pages that leave the EPC: CR_BASE_PK. Those that are out do not come back.
    pub(crate) fn renew_paging_key(&mut self) {
        let mut key = [0; 16];
        self.entropy.fill(&mut key);
        self.paging.set_key(&key);
    }

    /// Whether a physical address lies in an EPC section.
    pub fn is_epc(&self, at: EpcAddr) -> bool {
        self.config.sections.iter().any(|section| section.contains(at.0))
    }

    /// The SECS in a page that the EPCM says is a SECS.
    pub(crate) fn load_secs(&mut self, page: EpcAddr) -> SecsPage {
        let mut secs = SecsPage::new_zeroed();
        self.frames.read(page, 0, secs.as_mut_bytes());
        secs
    }

    /// Keeps a changed SECS.
    pub(crate) fn store_secs(&mut self, page: EpcAddr, secs: &SecsPage) {
        self.frames.write(page, 0, secs.as_bytes());
    }

    /// Lets the SECS be looked at and changed where it lies, in a page that the EPCM says is a SECS: one page is measured
    /// by sixteen EEXTENDs, so they need not move the whole of it.
    pub(crate) fn with_secs<R>(&mut self, page: EpcAddr, work: impl FnOnce(&mut SecsPage) -> R) -> R {
        self.frames.with(page, |bytes| {
            let page: &mut PageOfSecs = zerocopy::transmute_mut!(bytes);
            work(&mut page.secs)
        })
    }

    /// Sets an EPCM entry and brings the page's bytes to where that entry says they belong. Of a page that is
    /// no longer in use nothing is left, neither its contents nor the memory behind them.
    pub(crate) fn set_entry(&mut self, page: EpcAddr, entry: EpcmEntry) {
        self.epcm.set(page, entry);
        let reachable = entry.valid
            && entry.page_type == PageType::Reg
            && !entry.pending
            && !entry.modified
            && !entry.blocked;
        let place = if reachable {
            let (eid, base) = self.with_secs(entry.secs, |secs| (secs.eid.get(), secs.base()));
            Place::Home { eid, page: page_of(base, entry.address) }
        } else {
            Place::Store
        };
        self.frames.relocate(page, place);
        if !entry.valid {
            // at last, so that it is the store that forgets the page, not a home that keeps a page of zeros
            self.frames.zero(page);
        }
    }

    /// Copies a structure out of an EPC page.
    pub(crate) fn read_epc<T: FromBytes + IntoBytes>(&mut self, at: EpcAddr) -> T {
        let mut value = T::new_zeroed();
        self.frames.read(at.page(), offset_in_page(at), value.as_mut_bytes());
        value
    }

    /// Copies a structure into an EPC page.
    pub(crate) fn write_epc(&mut self, at: EpcAddr, from: &[u8]) {
        self.frames.write(at.page(), offset_in_page(at), from);
    }
}

/// Room for a page on its way through a leaf. Nobody sees what is left in it, so it does not show either.
#[derive(Clone)]
pub(crate) struct Transit(pub(crate) Box<PageBuffer>);

impl fmt::Debug for Transit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transit")
    }
}

/// WRMSR raised #GP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrmsrFault;

fn page_of(base: Linear, address: Linear) -> u64 {
    address.0.wrapping_sub(base.0) / anyclave_arch::PAGE_SIZE
}

/// Offset within the page, as an index.
#[inline]
pub(crate) fn offset_in_page(at: EpcAddr) -> usize {
    // Twelve bits fit everywhere.
    usize::try_from(at.page_offset()).unwrap_or_default()
}
