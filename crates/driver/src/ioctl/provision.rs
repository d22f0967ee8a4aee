//! SGX_IOC_ENCLAVE_PROVISION: mainline's `sgx_ioc_enclave_provision`.
//!
//! - EFAULT: the argument cannot be read.
//! - EINVAL: the descriptor is not an open file of the provision node.
//!
//! The state of the enclave is not looked at: before CREATE the permission is granted and then forgotten, after
//! INIT it is useless.

use anyclave_arch::Flags;
use anyclave_cpu::Encls;
use anyclave_epc::Progress;
use anyclave_trace::ioctl::ProvisionCause as Cause;

use super::{Context, Step, Stop};
use crate::caller::Caller;
use crate::{IoctlRefusal, abi};

/// PROVISION with its argument.
#[derive(Debug)]
pub(crate) struct Provision {
    fd: u32,
}

impl Provision {
    /// The argument.
    pub(super) fn start<N: Encls, C: Caller>(
        context: &mut Context<'_, N, C>,
        argument: u64,
    ) -> Result<Self, Stop> {
        let provision: abi::Provision = context.copy_in(argument, Cause::ArgumentUnreadable)?;
        let [a, b, c, d, ..] = provision.fd.get().to_le_bytes();
        Ok(Self { fd: u32::from_le_bytes([a, b, c, d]) })
    }

    /// The descriptor, and the permission.
    pub(super) fn run<N: Encls, C: Caller>(&self, context: &mut Context<'_, N, C>) -> Step {
        if !context.caller.is_provision_file(self.fd) {
            return Err(IoctlRefusal::new(Cause::NotProvisionFile, self.fd.into()));
        }
        context.enclave.attributes_mask |= Flags::PROVISIONKEY;
        Ok(Progress::Done(0))
    }
}
