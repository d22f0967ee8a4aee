//! The enclave from the host's side: built page by page, mapped, entered.

use std::io;

use anyclave_arch::{PageType, SecInfo, SecInfoFlags, Secs, SigStruct};
use anyclave_hello::abi::Call;
use anyclave_sign::{Image, ImageError, Page};
use anyclave_sys::Errno;
use anyclave_sys::client::{Area, Device, Entry, Protection, Return};
use thiserror::Error;
use zerocopy::{FromBytes, FromZeros, IntoBytes};

use super::abi::{ADD_PAGES, AddPages, CREATE, INIT, PAGE_MEASURE, exposed};

const STREAM: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/hello.sgxs"));
const SIGSTRUCT: &[u8; size_of::<SigStruct>()] = include_bytes!(concat!(env!("OUT_DIR"), "/hello.sig"));

/// ENCLU leaves, as the function of the vDSO takes and gives them.
const EENTER: u32 = 2;
const ERESUME: u32 = 3;
pub(super) const EEXIT: u32 = 4;

/// Why the demo cannot go on.
#[derive(Debug, Error)]
pub(super) enum DemoError {
    /// Something that ought to be there is not.
    #[error("{0}")]
    Missing(&'static str),
    /// A step that ought to succeed did not.
    #[error("{step} fails: {error}")]
    Step {
        /// Which.
        step: &'static str,
        /// How.
        error: Errno,
    },
    /// The enclave came back otherwise than the story has it.
    #[error("{expected} was expected; {got:?}")]
    Return {
        /// What.
        expected: &'static str,
        /// How it came back.
        got: Return,
    },
    /// The enclave said something else than the story has it.
    #[error("{what}: {expected:#x} was expected, the enclave says {got:#x}")]
    Answer {
        /// About what.
        what: &'static str,
        /// What the story says.
        expected: u64,
        /// What the enclave says.
        got: u64,
    },
    /// The enclave's own file.
    #[error("the included enclave is damaged: {0}")]
    Image(#[from] ImageError),
    /// Output.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Names the step that failed.
trait Step<T> {
    fn step(self, step: &'static str) -> Result<T, DemoError>;
}

impl<T> Step<T> for anyclave_sys::Result<T> {
    fn step(self, step: &'static str) -> Result<T, DemoError> {
        self.map_err(|error| DemoError::Step { step, error })
    }
}

/// The enclave that is included in this program.
pub(super) fn included() -> Result<(Image, SigStruct), DemoError> {
    let sigstruct = zerocopy::transmute!(*SIGSTRUCT);
    Ok((Image::parse(STREAM)?, sigstruct))
}

/// An enclave under construction, or done.
pub(super) struct Enclave {
    image: Image,
    area: Area,
    device: Device,
    entry: Entry,
}

/// A page of ordinary memory, aligned as ADD_PAGES wants it.
#[repr(C, align(4096))]
struct Source([u8; 4096]);

impl Enclave {
    /// Reserves the address range and opens the node.
    pub(super) fn open(image: Image) -> Result<Self, DemoError> {
        let size = usize::try_from(image.size).or(Err(DemoError::Missing("room for the enclave")))?;
        let area = Area::reserve(size).step("reserving address space")?;
        let device = Device::open().step("opening /dev/sgx_enclave")?;
        Ok(Self { image, area, device, entry: find_entry()? })
    }

    /// First address of the ELRANGE.
    pub(super) fn base(&self) -> u64 {
        self.area.base()
    }

    /// Address of the vDSO's function.
    pub(super) const fn entry(&self) -> u64 {
        self.entry.function()
    }

    /// ECREATE.
    pub(super) fn create(&self) -> Result<(), DemoError> {
        let mut secs = Secs::new_zeroed();
        secs.size = self.image.size.into();
        secs.base = self.base().into();
        secs.ssaframesize = self.image.ssaframesize.into();
        secs.miscselect = anyclave_hello::MISCSELECT.bits().into();
        secs.attributes = anyclave_hello::ATTRIBUTES;
        let mut argument = exposed(&secs);
        self.device.request(CREATE, argument.as_mut_bytes()).step("SGX_IOC_ENCLAVE_CREATE").map(drop)
    }

    /// EADD of every page, and EEXTEND of all of it.
    pub(super) fn add_pages(&self) -> Result<(), DemoError> {
        let mut source = Box::new(Source([0; 4096]));
        for page in &self.image.pages {
            source.0 = *page.data;
            let mut add = AddPages {
                src: exposed(&*source),
                offset: page.offset,
                length: source.0.len() as u64,
                secinfo: exposed(&page.secinfo),
                flags: if page.measured == u16::MAX { PAGE_MEASURE } else { 0 },
                count: 0,
            };
            self.device.request(ADD_PAGES, add.as_mut_bytes()).step("SGX_IOC_ENCLAVE_ADD_PAGES")?;
        }
        Ok(())
    }

    /// EINIT.
    pub(super) fn init(&self, sigstruct: &SigStruct) -> Result<(), DemoError> {
        let mut argument = exposed(sigstruct);
        self.device.request(INIT, argument.as_mut_bytes()).step("SGX_IOC_ENCLAVE_INIT").map(drop)
    }

    /// Maps each page with the rights that it was added with.
    pub(super) fn map(&self) -> Result<(), DemoError> {
        for Page { offset, secinfo, data, .. } in &self.image.pages {
            let offset = usize::try_from(*offset).or(Err(DemoError::Missing("room for the enclave")))?;
            self.area
                .map(&self.device, offset, data.len(), protection(secinfo))
                .step("mapping a page of the enclave")?;
        }
        Ok(())
    }

    /// Calls a function of the enclave.
    pub(super) fn call(&mut self, words: &mut CallWords) -> Result<Return, DemoError> {
        self.enter(EENTER, words)
    }

    /// Goes on with a call that an exception interrupted.
    pub(super) fn resume(&mut self, words: &mut CallWords) -> Result<Return, DemoError> {
        self.enter(ERESUME, words)
    }

    fn enter(&mut self, leaf: u32, words: &mut CallWords) -> Result<Return, DemoError> {
        let tcs = self
            .image
            .pages
            .iter()
            .find(|page| page.secinfo.page_type() == Some(PageType::Tcs))
            .ok_or(DemoError::Missing("the enclave has no TCS"))?;
        let tcs = self.area.base() + tcs.offset;
        Ok(self.entry.enter(leaf, tcs, words.0.as_mut_bytes()))
    }
}

/// A [`Call`], as words: the enclave fills it in behind the compiler's back.
pub(super) struct CallWords([u64; size_of::<Call>() / 8]);

impl CallWords {
    /// A call of function `number`.
    pub(super) fn new(number: u64, argument: u64) -> Self {
        let mut words = [0; size_of::<Call>() / 8];
        [words[0], words[1]] = [number, argument];
        Self(words)
    }

    /// `argument`, in or out.
    pub(super) const fn argument(&self) -> u64 {
        self.0[1]
    }

    /// `result`.
    pub(super) const fn result(&self) -> u64 {
        self.0[2]
    }

    /// `buffer`.
    pub(super) fn buffer(&mut self) -> &mut [u8] {
        self.0[3..].as_mut_bytes()
    }

    /// The structure at the start of `buffer`.
    pub(super) fn read<T: FromBytes>(&mut self) -> Result<T, DemoError> {
        T::read_from_prefix(self.buffer())
            .map(|(value, _)| value)
            .or(Err(DemoError::Missing("a whole structure")))
    }
}

const _: () = {
    use std::mem::offset_of;
    assert!(offset_of!(Call, number) == 0);
    assert!(offset_of!(Call, argument) == 8);
    assert!(offset_of!(Call, result) == 16);
    assert!(offset_of!(Call, buffer) == 24);
};

fn protection(secinfo: &SecInfo) -> Protection {
    if secinfo.page_type() == Some(PageType::Tcs) {
        return Protection::PROT_READ | Protection::PROT_WRITE;
    }
    let right =
        |flag, protection| if secinfo.bits().contains(flag) { protection } else { Protection::PROT_NONE };
    right(SecInfoFlags::R, Protection::PROT_READ)
        | right(SecInfoFlags::W, Protection::PROT_WRITE)
        | right(SecInfoFlags::X, Protection::PROT_EXEC)
}

/// The vDSO's function.
fn find_entry() -> Result<Entry, DemoError> {
    let entry = Entry::find().step("reading the vDSO")?;
    entry.ok_or(DemoError::Missing("the vDSO has no __vdso_sgx_enter_enclave"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_included_enclave_is_whole_and_signed() {
        let (image, sigstruct) = included().unwrap();
        assert_eq!(sigstruct.enclavehash, image.mrenclave());
        assert!(image.pages.iter().all(|page| page.measured == u16::MAX));
        assert!(anyclave_sign::verify_sigstruct(SIGSTRUCT).is_ok());
    }

    #[test]
    fn pages_are_mapped_with_their_rights() {
        let page = |flags| protection(&SecInfo::new(PageType::Reg, flags));
        assert_eq!(page(SecInfoFlags::R), Protection::PROT_READ);
        let all = Protection::PROT_READ | Protection::PROT_WRITE | Protection::PROT_EXEC;
        assert_eq!(page(SecInfoFlags::RWX), all);
        let tcs = SecInfo::new(PageType::Tcs, SecInfoFlags::empty());
        assert_eq!(protection(&tcs), Protection::PROT_READ | Protection::PROT_WRITE);
    }
}
