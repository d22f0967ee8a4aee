//! A processor that fails on demand, for the errors that a driver cannot provoke.

use std::collections::HashMap;

use anyclave_arch::token::EinitToken;
use anyclave_arch::{Encls as Leaf, EpcAddr, Linear, Pcmd, RdInfo, SecInfo, SigStruct, Vector};
use anyclave_cpu::{Encls, EnclsError, EvictedPage, Fault, PAGE_BYTES, Section, WrmsrFault};

/// Passes leaves on, except those that are to fault with #GP.
#[derive(Debug)]
pub struct Failing<N> {
    inner: N,
    leaves: HashMap<Leaf, u32>,
    eremoves: HashMap<EpcAddr, u32>,
}

/// The fault of a leaf that was told to fail.
pub const ORDERED: EnclsError =
    EnclsError::Fault(Fault { vector: Vector::Gp, code: 0, address: None, refusal: None });

impl<N> Failing<N> {
    /// Nothing fails yet.
    pub fn new(inner: N) -> Self {
        Self { inner, leaves: HashMap::new(), eremoves: HashMap::new() }
    }

    /// This leaf succeeds `successes` times more and then always faults.
    #[must_use]
    pub fn leaf(mut self, leaf: Leaf, successes: u32) -> Self {
        self.leaves.insert(leaf, successes);
        self
    }

    /// EREMOVE of this page faults `times` times.
    #[must_use]
    pub fn eremove_of(mut self, page: EpcAddr, times: u32) -> Self {
        self.eremoves.insert(page, times);
        self
    }

    fn order(&mut self, leaf: Leaf) -> Result<(), EnclsError> {
        match self.leaves.get_mut(&leaf) {
            Some(0) => Err(ORDERED),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

impl<N: Encls> Encls for Failing<N> {
    fn sections(&self) -> &[Section] {
        self.inner.sections()
    }

    fn ecreate(
        &mut self,
        secs: EpcAddr,
        source: &[u8; PAGE_BYTES],
        secinfo: &SecInfo,
    ) -> Result<(), EnclsError> {
        self.order(Leaf::Ecreate)?;
        self.inner.ecreate(secs, source, secinfo)
    }

    fn eadd(
        &mut self,
        page: EpcAddr,
        secs: EpcAddr,
        linaddr: Linear,
        source: &[u8; PAGE_BYTES],
        secinfo: &SecInfo,
    ) -> Result<(), EnclsError> {
        self.order(Leaf::Eadd)?;
        self.inner.eadd(page, secs, linaddr, source, secinfo)
    }

    fn eextend(&mut self, secs: EpcAddr, chunk: EpcAddr) -> Result<(), EnclsError> {
        self.order(Leaf::Eextend)?;
        self.inner.eextend(secs, chunk)
    }

    fn einit(&mut self, sigstruct: &SigStruct, token: &EinitToken, secs: EpcAddr) -> Result<(), EnclsError> {
        self.order(Leaf::Einit)?;
        self.inner.einit(sigstruct, token, secs)
    }

    fn eremove(&mut self, page: EpcAddr) -> Result<(), EnclsError> {
        self.order(Leaf::Eremove)?;
        if let Some(times) = self.eremoves.get_mut(&page).filter(|times| **times > 0) {
            *times -= 1;
            return Err(ORDERED);
        }
        self.inner.eremove(page)
    }

    fn epa(&mut self, page: EpcAddr) -> Result<(), EnclsError> {
        self.order(Leaf::Epa)?;
        self.inner.epa(page)
    }

    fn eblock(&mut self, page: EpcAddr) -> Result<(), EnclsError> {
        self.order(Leaf::Eblock)?;
        self.inner.eblock(page)
    }

    fn etrack(&mut self, secs: EpcAddr) -> Result<(), EnclsError> {
        self.order(Leaf::Etrack)?;
        self.inner.etrack(secs)
    }

    fn etrackc(&mut self, page: EpcAddr) -> Result<(), EnclsError> {
        self.order(Leaf::Etrackc)?;
        self.inner.etrackc(page)
    }

    fn ewb(
        &mut self,
        page: EpcAddr,
        slot: EpcAddr,
        contents: &mut [u8; PAGE_BYTES],
        pcmd: &mut Pcmd,
    ) -> Result<Linear, EnclsError> {
        self.order(Leaf::Ewb)?;
        self.inner.ewb(page, slot, contents, pcmd)
    }

    fn eldb(&mut self, page: EpcAddr, from: &EvictedPage<'_>, slot: EpcAddr) -> Result<(), EnclsError> {
        self.order(Leaf::Eldb)?;
        self.inner.eldb(page, from, slot)
    }

    fn eldu(&mut self, page: EpcAddr, from: &EvictedPage<'_>, slot: EpcAddr) -> Result<(), EnclsError> {
        self.order(Leaf::Eldu)?;
        self.inner.eldu(page, from, slot)
    }

    fn eldbc(&mut self, page: EpcAddr, from: &EvictedPage<'_>, slot: EpcAddr) -> Result<(), EnclsError> {
        self.order(Leaf::Eldbc)?;
        self.inner.eldbc(page, from, slot)
    }

    fn elduc(&mut self, page: EpcAddr, from: &EvictedPage<'_>, slot: EpcAddr) -> Result<(), EnclsError> {
        self.order(Leaf::Elduc)?;
        self.inner.elduc(page, from, slot)
    }

    fn edbgrd(&mut self, at: EpcAddr) -> Result<u64, EnclsError> {
        self.order(Leaf::Edbgrd)?;
        self.inner.edbgrd(at)
    }

    fn edbgwr(&mut self, at: EpcAddr, value: u64) -> Result<(), EnclsError> {
        self.order(Leaf::Edbgwr)?;
        self.inner.edbgwr(at, value)
    }

    fn eaug(&mut self, page: EpcAddr, secs: EpcAddr, linaddr: Linear) -> Result<(), EnclsError> {
        self.order(Leaf::Eaug)?;
        self.inner.eaug(page, secs, linaddr)
    }

    fn emodpr(&mut self, page: EpcAddr, secinfo: &SecInfo) -> Result<(), EnclsError> {
        self.order(Leaf::Emodpr)?;
        self.inner.emodpr(page, secinfo)
    }

    fn emodt(&mut self, page: EpcAddr, secinfo: &SecInfo) -> Result<(), EnclsError> {
        self.order(Leaf::Emodt)?;
        self.inner.emodt(page, secinfo)
    }

    fn erdinfo(&mut self, page: EpcAddr) -> Result<RdInfo, EnclsError> {
        self.order(Leaf::Erdinfo)?;
        self.inner.erdinfo(page)
    }

    fn eupdatesvn(&mut self) -> Result<(), EnclsError> {
        self.order(Leaf::Eupdatesvn)?;
        self.inner.eupdatesvn()
    }

    fn lepubkeyhash(&self) -> [u64; 4] {
        self.inner.lepubkeyhash()
    }

    fn wrmsr_lepubkeyhash(&mut self, hash: [u64; 4]) -> Result<(), WrmsrFault> {
        self.inner.wrmsr_lepubkeyhash(hash)
    }
}
