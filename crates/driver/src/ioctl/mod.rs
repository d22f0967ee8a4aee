//! The ioctls of an enclave file: what they have in common, and the dispatch.
//!
//! An ioctl is an [`Operation`]: its `start` looks at the argument, its `run` does the work. Both may be
//! interrupted by a wait. `start` changes nothing and is begun again; `run` goes on where it stopped. All state that
//! outlives a wait is in the operation or in the enclave, so an enclave may be released with an operation in
//! progress.

mod add_pages;
mod create;
mod init;
mod provision;

use anyclave_cpu::Encls;
use anyclave_epc::{EpcPage, Free, OutOfEpc, Progress, Wait};
use anyclave_trace::ioctl::{IoctlCause, PrologueCause};
use zerocopy::{FromBytes, IntoBytes};

use crate::caller::{AccessError, Caller};
use crate::enclave::Enclave;
use crate::{Driver, EnclaveId, Features, IoctlRefusal, Reply, abi, errno};

use add_pages::AddPages;
use create::Create;
use init::Init;
use provision::Provision;

/// An ioctl.
#[derive(Debug)]
pub(crate) enum Operation {
    /// Before its argument has been looked at.
    Begin {
        command: u32,
        argument: u64,
    },
    Create(Box<Create>),
    AddPages(Box<AddPages>),
    Init(Box<Init>),
    Provision(Provision),
}

/// Everything that an ioctl works on.
pub(crate) struct Context<'a, N, C> {
    pub(crate) epc: &'a mut anyclave_epc::Epc,
    pub(crate) features: &'a Features,
    pub(crate) encls: &'a mut N,
    pub(crate) caller: &'a mut C,
    pub(crate) enclave: &'a mut Enclave,
}

/// A way through an ioctl: to its end or to a wait, or to a failing check.
type Step = Result<Progress<i64>, IoctlRefusal>;

/// Why an operation does not start: it waits, or is refused.
enum Stop {
    Wait(Wait),
    Refused(IoctlRefusal),
}

impl From<IoctlRefusal> for Stop {
    fn from(refusal: IoctlRefusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Driver {
    /// ioctl on an enclave file, with the command and the argument as the program gave them. The mode in which
    /// the file was opened does not matter.
    ///
    /// After [`Progress::Wait`] the enclave is busy: the caller waits, then calls [`Driver::resume`].
    ///
    /// # Errors
    /// In the reply: EBUSY while another ioctl on the same file waits, even for a command that does not
    /// exist; ENOTTY for such a command; ENODEV for those of SGX2 on a processor without it; the rest is in
    /// each ioctl's own file.
    pub fn ioctl(
        &mut self,
        encls: &mut impl Encls,
        caller: &mut impl Caller,
        id: EnclaveId,
        command: u32,
        argument: u64,
    ) -> Progress<Reply> {
        let Some(enclave) = self.enclaves.get_mut(&id) else {
            return refuse(PrologueCause::UnknownCommand, command.into());
        };
        if enclave.is_busy() {
            return refuse(PrologueCause::Busy, command.into());
        }
        let mut context = Context { epc: &mut self.epc, features: &self.features, encls, caller, enclave };
        Operation::Begin { command, argument }.advance(&mut context)
    }

    /// Goes on with the ioctl of an enclave that answered [`Progress::Wait`], when the wait is over. It must be
    /// called once for every wait, also for a thread that was killed meanwhile; its `caller` then has a
    /// signal pending.
    pub fn resume(
        &mut self,
        encls: &mut impl Encls,
        caller: &mut impl Caller,
        id: EnclaveId,
    ) -> Progress<Reply> {
        let waiting =
            self.enclaves.get_mut(&id).and_then(|enclave| Some((enclave.operation.take()?, enclave)));
        let Some((operation, enclave)) = waiting else {
            return refuse(PrologueCause::UnknownCommand, 0);
        };
        let mut context = Context { epc: &mut self.epc, features: &self.features, encls, caller, enclave };
        operation.advance(&mut context)
    }
}

fn refuse(cause: impl Into<IoctlCause>, operand: u64) -> Progress<Reply> {
    Progress::Done(Err(IoctlRefusal::new(cause, operand)))
}

impl Operation {
    /// The checks of an ioctl's own `start`; which ioctls there are.
    fn start<N: Encls, C: Caller>(
        context: &mut Context<'_, N, C>,
        command: u32,
        argument: u64,
    ) -> Result<Self, Stop> {
        let unknown = |cause: PrologueCause| Stop::Refused(IoctlRefusal::new(cause, command.into()));
        match command {
            abi::ENCLAVE_CREATE => Create::start(context, argument).map(Box::new).map(Self::Create),
            abi::ENCLAVE_ADD_PAGES => AddPages::start(context, argument).map(Box::new).map(Self::AddPages),
            abi::ENCLAVE_INIT => Init::start(context, argument).map(Box::new).map(Self::Init),
            abi::ENCLAVE_PROVISION => Provision::start(context, argument).map(Self::Provision),
            abi::ENCLAVE_RESTRICT_PERMISSIONS | abi::ENCLAVE_MODIFY_TYPES | abi::ENCLAVE_REMOVE_PAGES
                if !context.features.sgx2 =>
            {
                Err(unknown(PrologueCause::NoSgx2))
            }
            _ => Err(unknown(PrologueCause::UnknownCommand)),
        }
    }

    fn advance<N: Encls, C: Caller>(mut self, context: &mut Context<'_, N, C>) -> Progress<Reply> {
        if let Self::Begin { command, argument } = self {
            match Self::start(context, command, argument) {
                Ok(started) => self = started,
                Err(Stop::Refused(refusal)) => return Progress::Done(Err(refusal)),
                Err(Stop::Wait(wait)) => {
                    context.enclave.operation = Some(self);
                    return Progress::Wait(wait);
                }
            }
        }
        let step = match &mut self {
            // Started above.
            Self::Begin { .. } => Ok(Progress::Wait(Wait::Turn)),
            Self::Create(create) => create.run(context),
            Self::AddPages(add_pages) => add_pages.run(context),
            Self::Init(init) => init.run(context),
            Self::Provision(provision) => provision.run(context),
        };
        match step {
            Ok(Progress::Done(value)) => Progress::Done(Ok(value)),
            Ok(Progress::Wait(wait)) => {
                context.enclave.operation = Some(self);
                Progress::Wait(wait)
            }
            Err(refusal) => Progress::Done(Err(refusal)),
        }
    }
}

/// Why a version array could not be added.
struct GrowCauses {
    /// No EPC page.
    no_epc: IoctlCause,
    /// EPA failed.
    epa: fn(&anyclave_cpu::EnclsError) -> IoctlRefusal,
}

impl<N: Encls, C: Caller> Context<'_, N, C> {
    /// One copy of a structure of the program; `unreadable` refuses the ioctl where there is none.
    fn copy_in<T: FromBytes + IntoBytes>(
        &mut self,
        at: u64,
        unreadable: impl Into<IoctlCause>,
    ) -> Result<T, Stop> {
        let mut value = T::new_zeroed();
        match self.caller.read(at, value.as_mut_bytes()) {
            Ok(()) => Ok(value),
            Err(AccessError::Later) => Err(Stop::Wait(Wait::Memory)),
            Err(AccessError::Efault) => Err(IoctlRefusal::new(unreadable, at).into()),
        }
    }

    fn allocate(&mut self, cause: impl Into<IoctlCause>) -> Result<Progress<EpcPage<Free>>, IoctlRefusal> {
        Ok(match self.epc.allocate(self.encls) {
            Progress::Done(Ok(page)) => Progress::Done(page),
            Progress::Done(Err(OutOfEpc)) => {
                return Err(IoctlRefusal::new(cause, 0).found(self.epc.counters().free));
            }
            Progress::Wait(wait) => Progress::Wait(wait),
        })
    }

    /// Makes room for one more page in the version arrays: every 512th page needs a new array. Says whether
    /// one was added.
    fn grow(&mut self, causes: &GrowCauses) -> Result<Progress<bool>, IoctlRefusal> {
        let grows = self.enclave.page_count.is_multiple_of(VA_SLOTS);
        if grows {
            let page = match self.allocate(causes.no_epc)? {
                Progress::Done(page) => page,
                Progress::Wait(wait) => return Ok(Progress::Wait(wait)),
            };
            match page.epa(self.encls) {
                Ok(page) => self.enclave.va_pages.push(page),
                Err(refused) => {
                    self.epc.free(refused.page);
                    return Err((causes.epa)(&refused.error));
                }
            }
        }
        self.enclave.page_count += 1;
        Ok(Progress::Done(grows))
    }

    /// Undoes [`Self::grow`].
    fn shrink(&mut self, grown: bool) {
        self.enclave.page_count -= 1;
        if grown && let Some(page) = self.enclave.va_pages.pop() {
            self.epc.reclaim(self.encls, page);
        }
    }
}

/// Slots of a version array.
const VA_SLOTS: u64 = 512;

impl GrowCauses {
    fn create() -> Self {
        let no_epc = anyclave_trace::ioctl::CreateCause::NoEpcForVa.into();
        Self { no_epc, epa: errno::epa_at_create }
    }

    fn add_pages() -> Self {
        let no_epc = anyclave_trace::ioctl::AddPagesCause::NoEpcForVa.into();
        Self { no_epc, epa: errno::epa_at_add_pages }
    }
}
