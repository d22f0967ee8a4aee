//! Enclaves before they are built.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use anyclave_arch::attributes::XFRM_LEGACY;
use anyclave_arch::{
    Attributes, EpcAddr, Flags, MiscSelect, PageType, SecInfo, SecInfoFlags, Secs, SigStruct, Tcs,
};
use anyclave_crypto::rsa::Signature;
use anyclave_crypto::sha256;
use anyclave_sign::{Measurer, PrivateKey, SignOptions};
use zerocopy::{FromBytes, FromZeros, IntoBytes};

use super::syntax::Assignment;

/// A page of an enclave to be.
#[derive(Clone, Debug)]
pub(super) struct PagePlan {
    pub(super) name: String,
    pub(super) offset: u64,
    pub(super) secinfo: SecInfo,
    pub(super) data: Box<[u8; 4096]>,
    pub(super) epc: EpcAddr,
}

/// An enclave to be. All its pages are measured.
#[derive(Clone, Debug)]
pub(super) struct EnclavePlan {
    pub(super) secs: Box<[u8; 4096]>,
    pub(super) secs_page: EpcAddr,
    pub(super) pages: Vec<PagePlan>,
    /// Whether EINIT is executed, too.
    pub(super) initialised: bool,
    /// Which of the scripts' keys signs.
    pub(super) signer: u8,
    /// Changes of the SIGSTRUCT, each with its line.
    pub(super) sigstruct: Vec<(usize, Assignment)>,
}

impl EnclavePlan {
    /// 64 KiB, 64-bit, EXINFO, AVX: a TCS at 0 with two SSA frames of a page, code at 1000H (the entry point), the
    /// frames at 2000H and 3000H, data at 4000H and 5000H.
    pub(super) fn new(base: u64, mut allocate: impl FnMut() -> EpcAddr) -> Self {
        let secs = Secs {
            size: 0x1_0000.into(),
            base: base.into(),
            ssaframesize: 1.into(),
            miscselect: MiscSelect::EXINFO.bits().into(),
            attributes: Attributes::new(Flags::MODE64BIT, XFRM_LEGACY | 4),
            ..Secs::new_zeroed()
        };
        let tcs = Tcs { ossa: 0x2000.into(), nssa: 2.into(), oentry: 0x1000.into(), ..Tcs::new_zeroed() };
        let (rw, rx) = (SecInfoFlags::R | SecInfoFlags::W, SecInfoFlags::R | SecInfoFlags::X);
        let secs_page = allocate();
        let mut page = |name: &str, offset, page_type, rights, data| PagePlan {
            name: name.to_owned(),
            offset,
            secinfo: SecInfo::new(page_type, rights),
            data: Box::new(data),
            epc: allocate(),
        };
        let pages = vec![
            page("tcs", 0, PageType::Tcs, SecInfoFlags::empty(), zerocopy::transmute!(tcs)),
            page("code", 0x1000, PageType::Reg, rx, [0x90; 4096]),
            page("ssa", 0x2000, PageType::Reg, rw, [0; 4096]),
            page("ssa2", 0x3000, PageType::Reg, rw, [0; 4096]),
            page("data", 0x4000, PageType::Reg, rw, [4; 4096]),
            page("data2", 0x5000, PageType::Reg, rw, [5; 4096]),
        ];
        Self {
            secs: Box::new(zerocopy::transmute!(secs)),
            secs_page,
            pages,
            initialised: true,
            signer: 1,
            sigstruct: Vec::new(),
        }
    }

    /// The SECS that ECREATE is given.
    pub(super) fn secs(&self) -> Secs {
        Secs::read_from_bytes(&self.secs[..]).unwrap_or_else(|_| Secs::new_zeroed())
    }

    /// Changes the SECS that ECREATE is given.
    pub(super) fn edit(&mut self, edit: impl FnOnce(&mut Secs)) {
        let mut secs = self.secs();
        edit(&mut secs);
        self.secs.copy_from_slice(secs.as_bytes());
    }

    /// MRENCLAVE as the enclave's author computes it.
    pub(super) fn mrenclave(&self) -> [u8; 32] {
        let secs = self.secs();
        let mut measurer = Measurer::ecreate(secs.ssaframesize.get(), secs.size.get());
        for page in &self.pages {
            measurer.add_page(page.offset, &page.secinfo, &page.data, true);
        }
        measurer.mrenclave()
    }

    /// MRSIGNER.
    pub(super) fn mrsigner(&self) -> [u8; 32] {
        with_signer(self.signer, |key| sha256(key.modulus()))
    }

    /// What the author signs, before the author signs it.
    pub(super) fn unsigned(&self) -> SigStruct {
        let secs = self.secs();
        let options = SignOptions {
            miscselect: MiscSelect::from_bits_retain(secs.miscselect.get()),
            attributes: secs.attributes,
            isvprodid: 7,
            isvsvn: 3,
            ..SignOptions::default()
        };
        with_signer(self.signer, |key| options.prepare(&self.mrenclave(), key))
    }
}

/// The keys of the scripts: found once, and each signature made once, since both take a while.
static SIGNERS: LazyLock<Mutex<HashMap<u8, PrivateKey>>> = LazyLock::new(Mutex::default);
type Signed = HashMap<(u8, [u8; 32]), Signature>;
static SIGNED: LazyLock<Mutex<Signed>> = LazyLock::new(Mutex::default);

fn with_signer<R>(signer: u8, work: impl FnOnce(&PrivateKey) -> R) -> R {
    let mut signers = SIGNERS.lock().unwrap_or_else(PoisonError::into_inner);
    work(signers.entry(signer).or_insert_with(|| PrivateKey::from_seed(&[signer; 32])))
}

/// Signs a SIGSTRUCT as it stands.
pub(super) fn sign(sigstruct: &mut SigStruct, signer: u8) {
    let hash = sha256(&sigstruct.signed_bytes());
    let mut signed = SIGNED.lock().unwrap_or_else(PoisonError::into_inner);
    let signature =
        signed.entry((signer, hash)).or_insert_with(|| with_signer(signer, |key| key.sign(&hash)));
    sigstruct.signature = signature.signature;
    sigstruct.q1 = signature.q1;
    sigstruct.q2 = signature.q2;
}
