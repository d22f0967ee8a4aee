//! Which mappings of an enclave file are allowed: mmap, mprotect, mremap. munmap always is.

use anyclave_arch::Linear;
use anyclave_trace::ioctl::MapCause;

use crate::rights::Rights;
use crate::{Driver, EnclaveId, IoctlRefusal};

/// A mapping that a program asks for, by mmap, or by mprotect for each affected piece of a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapRequest {
    /// First address, page-aligned.
    pub start: Linear,
    /// First address behind it, page-aligned.
    pub end: Linear,
    /// Rights that the mapping would have.
    pub rights: Rights,
    /// The process has the personality READ_IMPLIES_EXEC.
    pub read_implies_exec: bool,
}

/// The part of mmap's checks that comes before an address is chosen: enclave memory is shared.
///
/// # Errors
/// The mapping would be private: EINVAL, with MAP_FIXED too.
pub fn placement(private: bool) -> Result<(), IoctlRefusal> {
    if private { Err(IoctlRefusal::new(MapCause::Private, 0)) } else { Ok(()) }
}

/// mremap of a mapping of an enclave file. Moving at equal size and shrinking are not the driver's affair.
///
/// # Errors
/// MREMAP_DONTUNMAP: EINVAL. Growing: EFAULT.
pub fn mremap(old_length: u64, new_length: u64, dont_unmap: bool) -> Result<(), IoctlRefusal> {
    if dont_unmap {
        return Err(IoctlRefusal::new(MapCause::DontUnmap, old_length));
    }
    if new_length > old_length {
        return Err(IoctlRefusal::new(MapCause::Grows, old_length).found(new_length));
    }
    Ok(())
}

impl Driver {
    /// The driver's own check of a mapping: the last of mmap's, so that with MAP_FIXED the previous mapping
    /// is already gone when it fails; and mprotect's, for each mapping that the range touches.
    ///
    /// The offset in the file has no meaning: an address is a page of the enclave or none. Before CREATE,
    /// and before INIT outside the enclave, everything may be mapped; addresses without a page allow every
    /// right.
    ///
    /// # Errors
    /// EACCES: the enclave is initialised and the range is not inside; the personality; or a page in the
    /// range was added with fewer rights.
    pub fn may_map(&self, id: EnclaveId, request: &MapRequest) -> Result<(), IoctlRefusal> {
        let Some(enclave) = self.enclave(id) else {
            return Ok(());
        };
        let MapRequest { start, end, rights, read_implies_exec } = *request;
        if enclave.initialised {
            let limit = enclave.base.offset(enclave.size);
            if start < enclave.base {
                return Err(IoctlRefusal::new(MapCause::OutsideElrange, start.0).expected(enclave.base.0));
            }
            if end > limit {
                return Err(IoctlRefusal::new(MapCause::OutsideElrange, end.0).expected(limit.0));
            }
        }
        if read_implies_exec {
            return Err(IoctlRefusal::new(MapCause::ReadImpliesExec, start.0));
        }
        for (address, page) in enclave.pages(start, end) {
            if !page.most.contains(rights) {
                return Err(IoctlRefusal::new(MapCause::ExceedsPageRights, address.0)
                    .expected(page.most.bits())
                    .found(rights.bits()));
            }
        }
        Ok(())
    }
}
