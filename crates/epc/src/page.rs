//! An EPC page as a value: there is one for each page that is handed out, and its type follows the EPCM.

use core::fmt;
use core::marker::PhantomData;

use anyclave_arch::token::EinitToken;
use anyclave_arch::{EpcAddr, Linear, SecInfo, SigStruct};
use anyclave_cpu::{Encls, EnclsError, PAGE_BYTES};

/// What the EPCM holds for a page.
pub trait Role: sealed::Sealed {
    /// Its name, for messages.
    const NAME: &'static str;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! roles {
    ($($(#[$meta:meta])* $name:ident = $text:literal;)+) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {}
        impl sealed::Sealed for $name {}
        impl Role for $name {
            const NAME: &'static str = $text;
        }
    )+};
}

roles! {
    /// Nothing: VALID is clear.
    Free = "free";
    /// A SECS.
    Secs = "SECS";
    /// A page of an enclave.
    Child = "child";
    /// A version array.
    Va = "VA";
}

/// A page that is handed out. There is never a second value for the same page.
///
/// Dropping one loses the page until the machine ends: give it back with [`crate::Epc::free`], or own up to
/// the loss with [`crate::Epc::lose`].
#[must_use]
pub struct EpcPage<R> {
    address: EpcAddr,
    role: PhantomData<R>,
}

/// A leaf that failed: the page as it was, and why.
#[derive(Debug)]
#[must_use]
pub struct Refused<R: Role> {
    /// The page, its role unchanged.
    pub page: EpcPage<R>,
    /// What the processor said.
    pub error: EnclsError,
}

impl<R: Role> EpcPage<R> {
    pub(crate) const fn new(address: EpcAddr) -> Self {
        Self { address, role: PhantomData }
    }

    /// The page's physical address.
    #[must_use]
    pub const fn address(&self) -> EpcAddr {
        self.address
    }

    fn become_role<S: Role>(self, outcome: Result<(), EnclsError>) -> Result<EpcPage<S>, Refused<R>> {
        match outcome {
            Ok(()) => Ok(EpcPage::new(self.address)),
            Err(error) => Err(Refused { page: self, error }),
        }
    }

    /// EREMOVE.
    ///
    /// # Errors
    /// The leaf faulted or refused; the page keeps its role.
    pub fn eremove(self, encls: &mut impl Encls) -> Result<EpcPage<Free>, Refused<R>> {
        let outcome = encls.eremove(self.address);
        self.become_role(outcome)
    }
}

impl EpcPage<Free> {
    /// ECREATE.
    ///
    /// # Errors
    /// The leaf faulted; the page is still free.
    pub fn ecreate(
        self,
        encls: &mut impl Encls,
        source: &[u8; PAGE_BYTES],
        secinfo: &SecInfo,
    ) -> Result<EpcPage<Secs>, Refused<Free>> {
        let outcome = encls.ecreate(self.address, source, secinfo);
        self.become_role(outcome)
    }

    /// EADD.
    ///
    /// # Errors
    /// The leaf faulted; the page is still free.
    pub fn eadd(
        self,
        encls: &mut impl Encls,
        secs: &EpcPage<Secs>,
        linaddr: Linear,
        source: &[u8; PAGE_BYTES],
        secinfo: &SecInfo,
    ) -> Result<EpcPage<Child>, Refused<Free>> {
        let outcome = encls.eadd(self.address, secs.address, linaddr, source, secinfo);
        self.become_role(outcome)
    }

    /// EPA.
    ///
    /// # Errors
    /// The leaf faulted; the page is still free.
    pub fn epa(self, encls: &mut impl Encls) -> Result<EpcPage<Va>, Refused<Free>> {
        let outcome = encls.epa(self.address);
        self.become_role(outcome)
    }
}

impl EpcPage<Secs> {
    /// EINIT.
    ///
    /// # Errors
    /// The leaf faulted or refused.
    pub fn einit(
        &self,
        encls: &mut impl Encls,
        sigstruct: &SigStruct,
        token: &EinitToken,
    ) -> Result<(), EnclsError> {
        encls.einit(sigstruct, token, self.address)
    }
}

impl EpcPage<Child> {
    /// EEXTEND of the 256 bytes at `offset`.
    ///
    /// # Errors
    /// The leaf faulted.
    pub fn eextend(
        &self,
        encls: &mut impl Encls,
        secs: &EpcPage<Secs>,
        offset: u64,
    ) -> Result<(), EnclsError> {
        encls.eextend(secs.address, EpcAddr(self.address.0 + offset))
    }
}

impl<R: Role> fmt::Debug for EpcPage<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EpcPage({}, {})", self.address, R::NAME)
    }
}
