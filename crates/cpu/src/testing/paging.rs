//! Pages sent out and brought back, as a kernel would.

use anyclave_arch::{Encls, EpcAddr, Linear, PageInfo, Pcmd};

use super::enclave::SECINFO;
use super::{Executed, Machine, PAGEINFO, SRCPGE, flat};

/// Where PCMD lies: PAGEINFO has one field for it and SECINFO.
pub(crate) const PCMD: Linear = SECINFO;

/// A page outside.
#[derive(Clone)]
pub(crate) struct Outside {
    pub(crate) contents: Box<[u8; 4096]>,
    pub(crate) pcmd: Pcmd,
    pub(crate) linaddr: u64,
}

/// A PAGEINFO of EWB.
pub(crate) fn output() -> PageInfo {
    PageInfo { srcpge: SRCPGE.0.into(), secinfo: PCMD.0.into(), ..PageInfo::default() }
}

/// The address of a slot.
pub(crate) fn slot(array: EpcAddr, number: u64) -> EpcAddr {
    EpcAddr(array.0 + number * 8)
}

impl Machine {
    /// EBLOCK of a page and an ETRACK, with nobody inside.
    pub(crate) fn block(&mut self, page: EpcAddr) {
        let secs = self.package.epcm_entry(page).secs;
        self.encls(Encls::Eblock, [0, flat(page).0, 0]).assert_success();
        self.encls(Encls::Etrack, [0, flat(secs).0, 0]).assert_success();
    }

    /// EWB.
    pub(crate) fn ewb(&mut self, page: EpcAddr, slot: EpcAddr) -> Executed {
        self.space.put(PAGEINFO, &output());
        self.space.put(PCMD, &[0xee_u8; 128]);
        self.space.put(SRCPGE, &[0xee_u8; 4096]);
        self.encls(Encls::Ewb, [PAGEINFO.0, flat(page).0, flat(slot).0])
    }

    /// What the last EWB wrote.
    pub(crate) fn outside(&self) -> Outside {
        let contents = Box::new(self.space.get(SRCPGE));
        let pageinfo: PageInfo = self.space.get(PAGEINFO);
        Outside { contents, pcmd: self.space.get(PCMD), linaddr: pageinfo.linaddr.get() }
    }

    /// Sends a page out that may go.
    pub(crate) fn send_out(&mut self, page: EpcAddr, slot: EpcAddr) -> Outside {
        self.ewb(page, slot).assert_success();
        self.outside()
    }

    /// Blocks a page of an enclave and sends it out.
    pub(crate) fn evict(&mut self, page: EpcAddr, slot: EpcAddr) -> Outside {
        self.block(page);
        self.send_out(page, slot)
    }

    /// ELDB, ELDU, ELDBC or ELDUC; without a SECS for pages that belong to none.
    pub(crate) fn load(
        &mut self,
        leaf: Encls,
        page: EpcAddr,
        from: &Outside,
        secs: Option<EpcAddr>,
        slot: EpcAddr,
    ) -> Executed {
        let secs = secs.map_or(0, |secs| flat(secs).0);
        let pageinfo = PageInfo { linaddr: from.linaddr.into(), secs: secs.into(), ..output() };
        self.space.put(PAGEINFO, &pageinfo);
        self.space.put(PCMD, &from.pcmd);
        self.space.put(SRCPGE, &*from.contents);
        self.encls(leaf, [PAGEINFO.0, flat(page).0, flat(slot).0])
    }
}
