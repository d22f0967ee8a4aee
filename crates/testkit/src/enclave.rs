//! An enclave and its loader: CREATE, ADD_PAGES and INIT as a runtime calls them.

use std::sync::LazyLock;

use anyclave_arch::{Attributes, Flags, PageType, SecInfo, SecInfoFlags, Secs, SigStruct};
use anyclave_driver::{EnclaveId, Progress, Reply, Wait, abi};
use anyclave_sign::{Image, PAGE_BYTES, Page, PrivateKey, SignOptions};
use zerocopy::{FromZeros, IntoBytes};

use crate::machine::PlainMachine;
use crate::memory::UserBuffer;

/// Where [`Loader`] keeps the structures of its calls.
pub const ARGUMENT: u64 = 0x1_0000;
/// The SECS: not aligned, as the kernel's selftests have it.
pub const SECS: u64 = 0x1_1008;
/// The SECINFO, not aligned.
pub const SECINFO: u64 = 0x1_3004;
/// The SIGSTRUCT, not aligned.
pub const SIGSTRUCT: u64 = 0x1_4010;
/// Source pages.
pub const SOURCE: u64 = 0x100_0000;
/// Where [`image`]s are loaded.
pub const BASE: u64 = 0x7000_0000_0000;

/// An enclave with one TCS, a code page, a data page and a read-only page, all measured; 32 KiB of ELRANGE.
#[must_use]
pub fn image() -> Image {
    let rw = SecInfoFlags::R | SecInfoFlags::W;
    let kinds = [
        (PageType::Tcs, SecInfoFlags::empty()),
        (PageType::Reg, SecInfoFlags::R | SecInfoFlags::X),
        (PageType::Reg, rw),
        (PageType::Reg, SecInfoFlags::R),
    ];
    let pages = (0_u8..).zip(kinds).map(|(number, (page_type, flags))| {
        let fill = if page_type == PageType::Tcs { 0 } else { number };
        Page {
            offset: u64::from(number) * 4096,
            secinfo: SecInfo::new(page_type, flags),
            data: Box::new([fill; PAGE_BYTES]),
            measured: u16::MAX,
        }
    });
    Image { ssaframesize: 1, size: 0x8000, pages: pages.collect() }
}

/// A SECS for an image at [`BASE`], that ECREATE accepts.
#[must_use]
pub fn secs(image: &Image) -> Secs {
    Secs {
        size: image.size.into(),
        base: BASE.into(),
        ssaframesize: image.ssaframesize.into(),
        attributes: Attributes::new(Flags::MODE64BIT, 3),
        ..Secs::new_zeroed()
    }
}

/// The signer of all test enclaves. Finding its primes takes a while, so it is done once.
#[must_use]
pub fn signer() -> &'static PrivateKey {
    static SIGNER: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::from_seed(&[7; 32]));
    &SIGNER
}

/// A signature that lets an image launch.
#[must_use]
pub fn sign(image: &Image) -> SigStruct {
    SignOptions::default().sign(&image.mrenclave(), signer())
}

/// A thread with an enclave file.
#[derive(Debug)]
pub struct Loader {
    /// The machine.
    pub machine: PlainMachine,
    /// The calling thread.
    pub user: UserBuffer,
    /// The file.
    pub id: EnclaveId,
}

impl Loader {
    /// Opens an enclave file on a machine.
    #[must_use]
    pub fn open(mut machine: PlainMachine) -> Self {
        let id = machine.open();
        Self { machine, user: UserBuffer::new(), id }
    }

    /// An ioctl with its argument structure, which is put at [`ARGUMENT`]. Turns for others are taken at once.
    pub fn ioctl(&mut self, command: u32, argument: &[u8]) -> Progress<Reply> {
        self.user.put(ARGUMENT, argument);
        let mut progress = self.machine.ioctl(&mut self.user, self.id, command, ARGUMENT);
        while progress == Progress::Wait(Wait::Turn) {
            progress = self.machine.resume(&mut self.user, self.id);
        }
        progress
    }

    /// The same, for calls that do not wait.
    pub fn call(&mut self, command: u32, argument: &[u8]) -> Reply {
        self.ioctl(command, argument).done().unwrap_or_else(|| panic!("{command:#x} waits"))
    }

    /// CREATE.
    pub fn create(&mut self, secs: &Secs) -> Reply {
        self.user.put(SECS, secs.as_bytes());
        self.call(abi::ENCLAVE_CREATE, abi::Create { src: SECS.into() }.as_bytes())
    }

    /// ADD_PAGES of one page, measured or not.
    pub fn add_page(&mut self, offset: u64, secinfo: &SecInfo, data: &[u8], measure: bool) -> Reply {
        self.user.put(SECINFO, secinfo.as_bytes());
        self.user.put(SOURCE, data);
        self.add_pages(&request(offset, 4096, measure))
    }

    /// ADD_PAGES as it is.
    pub fn add_pages(&mut self, request: &abi::AddPages) -> Reply {
        self.call(abi::ENCLAVE_ADD_PAGES, request.as_bytes())
    }

    /// The `count` that the last ADD_PAGES wrote.
    #[must_use]
    pub fn count(&self) -> u64 {
        u64::from_le_bytes(self.user.get(ARGUMENT + 40))
    }

    /// INIT.
    pub fn init(&mut self, sigstruct: &SigStruct) -> Progress<Reply> {
        self.user.put(SIGSTRUCT, sigstruct.as_bytes());
        self.ioctl(abi::ENCLAVE_INIT, abi::Init { sigstruct: SIGSTRUCT.into() }.as_bytes())
    }

    /// CREATE and ADD_PAGES of a whole image, which must succeed.
    pub fn build(&mut self, image: &Image, secs: &Secs) {
        assert_eq!(self.create(secs), Ok(0));
        for page in &image.pages {
            let reply = self.add_page(page.offset, &page.secinfo, &page.data[..], page.measured != 0);
            assert_eq!((reply, self.count()), (Ok(0), 4096), "page at {:#x}", page.offset);
        }
    }

    /// The whole way to an enclave that can be entered; returns what INIT said.
    pub fn launch(&mut self, image: &Image, secs: &Secs, sigstruct: &SigStruct) -> Reply {
        self.build(image, secs);
        self.init(sigstruct).done().unwrap_or_else(|| panic!("INIT waits"))
    }
}

/// An ADD_PAGES structure with source and SECINFO where [`Loader`] puts them.
#[must_use]
pub fn request(offset: u64, length: u64, measure: bool) -> abi::AddPages {
    abi::AddPages {
        src: SOURCE.into(),
        offset: offset.into(),
        length: length.into(),
        secinfo: SECINFO.into(),
        flags: u64::from(measure).into(),
        count: 0xdead.into(),
    }
}
