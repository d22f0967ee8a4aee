//! SGX_IOC_ENCLAVE_CREATE: mainline's `sgx_ioc_enclave_create`.
//!
//! - EINVAL: the enclave exists already; SECS.SIZE is not a power of two; the backing storage would exceed the
//!   largest file.
//! - EFAULT: the argument or the SECS cannot be read; EPA faulted.
//! - ENOMEM: the EPC is full.
//! - EIO: ECREATE faulted. Everything else about the SECS is left to it.
//!
//! A CREATE that failed changes nothing and may be repeated.

use anyclave_arch::{Linear, PAGE_SIZE, PageType, SecInfo, SecInfoFlags, Secs};
use anyclave_cpu::{Encls, PAGE_BYTES};
use anyclave_epc::Progress;
use anyclave_trace::ioctl::CreateCause as Cause;
use zerocopy::transmute;

use super::{Context, GrowCauses, Step, Stop};
use crate::caller::Caller;
use crate::enclave::UNPRIVILEGED_ATTRIBUTES;
use crate::{IoctlRefusal, abi, errno};

/// CREATE between two waits.
#[derive(Debug)]
pub(crate) struct Create {
    /// Where the program keeps the SECS, for messages.
    source: u64,
    secs: Secs,
    /// The version array is taken care of; Some(true) if one was added.
    grown: Option<bool>,
}

impl Create {
    /// The checks that need no EPC.
    pub(super) fn start<N: Encls, C: Caller>(
        context: &mut Context<'_, N, C>,
        argument: u64,
    ) -> Result<Self, Stop> {
        if context.enclave.is_created() {
            return Err(IoctlRefusal::new(Cause::AlreadyCreated, context.enclave.base.0).into());
        }
        let create: abi::Create = context.copy_in(argument, Cause::ArgumentUnreadable)?;
        let source = create.src.get();
        let secs: Secs = context.copy_in(source, Cause::SecsUnreadable)?;
        let size = secs.size.get();
        if !size.is_power_of_two() {
            return Err(IoctlRefusal::new(Cause::SizeNotPowerOfTwo, source).found(size).into());
        }
        Ok(Self { source, secs, grown: None })
    }

    /// Takes the pages and executes ECREATE.
    pub(super) fn run<N: Encls, C: Caller>(&mut self, context: &mut Context<'_, N, C>) -> Step {
        let grown = match self.grown {
            Some(grown) => grown,
            None => match context.grow(&GrowCauses::create())? {
                Progress::Done(grown) => *self.grown.insert(grown),
                Progress::Wait(wait) => return Ok(Progress::Wait(wait)),
            },
        };
        let step = self.create(context);
        if step.is_err() {
            context.shrink(grown);
        }
        step
    }

    fn create<N: Encls, C: Caller>(&self, context: &mut Context<'_, N, C>) -> Step {
        let size = self.secs.size.get();
        // Linux makes the backing file now: contents and SECS, and 128 bytes of PCMD for each of their pages.
        let contents = size.wrapping_add(PAGE_SIZE);
        let backing = contents.wrapping_add(contents >> 5);
        if i64::try_from(backing).is_err() {
            return Err(IoctlRefusal::new(Cause::BackingTooLarge, self.source).found(size));
        }
        let page = match context.allocate(Cause::NoEpcForSecs)? {
            Progress::Done(page) => page,
            Progress::Wait(wait) => return Ok(Progress::Wait(wait)),
        };
        let secinfo = SecInfo::new(PageType::Secs, SecInfoFlags::empty());
        let image: [u8; PAGE_BYTES] = transmute!(self.secs);
        let page = match page.ecreate(context.encls, &image, &secinfo) {
            Ok(page) => page,
            Err(refused) => {
                context.epc.free(refused.page);
                return Err(errno::ecreate(&refused.error, self.source));
            }
        };
        let enclave = &mut *context.enclave;
        enclave.secs = Some(page);
        enclave.base = Linear(self.secs.base.get());
        enclave.size = size;
        enclave.attributes = self.secs.attributes.flags();
        // A PROVISION before CREATE is forgotten here.
        enclave.attributes_mask = UNPRIVILEGED_ATTRIBUTES;
        Ok(Progress::Done(0))
    }
}
