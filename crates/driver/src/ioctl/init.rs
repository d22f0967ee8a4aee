//! SGX_IOC_ENCLAVE_INIT: mainline's `sgx_ioc_enclave_init`.
//!
//! - EINVAL: the enclave is not created or already initialised; SIGSTRUCT has an unknown vendor, or enforces
//!   attributes, MISCSELECT or XFRM bits that the processor lacks.
//! - EFAULT: the argument or the SIGSTRUCT cannot be read.
//! - EACCES: the enclave has an attribute that the file was not given.
//! - EIO: EINIT faulted.
//! - EPERM: EINIT returned a code, whichever.
//! - ERESTARTSYS: a signal came between two rounds.
//!
//! An INIT that failed changes nothing and may be repeated. Launch control: the hash MSRs are set to the
//! enclave's own signer before each EINIT, with a zero token, so any signer launches.

use core::time::Duration;

use anyclave_arch::token::EinitToken;
use anyclave_arch::{SgxError, SigStruct, msr, sigstruct};
use anyclave_cpu::{Encls, EnclsError};
use anyclave_crypto::sha256;
use anyclave_epc::{EpcPage, Progress, Secs, Wait};
use anyclave_trace::ioctl::InitCause as Cause;
use zerocopy::FromZeros;

use super::{Context, Step, Stop};
use crate::caller::Caller;
use crate::{Features, IoctlRefusal, abi, errno};

/// Rounds of EINIT while events keep interrupting it.
const ROUNDS: u32 = 50;
/// Tries in a round.
const TRIES: u32 = 20;
/// The pause between rounds.
const PAUSE: Duration = Duration::from_millis(20);

/// INIT between two rounds.
#[derive(Debug)]
pub(crate) struct Init {
    /// Where the program keeps the SIGSTRUCT, for messages.
    source: u64,
    sigstruct: SigStruct,
    mrsigner: [u64; 4],
    /// Rounds that are over.
    rounds: u32,
    /// How the last of them ended.
    interrupted: Option<EnclsError>,
}

impl Init {
    /// The checks before EINIT.
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
        let init: abi::Init = context.copy_in(argument, Cause::ArgumentUnreadable)?;
        let source = init.sigstruct.get();
        let sigstruct: SigStruct = context.copy_in(source, Cause::SigstructUnreadable)?;
        let vendor = sigstruct.vendor.get();
        if vendor != 0 && vendor != sigstruct::VENDOR_INTEL {
            return Err(IoctlRefusal::new(Cause::VendorUnknown, source).found(vendor).into());
        }
        let (attributes, mask) = (context.enclave.attributes, context.enclave.attributes_mask);
        if !mask.contains(attributes) {
            let refusal = IoctlRefusal::new(Cause::AttributeNotPermitted, argument);
            return Err(refusal.expected(mask.bits()).found(attributes.bits()).into());
        }
        check_enforced(context.features, &sigstruct, source)?;
        let mrsigner = msr::lepubkeyhash_msrs(&sha256(&sigstruct.modulus));
        Ok(Self { source, sigstruct, mrsigner, rounds: 0, interrupted: None })
    }

    /// A round of EINIT, after a look at what the pause before it has brought.
    pub(super) fn run<N: Encls, C: Caller>(&mut self, context: &mut Context<'_, N, C>) -> Step {
        if let Some(error) = &self.interrupted {
            if context.caller.signal_pending() {
                return Err(IoctlRefusal::new(Cause::SignalPending, self.source).found(self.rounds));
            }
            // Linux pauses after its last round too, and gives up only then.
            if self.rounds == ROUNDS {
                return Err(errno::einit(error, self.source));
            }
        }
        // `start` has seen the SECS, and only `release` takes it away.
        let Some(secs) = &context.enclave.secs else {
            return Err(IoctlRefusal::new(Cause::NotCreated, self.source));
        };
        match self.round(context.encls, secs) {
            Ok(()) => {
                context.enclave.initialised = true;
                Ok(Progress::Done(0))
            }
            Err(error) if error.code() == Some(SgxError::UnmaskedEvent) => {
                self.rounds += 1;
                self.interrupted = Some(error);
                Ok(Progress::Wait(Wait::Sleep(PAUSE)))
            }
            Err(error) => Err(errno::einit(&error, self.source)),
        }
    }

    /// EINIT until no event interrupts it, [`TRIES`] times at most.
    fn round(&self, encls: &mut impl Encls, secs: &EpcPage<Secs>) -> Result<(), EnclsError> {
        let token = EinitToken::new_zeroed();
        let mut tries = 1;
        loop {
            // The write fails only where launch control is not flexible. Linux has no enclave driver then;
            // here EINIT itself says whether the signer may launch.
            let _written = encls.wrmsr_lepubkeyhash(self.mrsigner);
            match secs.einit(encls, &self.sigstruct, &token) {
                Err(error) if error.code() == Some(SgxError::UnmaskedEvent) && tries < TRIES => tries += 1,
                outcome => return outcome,
            }
        }
    }
}

/// What SIGSTRUCT enforces must be known and there. What it does not enforce may be anything.
fn check_enforced(features: &Features, sigstruct: &SigStruct, source: u64) -> Result<(), IoctlRefusal> {
    let enforced = sigstruct.attributes.masked(&sigstruct.attributemask);
    let checks = [
        (Cause::AttributesUnsupported, enforced.flags.get() & features.reserved_attributes()),
        (
            Cause::MiscselectUnsupported,
            u64::from(sigstruct.miscselect.get() & sigstruct.miscmask.get() & features.reserved_miscselect()),
        ),
        (Cause::XfrmUnsupported, enforced.xfrm.get() & features.reserved_xfrm()),
    ];
    match checks.into_iter().find(|(_, offending)| *offending != 0) {
        Some((cause, offending)) => Err(IoctlRefusal::new(cause, source).found(offending)),
        None => Ok(()),
    }
}
