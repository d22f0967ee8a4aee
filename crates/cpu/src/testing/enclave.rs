//! Enclaves built through ENCLS, as a kernel would.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use anyclave_arch::msr::lepubkeyhash_msrs;
use anyclave_arch::token::EinitToken;
use anyclave_arch::{
    Attributes, Encls, EpcAddr, Flags, Linear, MiscSelect, PageInfo, PageType, SecInfo, SecInfoFlags, Secs,
    SigStruct, Tcs,
};
use anyclave_crypto::sha256;
use anyclave_sign::{Measurer, PrivateKey, SignOptions};
use zerocopy::{FromZeros, IntoBytes};

use super::{Executed, Machine, flat};

/// Linear addresses of the operands of ENCLS.
pub(crate) const PAGEINFO: Linear = Linear(0xffff_c900_0000_0000);
pub(super) const SECINFO: Linear = Linear(0xffff_c900_0000_1000);
pub(crate) const SRCPGE: Linear = Linear(0xffff_c900_0000_2000);
pub(crate) const SIGSTRUCT: Linear = Linear(0xffff_c900_0000_3000);
pub(crate) const TOKEN: Linear = Linear(0xffff_c900_0000_4000);

/// The key of test enclaves.
fn signer() -> &'static PrivateKey {
    static SIGNER: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::from_seed(&[1; 32]));
    &SIGNER
}

/// A page of an enclave to be.
#[derive(Clone)]
pub(crate) struct PageSpec {
    pub(crate) offset: u64,
    pub(crate) secinfo: SecInfo,
    pub(crate) data: Box<[u8; 4096]>,
}

/// An enclave to be; all its pages are measured.
#[derive(Clone)]
pub(crate) struct EnclaveSpec {
    pub(crate) secs: Secs,
    pub(crate) pages: Vec<PageSpec>,
    pub(crate) isvprodid: u16,
    pub(crate) isvsvn: u16,
}

impl Default for EnclaveSpec {
    /// 64 KiB at 7000_0000_0000H, debug, EXINFO, AVX: a TCS at 0 with two SSA frames of a page at 2000H, code
    /// at 1000H (the entry point), SSA at 2000H and 3000H, data at 4000H and 5000H.
    fn default() -> Self {
        let secs = Secs {
            size: 0x1_0000.into(),
            base: 0x7000_0000_0000.into(),
            ssaframesize: 1.into(),
            miscselect: MiscSelect::EXINFO.bits().into(),
            attributes: Attributes::new(Flags::DEBUG | Flags::MODE64BIT, 7),
            ..Secs::new_zeroed()
        };
        let tcs = Tcs { ossa: 0x2000.into(), nssa: 2.into(), oentry: 0x1000.into(), ..Tcs::new_zeroed() };
        let rw = SecInfoFlags::R | SecInfoFlags::W;
        let reg = |offset, flags, fill| PageSpec {
            offset,
            secinfo: SecInfo::new(PageType::Reg, flags),
            data: Box::new([fill; 4096]),
        };
        let tcs = PageSpec {
            offset: 0,
            secinfo: SecInfo::new(PageType::Tcs, SecInfoFlags::empty()),
            data: Box::new(zerocopy::transmute!(tcs)),
        };
        let code = reg(0x1000, SecInfoFlags::R | SecInfoFlags::X, 0x90);
        let pages =
            vec![tcs, code, reg(0x2000, rw, 0), reg(0x3000, rw, 0), reg(0x4000, rw, 4), reg(0x5000, rw, 5)];
        Self { secs, pages, isvprodid: 7, isvsvn: 3 }
    }
}

impl EnclaveSpec {
    /// MRENCLAVE as the enclave's author computes it.
    pub(crate) fn mrenclave(&self) -> [u8; 32] {
        let mut measurer = Measurer::ecreate(self.secs.ssaframesize.get(), self.secs.size.get());
        for page in &self.pages {
            measurer.add_page(page.offset, &page.secinfo, &page.data, true);
        }
        measurer.mrenclave()
    }

    /// A SIGSTRUCT that fits.
    pub(crate) fn sigstruct(&self) -> SigStruct {
        let options = SignOptions {
            miscselect: MiscSelect::from_bits_retain(self.secs.miscselect.get()),
            attributes: self.secs.attributes,
            isvprodid: self.isvprodid,
            isvsvn: self.isvsvn,
            ..SignOptions::default()
        };
        options.sign(&self.mrenclave(), signer())
    }
}

/// Signs a SIGSTRUCT anew after its fields have changed.
pub(crate) fn resign(sigstruct: &mut SigStruct) {
    let signature = signer().sign(&sha256(&sigstruct.signed_bytes()));
    sigstruct.signature = signature.signature;
    sigstruct.q1 = signature.q1;
    sigstruct.q2 = signature.q2;
}

/// An enclave that has been built.
#[derive(Clone, Debug)]
pub(crate) struct Enclave {
    pub(crate) secs: EpcAddr,
    pub(crate) base: Linear,
    /// EPC pages by offset in ELRANGE.
    pub(crate) pages: BTreeMap<u64, EpcAddr>,
}

impl Enclave {
    /// Linear address of an offset.
    pub(crate) fn at(&self, offset: u64) -> Linear {
        self.base.offset(offset)
    }

    /// The EPC page at an offset.
    pub(crate) fn page(&self, offset: u64) -> EpcAddr {
        self.pages[&offset]
    }
}

/// The operands of ECREATE and EADD.
#[derive(Clone)]
pub(crate) struct PageOperands {
    pub(crate) pageinfo: PageInfo,
    pub(crate) secinfo: SecInfo,
    pub(crate) source: Box<[u8; 4096]>,
    pub(crate) rbx: Linear,
    pub(crate) rcx: Linear,
}

impl PageOperands {
    pub(crate) fn new(page: EpcAddr, secinfo: SecInfo, source: Box<[u8; 4096]>) -> Self {
        let pageinfo = PageInfo { srcpge: SRCPGE.0.into(), secinfo: SECINFO.0.into(), ..PageInfo::default() };
        Self { pageinfo, secinfo, source, rbx: PAGEINFO, rcx: flat(page) }
    }

    /// The same, for a page of an enclave.
    pub(crate) fn of(self, secs: EpcAddr, linaddr: Linear) -> Self {
        let pageinfo = PageInfo { linaddr: linaddr.0.into(), secs: flat(secs).0.into(), ..self.pageinfo };
        Self { pageinfo, ..self }
    }
}

impl Machine {
    /// Puts the operands in place.
    pub(crate) fn put(&mut self, operands: &PageOperands) {
        self.space.put(PAGEINFO, &operands.pageinfo);
        self.space.put(SECINFO, &operands.secinfo);
        self.space.put(SRCPGE, &*operands.source);
    }

    /// Puts the operands in place and executes ECREATE or EADD.
    pub(crate) fn with_page(&mut self, leaf: Encls, operands: &PageOperands) -> Executed {
        self.put(operands);
        self.encls(leaf, [operands.rbx.0, operands.rcx.0, 0])
    }

    /// ECREATE into a free page.
    pub(crate) fn ecreate(&mut self, secs: &Secs) -> EpcAddr {
        let page = self.free_page();
        let secinfo = SecInfo::new(PageType::Secs, SecInfoFlags::empty());
        let operands = PageOperands::new(page, secinfo, Box::new(zerocopy::transmute!(*secs)));
        self.with_page(Encls::Ecreate, &operands).assert_done();
        page
    }

    /// EADD into a free page, which is then mapped in the address space.
    pub(crate) fn eadd(&mut self, secs: EpcAddr, linaddr: Linear, page: &PageSpec) -> EpcAddr {
        let target = self.free_page();
        let operands = PageOperands::new(target, page.secinfo, page.data.clone()).of(secs, linaddr);
        self.with_page(Encls::Eadd, &operands).assert_done();
        self.space.map(linaddr, target);
        target
    }

    /// EEXTEND of a whole page, ascending.
    pub(crate) fn eextend_page(&mut self, secs: EpcAddr, page: EpcAddr) {
        for chunk in (page.0..page.0 + 4096).step_by(256).map(EpcAddr) {
            self.encls(Encls::Eextend, [flat(secs).0, flat(chunk).0, 0]).assert_done();
        }
    }

    /// EINIT.
    pub(crate) fn einit(&mut self, secs: EpcAddr, sigstruct: &SigStruct, token: &EinitToken) -> Executed {
        self.space.put(SIGSTRUCT, sigstruct);
        self.space.put(TOKEN, token);
        self.encls(Encls::Einit, [SIGSTRUCT.0, flat(secs).0, TOKEN.0])
    }

    /// Builds an enclave up to but without EINIT.
    pub(crate) fn build(&mut self, spec: &EnclaveSpec) -> Enclave {
        let base = Linear(spec.secs.base.get());
        let secs = self.ecreate(&spec.secs);
        let mut pages = BTreeMap::new();
        for page in &spec.pages {
            let target = self.eadd(secs, base.offset(page.offset), page);
            self.eextend_page(secs, target);
            pages.insert(page.offset, target);
        }
        Enclave { secs, base, pages }
    }

    /// Writes the MRSIGNER of a SIGSTRUCT into the hash MSRs, as Linux does before EINIT.
    pub(crate) fn trust(&mut self, sigstruct: &SigStruct) {
        let hash = lepubkeyhash_msrs(&sha256(&sigstruct.modulus));
        self.package.set_lepubkeyhash(hash).unwrap();
    }

    /// Builds and initialises an enclave.
    pub(crate) fn launch(&mut self, spec: &EnclaveSpec) -> Enclave {
        let enclave = self.build(spec);
        let sigstruct = spec.sigstruct();
        self.trust(&sigstruct);
        self.einit(enclave.secs, &sigstruct, &EinitToken::new_zeroed()).assert_success();
        enclave
    }

    /// The SECS as the processor keeps it.
    pub(crate) fn secs(&mut self, page: EpcAddr) -> crate::SecsPage {
        self.package.load_secs(page)
    }

    /// Writes bytes of an EPC page behind the processor's back.
    pub(crate) fn poke(&mut self, at: EpcAddr, value: &(impl IntoBytes + zerocopy::Immutable + ?Sized)) {
        let offset = usize::try_from(at.page_offset()).unwrap();
        let bytes = value.as_bytes();
        self.package.frames.page(at.page())[offset..offset + bytes.len()].copy_from_slice(bytes);
    }
}
