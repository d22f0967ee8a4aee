//! SGX_IOC_ENCLAVE_ADD_PAGES: mainline's `sgx_ioc_enclave_add_pages`.
//!
//! - EINVAL: the enclave is not created or already initialised; `src`, `offset`, `length` or the SECINFO is
//!   wrong.
//! - EFAULT: the argument, the SECINFO or a source page cannot be read; EPA faulted; `count` cannot be written.
//! - EACCES: a source page comes from a mapping that may never be executable.
//! - EBUSY: the enclave already has a page there.
//! - ENOMEM: the EPC is full.
//! - EIO: EADD or EEXTEND faulted.
//! - ERESTARTSYS: a signal is pending and no page has been added; with pages added, the call returns 0 instead.
//!
//! Pages before the failing one stay. `count` says how many bytes were added and is written whatever
//! happened; it is not read. A failing EEXTEND leaves a measurement that no SIGSTRUCT has.

use anyclave_arch::{Linear, PAGE_SIZE, PageType, SecInfo, SecInfoFlags};
use anyclave_cpu::Encls;
use anyclave_epc::{Child, EpcPage, Free, Progress, Secs, Wait};
use anyclave_trace::ioctl::AddPagesCause as Cause;
use zerocopy::IntoBytes;

use super::{Context, GrowCauses, Step, Stop};
use crate::caller::{AccessError, Caller, SourceError};
use crate::enclave::EnclavePage;
use crate::rights::Rights;
use crate::{IoctlRefusal, abi, errno};

/// Bytes that one EEXTEND measures.
const CHUNK: usize = 256;

/// ADD_PAGES between two pages.
#[derive(Debug)]
pub(crate) struct AddPages {
    /// Where the argument lies.
    argument: u64,
    request: abi::AddPages,
    secinfo: SecInfo,
    /// Bytes added.
    count: u64,
    /// Pages until others get a turn.
    patience: u32,
    /// How it ended, while `count` is on its way to the program.
    outcome: Option<Step>,
}

/// Pages that are added in one go: well below a millisecond.
const PAGES_A_TURN: u32 = 64;

impl AddPages {
    /// The checks before the first page.
    pub(super) fn start<N: Encls, C: Caller>(
        context: &mut Context<'_, N, C>,
        argument: u64,
    ) -> Result<Self, Stop> {
        if !context.enclave.is_created() {
            return Err(IoctlRefusal::new(Cause::NotCreated, argument).into());
        }
        if context.enclave.initialised {
            return Err(IoctlRefusal::new(Cause::AlreadyInitialised, argument).into());
        }
        let request: abi::AddPages = context.copy_in(argument, Cause::ArgumentUnreadable)?;
        let source = request.src.get();
        if !source.is_multiple_of(PAGE_SIZE) {
            return Err(IoctlRefusal::new(Cause::SourceUnaligned, source).into());
        }
        check_range(request.offset.get(), request.length.get(), context.enclave.size)?;
        let secinfo = context.copy_in(request.secinfo.get(), Cause::SecinfoUnreadable);
        if let Err(Stop::Wait(_)) = secinfo {
            // One wait for both, mostly. Nothing is decided by this.
            let _ = context.caller.source_is_ready(source);
        }
        let secinfo: SecInfo = secinfo?;
        check_secinfo(&secinfo)?;
        Ok(Self { argument, request, secinfo, count: 0, patience: PAGES_A_TURN, outcome: None })
    }

    /// Adds page after page, then reports `count`.
    pub(super) fn run<N: Encls, C: Caller>(&mut self, context: &mut Context<'_, N, C>) -> Step {
        let outcome = match self.outcome.take() {
            Some(outcome) => outcome,
            None => self.add_all(context),
        };
        if let Ok(Progress::Wait(wait)) = outcome {
            return Ok(Progress::Wait(wait));
        }
        self.request.count.set(self.count);
        match context.caller.write(self.argument, self.request.as_bytes()) {
            Ok(()) => outcome,
            Err(AccessError::Efault) => Err(IoctlRefusal::new(Cause::CountUnwritable, self.argument)),
            Err(AccessError::Later) => {
                self.outcome = Some(outcome);
                Ok(Progress::Wait(Wait::Memory))
            }
        }
    }

    fn add_all<N: Encls, C: Caller>(&mut self, context: &mut Context<'_, N, C>) -> Step {
        while self.count < self.request.length.get() {
            if context.caller.signal_pending() {
                if self.count == 0 {
                    return Err(IoctlRefusal::new(Cause::SignalPending, self.request.offset.get()));
                }
                break;
            }
            if self.patience == 0 {
                self.patience = PAGES_A_TURN;
                return Ok(Progress::Wait(Wait::Turn));
            }
            match self.add_page(context)? {
                Progress::Done(()) => {
                    self.count += PAGE_SIZE;
                    self.patience -= 1;
                }
                Progress::Wait(wait) => return Ok(Progress::Wait(wait)),
            }
        }
        Ok(Progress::Done(0))
    }

    /// Takes what one page needs of the EPC; gives all of it back if the page does not come to be.
    fn add_page<N: Encls, C: Caller>(
        &self,
        context: &mut Context<'_, N, C>,
    ) -> Result<Progress<()>, IoctlRefusal> {
        // The source is at hand before anything is taken that would have to be kept over a wait. What is wrong with
        // it counts only at its turn.
        if context.enclave.page(self.linaddr(context)).is_none()
            && !context.caller.source_is_ready(self.source())
        {
            return Ok(Progress::Wait(Wait::Memory));
        }
        let page = match context.allocate(Cause::NoEpc)? {
            Progress::Done(page) => page,
            Progress::Wait(wait) => return Ok(Progress::Wait(wait)),
        };
        let grown = match context.grow(&GrowCauses::add_pages()) {
            Ok(Progress::Done(grown)) => grown,
            Ok(Progress::Wait(wait)) => {
                context.epc.free(page);
                return Ok(Progress::Wait(wait));
            }
            Err(refusal) => {
                context.epc.free(page);
                return Err(refusal);
            }
        };
        let added = self.fill_page(context, page);
        if added.is_err() {
            context.shrink(grown);
        }
        added.map(Progress::Done)
    }

    /// The place is free and the source can be copied; then EADD and EEXTENDs.
    fn fill_page<N: Encls, C: Caller>(
        &self,
        context: &mut Context<'_, N, C>,
        page: EpcPage<Free>,
    ) -> Result<(), IoctlRefusal> {
        let (offset, linaddr) = (self.offset(), self.linaddr(context));
        if context.enclave.page(linaddr).is_some() {
            context.epc.free(page);
            return Err(IoctlRefusal::new(Cause::PagePresent, offset));
        }
        let contents = match context.caller.source_page(self.source()) {
            Ok(contents) => contents,
            Err(error) => {
                context.epc.free(page);
                return Err(self.no_source(error));
            }
        };
        // `start` has seen the SECS, and only `release` takes it away.
        let Some(secs) = &context.enclave.secs else {
            context.epc.free(page);
            return Err(IoctlRefusal::new(Cause::NotCreated, self.argument));
        };
        let page = match page.eadd(context.encls, secs, linaddr, contents, &self.secinfo) {
            Ok(page) => page,
            Err(refused) => {
                context.epc.free(refused.page);
                return Err(errno::eadd(&refused.error, offset));
            }
        };
        if self.request.flags.get() & abi::PAGE_MEASURE != 0
            && let Err(error) = measure(context.encls, secs, &page)
        {
            context.epc.reclaim(context.encls, page);
            return Err(errno::eextend(&error, offset));
        }
        let page_type = self.secinfo.page_type().unwrap_or(PageType::Reg);
        let page = EnclavePage { page, page_type, most: Rights::most(&self.secinfo) };
        context.enclave.pages.insert(linaddr.0 / PAGE_SIZE, page);
        Ok(())
    }

    /// Where the page that is next lies in ELRANGE.
    const fn offset(&self) -> u64 {
        self.request.offset.get().wrapping_add(self.count)
    }

    const fn linaddr<N, C>(&self, context: &Context<'_, N, C>) -> Linear {
        context.enclave.base.offset(self.offset())
    }

    /// Where its contents are.
    const fn source(&self) -> u64 {
        self.request.src.get().wrapping_add(self.count)
    }

    /// What is wrong with the source.
    fn no_source(&self, error: SourceError) -> IoctlRefusal {
        let cause = match error {
            SourceError::NoMapping => Cause::SourceUnmapped,
            SourceError::NoExec => Cause::SourceNoExec,
            // It was ready before; a caller that forgets has no page.
            SourceError::Unreadable | SourceError::Later => Cause::SourceUnreadable,
        };
        IoctlRefusal::new(cause, self.source())
    }
}

/// `sgx_validate_offset_length`.
fn check_range(offset: u64, length: u64, size: u64) -> Result<(), IoctlRefusal> {
    if !offset.is_multiple_of(PAGE_SIZE) {
        return Err(IoctlRefusal::new(Cause::OffsetUnaligned, offset));
    }
    if length == 0 {
        return Err(IoctlRefusal::new(Cause::LengthZero, offset));
    }
    if !length.is_multiple_of(PAGE_SIZE) {
        return Err(IoctlRefusal::new(Cause::LengthUnaligned, offset).found(length));
    }
    let end = offset
        .checked_add(length)
        .ok_or_else(|| IoctlRefusal::new(Cause::RangeWraps, offset).found(length))?;
    if end - PAGE_SIZE >= size {
        return Err(IoctlRefusal::new(Cause::RangeOutside, offset).expected(size).found(end));
    }
    Ok(())
}

/// `sgx_validate_secinfo`. The processor would drop a TCS's rights in silence, so they are refused here.
fn check_secinfo(secinfo: &SecInfo) -> Result<(), IoctlRefusal> {
    let flags = secinfo.flags.get();
    let bits = secinfo.bits();
    let refusal = |cause| Err(IoctlRefusal::new(cause, flags));
    let tcs = match secinfo.page_type() {
        Some(PageType::Tcs) => true,
        Some(PageType::Reg) => false,
        _ => return refusal(Cause::PageTypeInvalid),
    };
    if bits.contains(SecInfoFlags::W) && !bits.contains(SecInfoFlags::R) {
        return refusal(Cause::WriteWithoutRead);
    }
    if tcs && bits.intersects(SecInfoFlags::RWX) {
        return refusal(Cause::TcsWithRights);
    }
    if bits.intersects(SecInfoFlags::RWX.complement()) {
        return refusal(Cause::SecinfoReservedFlag);
    }
    if secinfo.reserved != [0; 56] {
        return refusal(Cause::SecinfoReserved);
    }
    Ok(())
}

/// EEXTEND of the whole page.
fn measure(
    encls: &mut impl Encls,
    secs: &EpcPage<Secs>,
    page: &EpcPage<Child>,
) -> Result<(), anyclave_cpu::EnclsError> {
    for offset in (0..PAGE_SIZE).step_by(CHUNK) {
        page.eextend(encls, secs, offset)?;
    }
    Ok(())
}
