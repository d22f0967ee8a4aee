//! The bare processor as a kernel's [`Encls`]: every method executes one ENCLS.

use anyclave_arch::token::EinitToken;
use anyclave_arch::{Encls as Leaf, EpcAddr, Linear, PageInfo, Pcmd, RdInfo, SecInfo, SigStruct};
use zerocopy::IntoBytes;

use super::space::{KernelSpace, Operand, direct, operand};
use super::{Encls, EnclsError, EvictedPage, PAGE_BYTES};
use crate::config::Section;
use crate::encls::EnclsRegisters;
use crate::entropy::Entropy;
use crate::exit::Completion;
use crate::frames::Frames;
use crate::package::{Package, WrmsrFault};
use crate::processor::Processor;

/// A package and the logical processor that executes the kernel's code.
#[derive(Debug)]
pub struct Bare<'a, F, E> {
    pub(super) package: &'a mut Package<F, E>,
    processor: &'a mut Processor,
    /// The sections once more, from the first leaf on: the package is borrowed while a leaf asks for them.
    sections: Option<Vec<Section>>,
}

impl<'a, F: Frames, E: Entropy> Bare<'a, F, E> {
    /// The leaves as `processor` executes them.
    pub const fn new(package: &'a mut Package<F, E>, processor: &'a mut Processor) -> Self {
        Self { package, processor, sections: None }
    }

    /// Executes a leaf; `operands` lie at [`operand`] 0, 1, 2…
    #[inline]
    fn execute(
        &mut self,
        leaf: Leaf,
        [rbx, rcx, rdx]: [u64; 3],
        operands: &mut [Operand<'_>],
    ) -> Result<EnclsRegisters, EnclsError> {
        let sections = self.sections.get_or_insert_with(|| self.package.config().sections.clone());
        let mut space = KernelSpace { sections, operands };
        let mut registers = EnclsRegisters { rax: leaf as u64, rbx, rcx, rdx, rflags: 0 };
        let completion = self.package.encls(self.processor, &mut space, &mut registers);
        match completion.map_err(EnclsError::Fault)? {
            Completion::Done => Ok(registers),
            Completion::Code(refusal) => EnclsError::from_code(refusal).map_or(Ok(registers), Err),
        }
    }

    /// Executes a leaf that has a PAGEINFO with a SECINFO and a source page.
    fn execute_with_page(
        &mut self,
        leaf: Leaf,
        page: EpcAddr,
        (linaddr, secs): (Linear, Linear),
        source: &[u8; PAGE_BYTES],
        secinfo: &SecInfo,
    ) -> Result<(), EnclsError> {
        let pageinfo = PageInfo {
            linaddr: linaddr.0.into(),
            srcpge: operand(2).0.into(),
            secinfo: operand(1).0.into(),
            secs: secs.0.into(),
        };
        let operands = [pageinfo.as_bytes(), secinfo.as_bytes(), source];
        self.execute(leaf, [operand(0).0, direct(page).0, 0], &mut operands.map(Operand::In)).map(drop)
    }

    /// Executes a leaf that brings a page back.
    fn load(
        &mut self,
        leaf: Leaf,
        page: EpcAddr,
        from: &EvictedPage<'_>,
        slot: EpcAddr,
    ) -> Result<(), EnclsError> {
        let pageinfo = PageInfo {
            linaddr: from.linaddr.0.into(),
            srcpge: operand(2).0.into(),
            secinfo: operand(1).0.into(),
            secs: from.secs.map_or(0, |secs| direct(secs).0).into(),
        };
        let operands = [pageinfo.as_bytes(), from.pcmd.as_bytes(), from.contents];
        let registers = [operand(0).0, direct(page).0, direct(slot).0];
        self.execute(leaf, registers, &mut operands.map(Operand::In)).map(drop)
    }
}

impl<F: Frames, E: Entropy> Encls for Bare<'_, F, E> {
    fn sections(&self) -> &[Section] {
        &self.package.config().sections
    }

    fn ecreate(
        &mut self,
        secs: EpcAddr,
        source: &[u8; PAGE_BYTES],
        secinfo: &SecInfo,
    ) -> Result<(), EnclsError> {
        self.execute_with_page(Leaf::Ecreate, secs, (Linear(0), Linear(0)), source, secinfo)
    }

    fn eadd(
        &mut self,
        page: EpcAddr,
        secs: EpcAddr,
        linaddr: Linear,
        source: &[u8; PAGE_BYTES],
        secinfo: &SecInfo,
    ) -> Result<(), EnclsError> {
        self.execute_with_page(Leaf::Eadd, page, (linaddr, direct(secs)), source, secinfo)
    }

    fn eextend(&mut self, secs: EpcAddr, chunk: EpcAddr) -> Result<(), EnclsError> {
        self.execute(Leaf::Eextend, [direct(secs).0, direct(chunk).0, 0], &mut []).map(drop)
    }

    fn einit(&mut self, sigstruct: &SigStruct, token: &EinitToken, secs: EpcAddr) -> Result<(), EnclsError> {
        let mut operands = [sigstruct.as_bytes(), token.as_bytes()].map(Operand::In);
        self.execute(Leaf::Einit, [operand(0).0, direct(secs).0, operand(1).0], &mut operands).map(drop)
    }

    fn eremove(&mut self, page: EpcAddr) -> Result<(), EnclsError> {
        self.execute(Leaf::Eremove, [0, direct(page).0, 0], &mut []).map(drop)
    }

    fn epa(&mut self, page: EpcAddr) -> Result<(), EnclsError> {
        let page_type = anyclave_arch::PageType::Va as u64;
        self.execute(Leaf::Epa, [page_type, direct(page).0, 0], &mut []).map(drop)
    }

    fn eblock(&mut self, page: EpcAddr) -> Result<(), EnclsError> {
        self.execute(Leaf::Eblock, [0, direct(page).0, 0], &mut []).map(drop)
    }

    fn etrack(&mut self, secs: EpcAddr) -> Result<(), EnclsError> {
        self.execute(Leaf::Etrack, [0, direct(secs).0, 0], &mut []).map(drop)
    }

    fn etrackc(&mut self, page: EpcAddr) -> Result<(), EnclsError> {
        self.execute(Leaf::Etrackc, [0, direct(page).0, 0], &mut []).map(drop)
    }

    fn ewb(
        &mut self,
        page: EpcAddr,
        slot: EpcAddr,
        contents: &mut [u8; PAGE_BYTES],
        pcmd: &mut Pcmd,
    ) -> Result<Linear, EnclsError> {
        let mut pageinfo =
            PageInfo { srcpge: operand(2).0.into(), secinfo: operand(1).0.into(), ..PageInfo::default() };
        let mut operands = [pageinfo.as_mut_bytes(), pcmd.as_mut_bytes(), contents].map(Operand::Out);
        self.execute(Leaf::Ewb, [operand(0).0, direct(page).0, direct(slot).0], &mut operands)?;
        Ok(Linear(pageinfo.linaddr.get()))
    }

    fn eldb(&mut self, page: EpcAddr, from: &EvictedPage<'_>, slot: EpcAddr) -> Result<(), EnclsError> {
        self.load(Leaf::Eldb, page, from, slot)
    }

    fn eldu(&mut self, page: EpcAddr, from: &EvictedPage<'_>, slot: EpcAddr) -> Result<(), EnclsError> {
        self.load(Leaf::Eldu, page, from, slot)
    }

    fn eldbc(&mut self, page: EpcAddr, from: &EvictedPage<'_>, slot: EpcAddr) -> Result<(), EnclsError> {
        self.load(Leaf::Eldbc, page, from, slot)
    }

    fn elduc(&mut self, page: EpcAddr, from: &EvictedPage<'_>, slot: EpcAddr) -> Result<(), EnclsError> {
        self.load(Leaf::Elduc, page, from, slot)
    }

    fn edbgrd(&mut self, at: EpcAddr) -> Result<u64, EnclsError> {
        self.execute(Leaf::Edbgrd, [0, direct(at).0, 0], &mut []).map(|registers| registers.rbx)
    }

    fn edbgwr(&mut self, at: EpcAddr, value: u64) -> Result<(), EnclsError> {
        self.execute(Leaf::Edbgwr, [value, direct(at).0, 0], &mut []).map(drop)
    }

    fn eaug(&mut self, page: EpcAddr, secs: EpcAddr, linaddr: Linear) -> Result<(), EnclsError> {
        let (linaddr, secs) = (linaddr.0.into(), direct(secs).0.into());
        let pageinfo = PageInfo { linaddr, secs, ..PageInfo::default() };
        self.execute(Leaf::Eaug, [operand(0).0, direct(page).0, 0], &mut [Operand::In(pageinfo.as_bytes())])
            .map(drop)
    }

    fn emodpr(&mut self, page: EpcAddr, secinfo: &SecInfo) -> Result<(), EnclsError> {
        self.execute(Leaf::Emodpr, [operand(0).0, direct(page).0, 0], &mut [Operand::In(secinfo.as_bytes())])
            .map(drop)
    }

    fn emodt(&mut self, page: EpcAddr, secinfo: &SecInfo) -> Result<(), EnclsError> {
        self.execute(Leaf::Emodt, [operand(0).0, direct(page).0, 0], &mut [Operand::In(secinfo.as_bytes())])
            .map(drop)
    }

    fn erdinfo(&mut self, page: EpcAddr) -> Result<RdInfo, EnclsError> {
        let mut info = RdInfo::default();
        let mut operands = [Operand::Out(info.as_mut_bytes())];
        self.execute(Leaf::Erdinfo, [operand(0).0, direct(page).0, 0], &mut operands)?;
        Ok(info)
    }

    fn eupdatesvn(&mut self) -> Result<(), EnclsError> {
        self.execute(Leaf::Eupdatesvn, [0; 3], &mut []).map(drop)
    }

    fn lepubkeyhash(&self) -> [u64; 4] {
        self.package.lepubkeyhash()
    }

    fn wrmsr_lepubkeyhash(&mut self, hash: [u64; 4]) -> Result<(), WrmsrFault> {
        self.package.set_lepubkeyhash(hash)
    }
}
