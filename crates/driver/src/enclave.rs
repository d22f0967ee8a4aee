//! One enclave: its state, its pages and its version arrays. It has no address space and no owner.

use std::collections::BTreeMap;

use anyclave_arch::{EpcAddr, Flags, Linear, PAGE_SIZE, PageType};
use anyclave_epc::{Child, EpcPage, Secs, Va};

use crate::ioctl::Operation;
use crate::rights::Rights;

/// Attributes that every enclave file may ask for. PROVISIONKEY comes with the PROVISION ioctl; nothing
/// gives EINITTOKENKEY.
pub(crate) const UNPRIVILEGED_ATTRIBUTES: Flags =
    Flags::DEBUG.union(Flags::MODE64BIT).union(Flags::KSS).union(Flags::AEXNOTIFY);

/// An enclave file and, from CREATE on, the enclave behind it.
#[derive(Debug)]
pub struct Enclave {
    /// The SECS: there from CREATE on.
    pub(crate) secs: Option<EpcPage<Secs>>,
    pub(crate) initialised: bool,
    pub(crate) base: Linear,
    pub(crate) size: u64,
    /// ATTRIBUTES.FLAGS of the SECS.
    pub(crate) attributes: Flags,
    /// Attributes that INIT lets pass.
    pub(crate) attributes_mask: Flags,
    /// The pages by number: linear address divided by the size of a page.
    pub(crate) pages: BTreeMap<u64, EnclavePage>,
    pub(crate) va_pages: Vec<EpcPage<Va>>,
    /// SECS and children that need a slot in a version array: slots never run short at eviction.
    pub(crate) page_count: u64,
    /// The ioctl that waits to be resumed.
    pub(crate) operation: Option<Operation>,
}

/// A page of an enclave.
#[derive(Debug)]
pub struct EnclavePage {
    pub(crate) page: EpcPage<Child>,
    pub(crate) page_type: PageType,
    pub(crate) most: Rights,
}

impl EnclavePage {
    /// Where it lies in the EPC.
    #[must_use]
    pub const fn address(&self) -> EpcAddr {
        self.page.address()
    }

    /// Its type when it was added.
    #[must_use]
    pub const fn page_type(&self) -> PageType {
        self.page_type
    }

    /// The most rights that a mapping over it may have.
    #[must_use]
    pub const fn most(&self) -> Rights {
        self.most
    }
}

impl Enclave {
    /// What `open` makes.
    pub(crate) const fn blank() -> Self {
        Self {
            secs: None,
            initialised: false,
            base: Linear(0),
            size: 0,
            attributes: Flags::empty(),
            attributes_mask: Flags::empty(),
            pages: BTreeMap::new(),
            va_pages: Vec::new(),
            page_count: 0,
            operation: None,
        }
    }

    /// CREATE has succeeded.
    #[must_use]
    pub const fn is_created(&self) -> bool {
        self.secs.is_some()
    }

    /// INIT has succeeded.
    #[must_use]
    pub const fn is_initialised(&self) -> bool {
        self.initialised
    }

    /// ATTRIBUTES.DEBUG is set.
    #[must_use]
    pub const fn is_debug(&self) -> bool {
        self.attributes.contains(Flags::DEBUG)
    }

    /// An ioctl is waiting to be resumed.
    #[must_use]
    pub const fn is_busy(&self) -> bool {
        self.operation.is_some()
    }

    /// First address of ELRANGE; zero before CREATE.
    #[must_use]
    pub const fn base(&self) -> Linear {
        self.base
    }

    /// Bytes of ELRANGE; zero before CREATE.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Where the SECS lies.
    #[must_use]
    pub fn secs(&self) -> Option<EpcAddr> {
        self.secs.as_ref().map(EpcPage::address)
    }

    /// EPC pages of the enclave: SECS, children and version arrays.
    #[must_use]
    pub fn epc_pages(&self) -> usize {
        usize::from(self.is_created()) + self.pages.len() + self.va_pages.len()
    }

    /// The page at a linear address.
    #[must_use]
    pub fn page(&self, at: Linear) -> Option<&EnclavePage> {
        self.pages.get(&(at.0 / PAGE_SIZE))
    }

    /// The pages that overlap `start..end`, ascending, each with its linear address.
    pub fn pages(&self, start: Linear, end: Linear) -> impl Iterator<Item = (Linear, &EnclavePage)> {
        let last = end.0.div_ceil(PAGE_SIZE);
        let first = (start.0 / PAGE_SIZE).min(last);
        self.pages.range(first..last).map(|(number, page)| (Linear(number * PAGE_SIZE), page))
    }
}
