//! SGX_IOC_ENCLAVE_PROVISION: mainline's `sgx_ioc_enclave_provision`.
//!
//! - EFAULT: the argument cannot be read.
//! - EINVAL: the descriptor is not an open file of the provision node.
//!
//! The state of the enclave is not looked at: before CREATE the permission is granted and then forgotten, after
//! INIT it is useless.

use anyclave_arch::Flags;
use anyclave_cpu::Encls;
use anyclave_trace::ioctl::ProvisionCause as Cause;

use super::Context;
use crate::caller::Caller;
use crate::{IoctlRefusal, Reply, abi};

pub(super) fn provision<N: Encls, C: Caller>(context: &mut Context<'_, N, C>, argument: u64) -> Reply {
    let provision: abi::Provision = context
        .copy_in(argument)
        .map_err(|_efault| IoctlRefusal::new(Cause::ArgumentUnreadable, argument))?;
    let [a, b, c, d, ..] = provision.fd.get().to_le_bytes();
    let fd = u32::from_le_bytes([a, b, c, d]);
    if !context.caller.is_provision_file(fd) {
        return Err(IoctlRefusal::new(Cause::NotProvisionFile, fd.into()));
    }
    context.enclave.attributes_mask |= Flags::PROVISIONKEY;
    Ok(0)
}
